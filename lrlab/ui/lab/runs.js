// The runs at work, those that wait and those that ended lately, and what is done about them.

const PAGES = { train: "train?run=", find_lr: "find_lr?run=", dataset: "images?dataset=" };

// A link that opens within the page; any other click is the browser's own.
function opener(row, lab) {
  const link = element("a", { class: "name", onclick: (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    lab.open(row);
  } }, row.name);
  link.href = PAGES[row.kind] + encodeURIComponent(row.kind === "dataset" ? row.name : row.id);
  return link;
}

// What every row of a run has: a dot, a name, facts below it, deeds beside it.
function runRow(row, lab) {
  const dot = element("span", { class: "dot" });
  const name = row.id ? opener(row, lab) : element("span", { class: "name hidden-run" }, row.name);
  const owner = element("span", { class: "owner" });
  const facts = element("p", { class: "facts" });
  const deeds = element("div", { class: "deeds" });
  const node = element("li", { class: "run", "data-key": row.key },
    element("div", { class: "what" }, element("div", { class: "head" }, dot, name, owner), facts), deeds);
  dot.style.background = row.colour || "transparent";
  const fill = (now) => {
    say(name, now.name);
    name.title = now.name;
    say(owner, now.owner ? filled(lab.texts.of, { owner: now.owner }) : "");
    say(facts, now.facts);
    facts.title = now.facts;
    node.dataset.state = now.state;
  };
  return { node, deeds, fill };
}

// A button of one row: whoever does not see the row beside it hears whose it is.
function deed(text, help, row, done) {
  return element("button", { type: "button", title: help, "aria-label": `${text}: ${row.name}`, onclick: done }, text);
}

function arrow(text, help, done) {
  return element("button", { type: "button", class: "icon", title: help, "aria-label": help, onclick: done }, text);
}

function runningRow(row, lab) {
  const { texts } = lab;
  const drawn = runRow(row, lab);
  const bar = element("div", { class: "track", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100", "aria-label": row.name });
  const inside = element("div", { class: "fill" });
  bar.append(inside);
  drawn.node.querySelector(".what").append(bar);
  let stopping = false;
  const stop = deed(texts.stop, texts.stop_help, row, () => lab.post(`runs/${row.id}/stop${stopping ? "?force=1" : ""}`, stop));
  if (row.may.stop) drawn.deeds.append(stop);
  return { node: drawn.node, fill: (now) => {
    drawn.fill(now);
    const share = Math.round(1000 * (now.share ?? 0)) / 10;
    show(bar, Boolean(row.id));
    bar.setAttribute("aria-valuenow", Math.round(share));
    inside.style.width = `${share}%`;
    stopping = now.state === "stopping";
    say(stop, stopping ? texts.force : texts.stop);
    stop.setAttribute("aria-label", `${stop.textContent}: ${now.name}`);
    stop.title = stopping ? texts.force_help : texts.stop_help;
  } };
}

function waitingRow(row, lab) {
  const { texts } = lab;
  const drawn = runRow(row, lab);
  const number = element("span", { class: "place" });
  drawn.node.prepend(number);
  let at = 1;
  const move = (by, button) => lab.post(`runs/${row.id}/move?place=${at + by}`, button);
  const up = arrow("↑", filled(texts.up, row), () => move(-1, up));
  const down = arrow("↓", filled(texts.down, row), () => move(1, down));
  const cancel = deed(texts.cancel, filled(texts.cancel_help, row), row, () => lab.post(`runs/${row.id}/stop`, cancel));
  if (lab.may.move && row.id) drawn.deeds.append(up, down);
  if (row.may.stop) drawn.deeds.append(cancel);
  return { node: drawn.node, fill: (now, place, count) => {
    drawn.fill(now);
    at = place + 1;
    say(number, `${at}`);
    // Not disabled: a disabled button would let go of the focus while a run is moved step by step.
    up.setAttribute("aria-disabled", place === 0);
    down.setAttribute("aria-disabled", place === count - 1 && !lab.more);
  } };
}

function endedRow(row, lab) {
  const { texts } = lab;
  const drawn = runRow(row, lab);
  const retry = deed(texts.retry, filled(texts.retry_help, row), row, () => lab.post(`runs/${row.id}/retry`, retry));
  if (row.may.retry) drawn.deeds.append(retry);
  return { node: drawn.node, fill: drawn.fill };
}
