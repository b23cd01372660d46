// One run in words: what it is, how far it is, what can be done.
class Strip {
  // told: resumed() is called once the run waits to be trained on; opened(), where there is one, when its name is clicked.
  constructor(id, api, texts, told) {
    this.address = `${api}/runs/${encodeURIComponent(id)}`;
    this.texts = texts;
    const span = (name, attributes = {}) => element("span", { class: name, ...attributes });
    const link = (path, text, name = "") => element("a", { href: `${this.address}/${path}`, class: name, download: "", hidden: true }, text);
    this.parts = {
      dot: span("dot"),
      name: told.opened ? element("a", { class: "name", href: `train?run=${encodeURIComponent(id)}`, onclick: (event) => openHere(event, told) }) : span("name"),
      state: span("state", { role: "status" }),
      progress: span("progress"),
      left: span("left"),
      best: span("best"),
      speed: span("speed"),
      trouble: element("div", { class: "trouble", role: "alert", hidden: true }, element("div", { class: "cause" }), element("div", { class: "advice" }), lastLines(texts)),
      bar: element("div", { class: "track", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100" }, element("div", { class: "fill" })),
      stop: element("button", { type: "button", class: "stop", hidden: true, onclick: () => this.stop() }, texts.stop),
      links: {
        best: link("model?which=best", texts.best_model, "model"),
        last: link("model?which=last", texts.last_model, "model"),
        log: link("export?format=csv", texts.log_csv),
        parquet: link("export?format=parquet", texts.log_parquet),
      },
    };
    this.hand = new Hand(this.address, texts, told);
    const { dot, name, state, progress, left, best, speed, trouble, bar, stop, links } = this.parts;
    this.node = element(
      "section", { class: "strip", "data-run": id },
      element("div", { class: "head" }, dot, name, state, element("span", { class: "files" }, ...Object.values(links)), stop),
      bar,
      element("div", { class: "facts" }, progress, left, best, speed),
      this.hand.node,
      trouble,
    );
  }

  show(run, brief) {
    const { words, files } = run;
    const { parts } = this;
    const drawable = run.step > 0;
    parts.dot.style.background = run.colour;
    parts.bar.firstChild.style.background = run.colour;
    parts.bar.firstChild.style.width = `${100 * run.share}%`;
    parts.bar.setAttribute("aria-valuenow", String(Math.round(100 * run.share)));
    parts.bar.setAttribute("aria-label", run.name);
    this.node.dataset.state = run.state;
    put(parts.name, run.label);
    parts.name.title = run.name;
    put(parts.state, run.state);
    const end = words.cause ? `${capital(run.state)}: ${words.cause}` : words.message;
    put(parts.progress, brief && run.final ? end : words.progress || words.message);
    parts.progress.title = parts.progress.textContent;
    put(parts.left, words.left || (drawable && !(brief && run.final) ? words.message : ""));
    put(parts.best, words.best);
    put(parts.speed, [words.speed, words.device].filter(Boolean).join(" · "));
    put(parts.trouble.firstChild, this.refusal || words.cause || (run.state === "stalled" ? words.message : ""));
    put(parts.trouble.children[1], this.refusal ? "" : words.advice);
    putLines(parts.trouble.lastChild, this.refusal ? "" : run.log);
    // Before the first point the stage says it, and among several runs their one line does.
    parts.trouble.hidden = !this.refusal && (brief || !drawable || !parts.trouble.firstChild.textContent);
    parts.stop.hidden = !run.can_stop;
    if (run.final) this.asked = false; // it may be resumed, and stopped again
    parts.stop.disabled = run.stopping || this.asked === true;
    put(parts.stop, parts.stop.disabled ? this.texts.stopping : this.texts.stop);
    parts.links.best.hidden = !files.best;
    parts.links.last.hidden = !(files.last && run.final);
    parts.links.log.hidden = parts.links.parquet.hidden = !files.log;
    this.hand.show(run);
    this.shown = [run, brief];
  }

  async stop() {
    this.asked = true;
    this.refusal = "";
    this.show(...this.shown);
    this.refusal = await refusalOf(`${this.address}/stop`, this.texts);
    if (this.refusal) this.asked = false;
    this.show(...this.shown);
  }
}

// The last lines that a worker printed, folded until they are asked for.
function lastLines(texts) {
  return element("details", { class: "log", hidden: true }, element("summary", {}, texts.last_lines), element("pre"));
}

function putLines(node, text) {
  node.hidden = !text;
  put(node.lastChild, text || "");
}

// The way back for whoever is signed in no more: the page asks for the sign-in when it is loaded.
function signIn(texts) {
  return element("button", { type: "button", onclick: () => location.reload() }, texts.sign_in);
}

// A plain click opens the run in this page; any other is the browser's own.
function openHere(event, told) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  told.opened();
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// Sets a text where it changed, so that a reader of the screen is told only news.
function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
