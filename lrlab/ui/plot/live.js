// Follows runs by their event stream: a strip of words per run, and the charts. The server makes both; this puts them
// in their places and keeps node, zoom and layout while they change.

const VIEW_KEY = "lrlab-live-view";

class Live {
  constructor(root, component) {
    this.root = root;
    this.view = { x: "epoch", log: "0", ...readView() };
    this.strips = new Map();
    this.newest = null;
    this.drawing = null;
    this.zoom = new Map(); // axis -> the range that a person chose
    this.resets = 0;
    this.wasLive = false;
    this.build(component.data);
    this.chart = new Chart(this.parts.chart, component.data.plotly);
    this.onSeen = () => document.hidden || this.show();
    document.addEventListener("visibilitychange", this.onSeen);
    this.update(component);
  }

  update(component) {
    this.component = component;
    const { runs, api } = component.data;
    const address = `${api}/live?runs=${runs.map(encodeURIComponent).join(",")}`;
    if (address === this.address) return;
    this.address = address;
    this.api = api;
    this.forgetZoom();
    this.root.firstChild.classList.toggle("several", runs.length > 1);
    this.connect();
  }

  close() {
    this.stream.close();
    for (const strip of this.strips.values()) strip.hand.close();
    document.removeEventListener("visibilitychange", this.onSeen);
    this.chart.close();
    this.root.replaceChildren();
  }

  // ---- the frame ------------------------------------------------------------------------------------------------

  build({ texts }) {
    this.texts = texts;
    const part = (name, attributes = {}, ...children) => element("div", { class: name, ...attributes }, ...children);
    const parts = {
      strips: part("strips"),
      key: part("key"),
      lost: part("lost", { role: "status", hidden: true }, texts.lost),
      chart: part("chart", { role: "img", "aria-label": texts.chart }),
      waiting: part("waiting", { role: "status" }),
    };
    this.parts = parts;
    this.counsel = new Counsel(texts, (advice) => this.tried(advice));
    parts.whole = element("button", { type: "button", class: "whole", onclick: () => this.unzoom() }, texts.whole);
    const switches = part(
      "switches", {},
      this.toggle("x", texts.x, ["epoch", "step", "seconds"].map((value) => [value, texts[value]])),
      this.toggle("log", texts.scale, [["0", texts.linear], ["1", texts.log]]),
    );
    const stage = part("stage", {}, parts.chart, parts.whole, parts.waiting, parts.lost);
    const charts = part("charts", {}, part("bar", {}, parts.key, switches), stage);
    this.root.replaceChildren(part("live", {}, parts.strips, part("body", {}, charts, this.counsel.node)));
    this.wait([{ message: texts.connecting }]);
  }

  toggle(name, title, choices) {
    const buttons = choices.map(([value, text]) =>
      element("button", { type: "button", "data-value": value, onclick: () => this.turn(name, value) }, text),
    );
    const node = element("div", { class: "toggle", role: "group", "aria-label": title, "data-testid": `live-${name}` }, element("span", {}, title), ...buttons);
    this.press(node, this.view[name]);
    return node;
  }

  press(node, value) {
    for (const button of node.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.dataset.value === value));
  }

  turn(name, value) {
    if (this.view[name] === value) return;
    this.view[name] = value;
    this.press(this.root.querySelector(`[data-testid="live-${name}"]`), value);
    writeView(this.view);
    if (name === "x") this.forgetZoom();
    this.connect();
  }

  // ---- the stream -----------------------------------------------------------------------------------------------

  connect() {
    this.stream?.close();
    this.drawing = null;
    this.refused = false;
    this.stream = new Stream(`${this.address}&x=${this.view.x}&log=${this.view.log}`, {
      news: (data, last) => this.take(data, last),
      lost: (isLost) => (this.parts.lost.hidden = !isLost),
      refused: (sentence, status) => this.refuse(sentence, status),
    });
  }

  refuse(sentence, status) {
    this.refused = true;
    this.instead([{ message: capital(sentence), signedOut: status === SIGNED_OUT }]);
  }

  take(news, last) {
    this.newest = news;
    this.wasLive ||= news.runs.some((run) => !run.final);
    if (!document.hidden) this.show();
    if (last && this.wasLive) {
      this.wasLive = false;
      this.component.setTriggerValue("ended", Date.now());
    }
  }

  // A run that had ended waits to be trained on: its stream begins anew, and the page shows a run at work.
  resumed() {
    this.connect();
    this.component.setTriggerValue("resumed", Date.now());
  }

  // What an advice's button says. Another form and another page are Python's to open.
  tried(advice) {
    const [run] = this.newest.runs;
    const { hand } = this.strips.get(run.id);
    if (advice.deed === "lr") hand.multiply(advice.amount);
    else if (advice.deed === "resume") hand.resume(advice.amount);
    else this.component.setTriggerValue("tried", { run: run.id, deed: advice.deed, changes: advice.changes });
  }

  // ---- what is seen ---------------------------------------------------------------------------------------------

  show() {
    const news = this.newest;
    if (!news || this.refused) return;
    this.showStrips(news.runs);
    if (news.runs.length === 1) this.counsel.show(news.runs[0]);
    const drawable = news.runs.some((run) => run.step > 0);
    this.root.firstChild.classList.toggle("drawable", drawable);
    if (!drawable) return this.wait(this.whyEmpty(news.runs));
    this.parts.waiting.hidden = true;
    this.showKey(news);
    if (news.drawing !== this.drawing) {
      this.drawing = news.drawing;
      this.draw();
    }
  }

  // The server's axes follow the rows; an axis that a person has zoomed stays as it is until they ask for all of it.
  async draw() {
    const { data, layout } = this.newest.figure;
    const drawn = { ...layout };
    this.root.firstChild.classList.toggle("four", Boolean(layout.yaxis4));
    for (const axis of ["xaxis", "yaxis", "yaxis2"]) {
      // Plotly writes a zoom into the very array it was given.
      const range = [...(this.zoom.get(axis) ?? layout[axis].range)];
      drawn[axis] = { ...layout[axis], range, uirevision: `${this.resets}` };
    }
    try {
      await this.chart.draw({ data, layout: drawn });
    } catch (error) {
      this.drawing = null; // it is drawn when something is shown next
      return this.instead([{ message: capital(error.message) }]);
    }
    if (this.listening || !this.parts.chart.on) return;
    this.listening = true;
    this.parts.chart.on("plotly_relayout", (change) => this.zoomed(change));
    this.parts.chart.on("plotly_doubleclick", () => (this.unzooming = true));
  }

  zoomed(change) {
    if (this.unzooming) return this.unzoom();
    const axes = Object.keys(change).map((key) => key.match(/^([xy]axis2?)\.range/)?.[1]);
    for (const axis of axes.filter(Boolean)) this.zoom.set(axis, [...this.parts.chart.layout[axis].range]);
    this.root.firstChild.classList.toggle("zoomed", this.zoom.size > 0);
  }

  unzoom() {
    this.forgetZoom();
    this.draw();
  }

  forgetZoom() {
    this.unzooming = false;
    this.resets += 1;
    this.zoom.clear();
    this.root.firstChild.classList.remove("zoomed");
  }

  whyEmpty(runs) {
    if (!runs.length) return [{ message: this.texts.gone }];
    return runs.map(({ words, final, label, log }) => ({
      name: runs.length > 1 ? label : "",
      message: words.cause || words.message,
      advice: words.advice,
      log,
      final,
    }));
  }

  // In place of charts that cannot be seen: why.
  instead(lines) {
    this.root.firstChild.classList.remove("drawable");
    this.wait(lines);
  }

  // In place of charts that have no point yet: what is happening.
  wait(lines) {
    this.parts.waiting.hidden = false;
    const wanted = JSON.stringify(lines);
    if (this.parts.waiting.dataset.lines === wanted) return;
    this.parts.waiting.dataset.lines = wanted;
    this.parts.waiting.replaceChildren(
      ...lines.map(({ name, message, advice, log, final, signedOut }) =>
        element(
          "div", { class: "line" },
          name ? element("div", { class: "name" }, name) : null,
          element("div", { class: "message" }, message),
          advice ? element("div", { class: "advice" }, advice) : null,
          log ? this.folded(log) : null,
          signedOut ? signIn(this.texts) : null,
          final === false ? element("div", { class: "moving" }) : null,
        ),
      ),
    );
  }

  folded(log) {
    const node = lastLines(this.texts);
    putLines(node, log);
    return node;
  }

  showKey({ runs, smoothed, figure }) {
    const { texts } = this;
    const has = (name) => figure.layout.shapes.some((shape) => shape.name === name);
    const entries = [
      ["thin", smoothed ? texts.training.replace("{n}", smoothed) : texts.training_any, texts.training_more],
      ["dashed", texts.validation, texts.validation_more],
      ["ring", texts.best, texts.best_more],
      has("jump") ? ["hair", texts.changed] : null,
      has("hand") ? ["hand-line", texts.by_hand] : null,
      figure.data.some(({ marker }) => marker?.symbol === "line-ns") ? ["tick", texts.clipped] : null,
      runs.some((run) => !run.final) && this.view.x !== "seconds" ? ["dotted", texts.ahead] : null,
    ].filter(Boolean);
    const wanted = JSON.stringify(entries);
    if (this.parts.key.dataset.entries === wanted) return;
    this.parts.key.dataset.entries = wanted;
    this.parts.key.replaceChildren(
      ...entries.map(([look, text, title]) => element("span", { class: "entry", title }, element("i", { class: look }), text)),
    );
  }

  showStrips(runs) {
    for (const [id, strip] of this.strips) {
      if (!runs.some((run) => run.id === id)) {
        strip.node.remove();
        this.strips.delete(id);
      }
    }
    runs.forEach((run, place) => {
      if (!this.strips.has(run.id)) {
        const opened = this.component.data.opens ? () => this.component.setTriggerValue("opened", run.id) : null;
        this.strips.set(run.id, new Strip(run.id, this.api, this.texts, { resumed: () => this.resumed(), opened }));
      }
      const strip = this.strips.get(run.id);
      strip.show(run, runs.length > 1);
      const there = this.parts.strips.children[place];
      if (there !== strip.node) this.parts.strips.insertBefore(strip.node, there ?? null);
    });
  }
}

// The view outlives the page within a tab; where the browser keeps nothing, it starts anew.
function readView() {
  try {
    return JSON.parse(sessionStorage.getItem(VIEW_KEY)) ?? {};
  } catch {
    return {};
  }
}

function writeView(view) {
  try {
    sessionStorage.setItem(VIEW_KEY, JSON.stringify(view));
  } catch {
    // Private windows may refuse; the view then lasts as long as the page.
  }
}
