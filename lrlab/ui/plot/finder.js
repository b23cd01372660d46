// Follows an LR finder: a strip of words, and the loss over the LR as it grows. The server makes both; a click on the
// chart tells Python the LR that was meant.

class Finder {
  constructor(root, component) {
    this.root = root;
    this.wasLive = false;
    this.build(component.data);
    this.chart = new Chart(this.parts.chart, component.data.plotly);
    this.onSeen = () => document.hidden || this.show();
    document.addEventListener("visibilitychange", this.onSeen);
    this.update(component);
  }

  update(component) {
    this.component = component;
    const { run, api } = component.data;
    if (run === this.run) return;
    this.run = run;
    this.api = api;
    this.newest = null;
    this.drawing = null;
    this.asked = false;
    this.refusal = "";
    this.refused = false;
    this.stream?.close();
    this.stream = new Stream(`${api}/finder/${encodeURIComponent(run)}`, {
      news: (data, last) => this.take(data, last),
      lost: (isLost) => (this.parts.lost.hidden = !isLost),
      refused: (sentence, status) => this.refuse(sentence, status),
    });
  }

  refuse(sentence, status) {
    this.refused = true;
    this.instead({ message: capital(sentence), signedOut: status === SIGNED_OUT });
  }

  close() {
    this.stream.close();
    document.removeEventListener("visibilitychange", this.onSeen);
    this.chart.close();
    this.root.replaceChildren();
  }

  build({ texts }) {
    this.texts = texts;
    const part = (name, attributes = {}, ...children) => element("div", { class: name, ...attributes }, ...children);
    const span = (name, attributes = {}) => element("span", { class: name, ...attributes });
    const parts = {
      dot: span("dot"),
      name: span("name"),
      state: span("state", { role: "status" }),
      file: element("a", { download: "", hidden: true }, texts.csv),
      stop: element("button", { type: "button", class: "stop", hidden: true, onclick: () => this.stop() }, texts.stop),
      fill: part("fill"),
      message: span("progress"),
      left: span("left"),
      device: span("speed"),
      trouble: part("trouble", { role: "alert", hidden: true }, part("cause"), part("advice")),
      key: part("key"),
      chart: part("chart", { role: "img", "aria-label": texts.chart }),
      waiting: part("waiting", { role: "status" }),
      lost: part("lost", { role: "status", hidden: true }, texts.lost),
    };
    this.parts = parts;
    parts.track = part("track", { role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100" }, parts.fill);
    parts.strip = element(
      "section", { class: "strip" },
      part("head", {}, parts.dot, parts.name, parts.state, element("span", { class: "files" }, parts.file), parts.stop),
      parts.track,
      part("facts", {}, parts.message, parts.left, parts.device),
      parts.trouble,
    );
    const stage = part("stage", {}, parts.chart, parts.waiting, parts.lost);
    this.root.replaceChildren(part("live finder", {}, part("strips", {}, parts.strip), part("bar", {}, parts.key), stage));
    this.wait({ message: texts.connecting });
  }

  take(data, last) {
    this.newest = data;
    this.wasLive ||= !data.run.final;
    if (!document.hidden) this.show();
    if (last && this.wasLive) {
      this.wasLive = false;
      this.component.setTriggerValue("ended", data.run.id);
    }
  }

  show() {
    if (!this.newest || this.refused) return;
    const { run, drawable, drawing, seeds } = this.newest;
    this.showStrip(run, drawable);
    this.root.firstChild.classList.toggle("drawable", drawable);
    if (!drawable) return this.wait({ message: run.cause || run.message, advice: run.advice, moving: !run.final });
    this.parts.waiting.hidden = true;
    this.showKey(seeds);
    if (drawing === this.drawing) return;
    this.drawing = drawing;
    this.draw();
  }

  async draw() {
    try {
      await this.chart.draw(this.newest.figure);
    } catch (error) {
      this.drawing = null; // it is drawn when something is shown next
      return this.instead({ message: capital(error.message) });
    }
    if (this.listening || !this.parts.chart.on) return;
    this.listening = true;
    this.parts.chart.on("plotly_click", ({ points }) => this.component.setTriggerValue("picked", points[0].x));
  }

  showStrip(run, drawable) {
    const { parts, texts } = this;
    parts.strip.dataset.run = run.id;
    parts.strip.dataset.state = run.state;
    parts.dot.style.background = parts.fill.style.background = run.colour;
    parts.fill.style.width = `${100 * run.share}%`;
    parts.track.setAttribute("aria-valuenow", String(Math.round(100 * run.share)));
    parts.track.setAttribute("aria-label", run.name);
    put(parts.name, run.name);
    parts.name.title = run.name;
    put(parts.state, run.state);
    put(parts.message, run.message);
    put(parts.left, run.left);
    put(parts.device, run.device);
    put(parts.trouble.firstChild, this.refusal || run.cause);
    put(parts.trouble.lastChild, this.refusal ? "" : run.advice);
    // Before the first point the stage says it.
    parts.trouble.hidden = !this.refusal && (!drawable || !run.cause);
    parts.stop.hidden = !run.can_stop;
    parts.stop.disabled = run.stopping || this.asked;
    put(parts.stop, parts.stop.disabled ? texts.stopping : texts.stop);
    parts.file.hidden = !(run.final && drawable);
    parts.file.href = `${this.api}/runs/${encodeURIComponent(run.id)}/export?format=csv`;
  }

  showKey(seeds) {
    const { texts } = this;
    const entries = [["points", texts.batches], ["thick", seeds > 1 ? texts.mean.replace("{n}", seeds) : texts.smoothed]];
    if (seeds > 1) entries.push(["thin", texts.each], ["band", texts.band]);
    const wanted = JSON.stringify(entries);
    if (this.parts.key.dataset.entries === wanted) return;
    this.parts.key.dataset.entries = wanted;
    this.parts.key.replaceChildren(...entries.map(([look, text]) => element("span", { class: "entry" }, element("i", { class: look }), text)));
  }

  // In place of a chart that cannot be seen: why.
  instead(line) {
    this.root.firstChild.classList.remove("drawable");
    this.wait(line);
  }

  // In place of a chart that has no point yet: what is happening.
  wait(line) {
    const { message, advice, moving, signedOut } = line;
    this.parts.waiting.hidden = false;
    const wanted = JSON.stringify(line);
    if (this.parts.waiting.dataset.lines === wanted) return;
    this.parts.waiting.dataset.lines = wanted;
    this.parts.waiting.replaceChildren(
      element(
        "div", { class: "line" },
        element("div", { class: "message" }, message),
        advice ? element("div", { class: "advice" }, advice) : null,
        signedOut ? signIn(this.texts) : null,
        moving ? element("div", { class: "moving" }) : null,
      ),
    );
  }

  async stop() {
    this.asked = true;
    this.refusal = "";
    this.show();
    this.refusal = await refusalOf(`${this.api}/runs/${encodeURIComponent(this.run)}/stop`, this.texts);
    if (this.refusal) this.asked = false;
    this.show();
  }
}
