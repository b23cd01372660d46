// The composer's controls, made from the server's description of what can be set. A number can always be typed; what
// is typed travels as text and is read by the server.

let controlCount = 0;

const BRIEF = 16; // characters: so short a meaning stands in the list itself
const TYPING_MS = 600; // while somebody types, a complaint waits for so long

// {node, show(field), complain(sentence)} for one setting; `send(change)` is called while it moves.
function makeControl(field, send, { texts, catalogue, exchange }) {
  const moving = () => exchange.moving(field.field);
  if (field.kind === "bool") return makeSwitch(field, send);
  if (field.kind === "choice") return makeChoice(field, send);
  if (field.kind === "lengths") return makeLengths(field, send, texts, moving);
  if (field.kind === "text") return makeText(field, send);
  if (field.kind === "formula") return makeText(field, send, glossary(texts.formula_help, catalogue.formula));
  return makeNumber(field, send, texts, moving);
}

function frame(field, ...inside) {
  const id = `lrlab-control-${++controlCount}`;
  const complaint = element("p", { class: "complaint", role: "alert", id: `${id}-why` });
  const unit = element("span", { class: "unit" });
  const note = element("p", { class: "note", id: `${id}-note` });
  const head = element("div", { class: "head" }, element("label", { for: id }, field.title), unit);
  const node = element("div", { class: "field", "data-testid": `field-${field.field}`, title: field.help }, head, ...inside, note, complaint);
  node.classList.toggle("bare", Boolean(field.bare));
  let waiting = null;
  const tell = (sentence) => {
    complaint.textContent = sentence;
    node.classList.toggle("wrong", sentence !== "");
  };
  // A number on its way, such as the 1 of 15, is no mistake yet.
  const complain = (sentence) => {
    clearTimeout(waiting);
    const left = sentence ? TYPING_MS - (performance.now() - (node.typedAt ?? -TYPING_MS)) : 0;
    if (left > 0) waiting = setTimeout(() => tell(sentence), left);
    else tell(sentence);
  };
  const typed = () => (node.typedAt = performance.now());
  for (const input of node.querySelectorAll("input, select")) input.title = field.help; // its description, too
  return { id, node, unit, note, complain, typed };
}

const focused = (node) => node.getRootNode().activeElement === node;

function assign(node, name, value) {
  if (node[name] !== value) node[name] = value;
}

function makeNumber(field, send, texts, moving) {
  const slide = element("input", { type: "range", "aria-label": field.title });
  const text = element("input", { type: "text", autocomplete: "off", spellcheck: "false", class: "number", inputmode: field.kind === "length" ? "text" : "decimal" });
  const clear = field.optional ? element("button", { type: "button", class: "plain", title: texts.unset, "aria-label": `${field.title}: ${texts.unset}` }, "×") : null;
  const pair = field.bare ? text : element("div", { class: "pair" }, slide, text, ...(clear ? [clear] : []));
  const { id, node, unit, note, complain, typed } = frame(field, pair);
  text.id = id;
  text.setAttribute("aria-describedby", `${id}-note ${id}-why`);
  let scale = linearScale(field);
  let shown = field;
  const say = () => assign(text, "value", shown.value === null ? "" : written(shown.value));
  slide.addEventListener("input", () => {
    const value = between(scale.value(Number(slide.value)), shown);
    text.value = written(value);
    send({ op: "set", field: field.field, value });
  });
  text.addEventListener("input", () => {
    typed();
    if (field.optional && text.value.trim() === "") send({ op: "set", field: field.field, value: null });
    else send({ op: "type", field: field.field, text: text.value, kind: field.kind });
  });
  // What was read of the text stands in its place, once that is known.
  text.addEventListener("change", () => node.classList.contains("wrong") || moving() || say());
  clear?.addEventListener("click", () => {
    text.value = "";
    send({ op: "set", field: field.field, value: null });
    text.focus();
  });
  const show = (now) => {
    shown = now;
    const value = now.value ?? now.start;
    assign(unit, "textContent", now.unit);
    assign(note, "textContent", now.note);
    scale = now.log ? logScale(now) : linearScale(now);
    for (const [name, bound] of [["min", scale.min], ["max", scale.max], ["step", scale.step]]) assign(slide, name, String(bound));
    if (!focused(text)) say();
    if (field.optional) {
      assign(text, "placeholder", texts.unset);
      if (now.value === null) assign(note, "textContent", now.optional);
      clear.hidden = now.value === null;
    }
    if (!slide.matches(":active")) assign(slide, "value", String(scale.place(value)));
    slide.setAttribute("aria-valuetext", now.value === null ? now.optional : `${written(value)} ${now.unit}`);
  };
  return { node, show, complain };
}

function makeSwitch(field, send) {
  const id = `lrlab-control-${++controlCount}`;
  const box = element("input", { type: "checkbox", id, role: "switch", onchange: () => send({ op: "set", field: field.field, value: box.checked }) });
  const complaint = element("p", { class: "complaint", role: "alert" });
  const node = element("div", { class: "field", "data-testid": `field-${field.field}`, title: field.help },
    element("label", { class: "switch", for: id }, box, element("span", {}, field.title)), complaint);
  return {
    node,
    show: (now) => assign(box, "checked", now.value),
    complain: (sentence) => {
      complaint.textContent = sentence;
      node.classList.toggle("wrong", sentence !== "");
    },
  };
}

function makeChoice(field, send) {
  const select = element("select", { onchange: () => send({ op: "set", field: field.field, value: select.value }) });
  const brief = field.choices.every(([, text]) => text.length <= BRIEF);
  for (const [value, text] of field.choices) select.append(element("option", { value, title: text }, brief ? text : value));
  const { id, node, note, complain } = frame(field, select);
  select.id = id;
  const meaning = Object.fromEntries(field.choices);
  return {
    node,
    complain,
    show: (now) => {
      assign(select, "value", now.value);
      if (!brief) assign(note, "textContent", meaning[now.value] ?? "");
    },
  };
}

function makeText(field, send, help = null) {
  const text = element("input", { type: "text", class: help ? "wide code" : "wide", autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
  const { id, node, complain, typed } = frame(field, text);
  if (help) node.append(help);
  text.id = id;
  text.setAttribute("aria-describedby", `${id}-why`);
  text.addEventListener("input", () => {
    typed();
    send({ op: "type", field: field.field, text: text.value, kind: "text" });
  });
  return { node, complain, show: (now) => focused(text) || assign(text, "value", now.value) };
}

function glossary(title, names) {
  const entries = names.flatMap(([name, meaning]) => [element("dt", {}, name), element("dd", {}, meaning)]);
  return element("details", { class: "fold" }, element("summary", {}, title), element("dl", {}, ...entries));
}

// Milestones: one slider each, kept between its neighbours, and one text for all of them.
function makeLengths(field, send, texts, moving) {
  const sliders = element("div", { class: "sliders" });
  const text = element("input", { type: "text", class: "wide", autocomplete: "off", spellcheck: "false" });
  const button = (sign, title) => element("button", { type: "button", title, "aria-label": `${field.title}: ${title}` }, sign);
  const [more, less] = [button("+", texts.one_more), button("−", texts.one_less)];
  const { id, node, unit, note, complain, typed } = frame(field, sliders, element("div", { class: "pair" }, text, less, more));
  text.id = id;
  text.setAttribute("aria-describedby", `${id}-why`);
  let values = [];
  let bounds = field;
  const tell = () => {
    text.value = values.join(", ");
    send({ op: "set", field: field.field, value: [...values] });
  };
  const slider = (index) => {
    const slide = element("input", { type: "range", "aria-label": `${field.title} ${index + 1}` });
    slide.addEventListener("input", () => {
      const low = index > 0 ? values[index - 1] : 0;
      const high = index + 1 < values.length ? values[index + 1] : Infinity;
      values[index] = Math.min(Math.max(Number(slide.value), low), high);
      slide.value = String(values[index]);
      tell();
    });
    return slide;
  };
  text.addEventListener("input", () => {
    typed();
    send({ op: "type", field: field.field, text: text.value, kind: "lengths" });
  });
  text.addEventListener("change", () => node.classList.contains("wrong") || moving() || assign(text, "value", values.join(", ")));
  more.addEventListener("click", () => {
    const last = values[values.length - 1] ?? 0;
    values = [...values, Math.max(last, Math.min(bounds.max, Math.ceil((last + bounds.max) / 2)))];
    tell();
  });
  less.addEventListener("click", () => {
    if (values.length > 1) values = values.slice(0, -1);
    tell();
  });
  const show = (now) => {
    bounds = now;
    values = [...now.value];
    assign(unit, "textContent", now.unit);
    assign(note, "textContent", now.note);
    less.disabled = values.length < 2;
    while (sliders.children.length > values.length) sliders.lastChild.remove();
    while (sliders.children.length < values.length) sliders.append(slider(sliders.children.length));
    [...sliders.children].forEach((slide, index) => {
      for (const [name, bound] of [["min", now.min], ["max", now.max], ["step", 1]]) assign(slide, name, String(bound));
      if (!slide.matches(":active")) assign(slide, "value", String(values[index]));
      slide.setAttribute("aria-valuetext", `${values[index]} ${now.unit}`);
    });
    if (!focused(text)) assign(text, "value", values.join(", "));
  };
  return { node, show, complain };
}

// ---- numbers as places on a slider ------------------------------------------------------------------------------

function linearScale({ min, max, step }) {
  const digits = Math.max(0, Math.ceil(-Math.log10(step || 1)));
  return { min, max, step: step || "any", place: (value) => value, value: (place) => Number(place.toFixed(digits)) };
}

// 100 places a decade, each rounded to two digits, so that 0.001 and 0.0025 are met exactly; left of all, zero where legal.
function logScale({ min, max, zero }) {
  const low = Math.log10(min);
  const places = Math.round((Math.log10(max) - low) * 100);
  return {
    min: zero ? -1 : 0,
    max: places,
    step: 1,
    place: (value) => (value <= 0 ? -1 : (Math.log10(value) - low) * 100),
    value: (place) => (place < 0 ? 0 : Number((10 ** (low + place / 100)).toPrecision(2))),
  };
}

// A milestone stays between its neighbours while it is dragged.
function between(value, { low, high }) {
  return Math.min(Math.max(value, low ?? -Infinity), Math.max(high ?? Infinity, low ?? -Infinity));
}

function written(value) {
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)) return value.toExponential().replace("e+", "e");
  return String(Number(value.toPrecision(12)));
}
