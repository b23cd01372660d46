// The composer: controls on the left, the curve on the right. Whatever is done goes to the server at once, and its
// answer is shown: figure, words, and the controls that fit the new values. Nothing is computed here.
//
// `data`: what charts.composer_data makes (state, first, catalogue, most_kept, runs), `texts`, `revision` (another number
// brings `state` along as an edit) and, where wanted, `before`: the state that undo leads back to. State: `state`, the
// last legal one; trigger: `train`, the same when the button is pressed.

const SETTLE_MS = 300; // after the last movement the page's Python side is told, and an edit is one to undo
const UNSEEN_MS = 100; // a page that nobody sees is not painted

// Calls `next` once what now stands in the page has been painted; it may be called once more.
function afterPaint(next) {
  requestAnimationFrame(() => setTimeout(next));
  setTimeout(next, UNSEEN_MS);
}

class Preview {
  constructor(root, component) {
    this.root = root;
    const { data } = component;
    this.revision = data.revision;
    this.catalogue = data.catalogue;
    this.fields = new Map(); // controls by the name of what they set
    this.views = new Map(); // schedulers by theirs
    this.history = new History(data.before ?? data.state);
    if (data.before) this.history.settle(data.state);
    this.exchange = new Exchange(data.api, data.state, {
      answered: (answer) => this.show(answer),
      refused: (answer, changes) => this.refuse(answer, changes),
      away: (away) => this.away(away),
      known: (control) => {
        this.tell();
        return this.fields.has(control) || control.startsWith("points ");
      },
      idle: () => this.rest(),
    });
    this.update(component);
    this.build(data);
    if (data.first && !data.first.errors) this.show(data.first);
    else this.exchange.restart(data.state);
    this.keys = (event) => this.key(event);
    document.addEventListener("keydown", this.keys);
  }

  // Python sent new data; a new revision brings a state along, which is an edit like any other.
  update(component) {
    const { data } = component;
    this.component = component;
    this.texts = data.texts;
    this.runs = data.runs ?? [];
    if (data.revision === this.revision) return;
    this.revision = data.revision;
    this.history.settle(this.exchange.state);
    this.exchange.restart(data.state);
  }

  build({ plotly }) {
    const { texts } = this;
    this.scheduler = new SchedulerView(this, null);
    this.becomes = element("p", { class: "line becomes" });
    this.recipe = element("div", { class: "recipe", hidden: true }, this.becomes, element("button", { type: "button", onclick: () => this.free() }, texts.free));
    this.interval = this.toggle(texts.interval, [["epoch", texts.per_epoch], ["step", texts.per_step]], (value) => this.do({ op: "interval", value }));
    this.warm = element("input", { type: "checkbox", role: "switch", onchange: () => this.do({ op: "warmup", unit: this.warm.checked ? "epoch" : null }) });
    this.warmSwitch = element("label", { class: "switch" }, this.warm, element("span", {}, texts.warmup));
    this.warmup = new Fields(element("div", { class: "fields" }), this);
    this.metric = new MetricPanel(this);
    this.run = new Fields(element("div", { class: "fields" }), this);
    this.updates = element("p", { class: "note" });
    this.groups = new GroupsTable(this);
    this.x = this.toggle(texts.x, [["epoch", texts.epoch], ["step", texts.step]], (value) => this.do({ op: "set", field: "x", value }));
    this.log = this.toggle(texts.scale, [["false", texts.linear], ["true", texts.log]], (value) => this.do({ op: "set", field: "log", value: value === "true" }));
    const tool = (sign, title, deed) => element("button", { type: "button", class: "tool", title, "aria-label": title, onclick: deed }, sign);
    this.undoButton = tool("↶", texts.undo, () => this.travel("undo"));
    this.redoButton = tool("↷", texts.redo, () => this.travel("redo"));
    this.resetButton = element("button", { type: "button", class: "tool", title: texts.reset_help, onclick: () => this.do({ op: "reset" }) }, texts.reset);
    this.plot = element("div", { class: "chart", "data-testid": "chart", role: "img", "aria-label": texts.chart });
    this.words = element("p", { class: "words", "data-testid": "words" });
    this.spoken = element("p", { class: "unseen", "aria-live": "polite" }); // at rest, not with every movement
    this.cuts = element("ol", { class: "cuts", "aria-label": texts.cuts, hidden: true });
    this.checks = new Checks(this);
    this.problem = element("p", { class: "problem", role: "alert", hidden: true });
    this.offline = element("p", { class: "problem", role: "status", hidden: true }, texts.offline);
    this.kept = new KeptTable(this);
    this.trainButton = element("button", { class: "primary", type: "button", onclick: () => this.train() }, texts.train);
    this.keepButton = element("button", { type: "button", onclick: () => this.do({ op: "keep" }) }, texts.keep);
    this.root.replaceChildren(
      element("div", { class: "composer" },
        element("section", { class: "controls", "aria-label": texts.controls },
          this.scheduler.node, this.recipe, this.interval.node, this.warmSwitch, this.warmup.node, this.metric.node,
          element("hr"), this.run.node, this.updates, this.groups.node),
        element("section", { class: "drawing" },
          element("div", { class: "bar" },
            element("div", { class: "tools" }, this.undoButton, this.redoButton, this.resetButton),
            this.log.node, this.x.node),
          this.plot,
          element("div", { class: "buttons" }, this.trainButton, this.keepButton),
          this.offline, this.problem, this.checks.node, this.words, this.spoken, this.cuts, this.kept.node)));
    this.chart = new Chart(this.plot, plotly);
    // A slider being dragged is one edit, however often it rests on the way.
    this.root.addEventListener("pointerdown", (event) => (this.dragging = event.target.type === "range"));
    this.released = () => {
      this.dragging = false;
      if (this.exchange.quiet) this.rest();
    };
    addEventListener("pointerup", this.released);
    addEventListener("pointercancel", this.released);
    this.travelled();
  }

  toggle(title, choices, chosen) {
    const buttons = choices.map(([value, text]) => element("button", { type: "button", onclick: () => chosen(value), "data-value": value }, text));
    const node = element("div", { class: "toggle", role: "group", "aria-label": title }, element("span", {}, title), ...buttons);
    return { node, show: (value) => buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.value === String(value)))) };
  }

  // ---- doing --------------------------------------------------------------------------------------------------

  // A choice is an edit of its own, so what was moved before it is settled first.
  do(change) {
    clearTimeout(this.settling);
    const control = this.fields.get(change.field);
    if (control) control.touched = true;
    else if (this.exchange.quiet) this.history.settle(this.exchange.state);
    this.exchange.do(change);
  }

  free() {
    this.afterwards = () => this.scheduler.select.focus();
    this.do({ op: "free" });
  }

  travel(way) {
    clearTimeout(this.settling);
    this.history.settle(this.exchange.state);
    const state = this.history[way]();
    if (state) this.exchange.restart(state);
    else this.rest();
    this.travelled();
  }

  travelled() {
    this.undoButton.disabled = this.history.past.length === 0 && History.same(this.exchange.state, this.history.now);
    this.redoButton.disabled = this.history.future.length === 0;
  }

  // A field that is typed into has an undo of its own.
  key(event) {
    const [target] = event.composedPath();
    const typing = target.isContentEditable || target.tagName === "TEXTAREA" || (target.tagName === "INPUT" && !["range", "checkbox"].includes(target.type));
    if (typing || !(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    const way = key === "z" ? (event.shiftKey ? "redo" : "undo") : key === "y" ? "redo" : null;
    if (way === null) return;
    event.preventDefault();
    this.travel(way);
  }

  // ---- coming to rest -----------------------------------------------------------------------------------------

  rest() {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.settle(), SETTLE_MS);
  }

  settle() {
    this.tell();
    if (!this.dragging) this.history.settle(this.exchange.state);
    this.travelled();
    assign(this.spoken, "textContent", this.words.textContent);
    this.component.setStateValue("state", this.exchange.state);
  }

  train() {
    clearTimeout(this.settling);
    this.component.setTriggerValue("train", this.exchange.state);
  }

  // ---- showing ------------------------------------------------------------------------------------------------

  // The curve comes first. Where it only moved, what is said of it follows as soon as it is painted.
  show(answer) {
    this.plot.classList.toggle("tall", answer.tall);
    // A finger on the chart scrolls the page; zooming is for pointers that hover.
    if (matchMedia("(pointer: coarse)").matches) answer.figure.layout.dragmode = false;
    this.chart.show(answer.figure).catch((error) => this.complain([["", error.message]]));
    this.last = this.untold = answer;
    const { afterwards } = this;
    this.afterwards = null;
    if (this.chart.moved === answer.figure && !afterwards) afterPaint(() => this.tell());
    else {
      this.tell();
      afterwards?.();
    }
  }

  // The words, checks and controls of the last answer.
  tell() {
    const { untold } = this;
    if (!untold) return;
    this.untold = null;
    this.complain([]);
    this.controls(untold);
    assign(this.words, "textContent", untold.sentences.join(" "));
    this.list(untold.cuts);
    this.checks.show(untold.checks);
    this.kept.show(untold.kept);
    this.keepButton.disabled = untold.state.kept.length >= this.component.data.most_kept;
    this.travelled();
  }

  controls({ state, form, colour }) {
    if (form.recipe) this.scheduler.showRecipe(form.recipe);
    else this.scheduler.show(form.scheduler);
    this.scheduler.select.style.setProperty("--own", colour);
    this.recipe.hidden = !form.recipe;
    assign(this.becomes, "textContent", form.recipe ? form.recipe.becomes : "");
    this.interval.node.hidden = form.interval === null;
    if (form.interval) this.interval.show(form.interval.value);
    this.warmSwitch.hidden = form.warmup === null;
    assign(this.warm, "checked", Boolean(form.warmup?.length));
    this.warmup.show(form.warmup ?? [], "warmup");
    this.metric.show(form.metric);
    this.run.show(form.run, "run");
    assign(this.updates, "textContent", form.updates);
    this.groups.show(form.groups);
    this.x.show(state.x);
    this.log.show(state.log);
  }

  list(cuts) {
    this.cuts.hidden = cuts.length === 0;
    while (this.cuts.children.length > cuts.length) this.cuts.lastChild.remove();
    while (this.cuts.children.length < cuts.length) this.cuts.append(element("li"));
    cuts.forEach((cut, index) => assign(this.cuts.children[index], "textContent", cut));
  }

  refuse(answer, changes) {
    this.tell();
    this.afterwards = null;
    // A choice that was refused is not made; a value stays as it was typed, with the reason beside it. A state that is
    // refused as it stands, such as one whose run was deleted, shows its controls to be mended.
    if (changes?.length === 0 && answer.form) this.controls(answer);
    else if (changes?.some((change) => valueKey(change) === null) && this.last) this.controls(this.last);
    // What a repair is offered for is told with the repair, and only marked where it is set.
    const told = new Set(answer.checks.map((check) => check.path));
    this.complain(answer.errors.map(([field, sentence]) => [field, told.has(field) ? " " : sentence]));
    this.checks.show(answer.checks);
  }

  // What sets `path`, or what holds it: a control, a scheduler, or nothing.
  at(path) {
    for (let name = path; name; name = name.slice(0, Math.max(name.lastIndexOf("."), 0))) {
      const found = this.fields.get(name) ?? this.views.get(name);
      if (found) return found;
    }
    return null;
  }

  // Errors stand beside the control that they are about; what has no control stands below the chart.
  complain(errors) {
    const loose = [];
    const concerned = new Map();
    for (const [field, sentence] of errors) {
      const found = this.at(field);
      if (found && !concerned.has(found)) concerned.set(found, [sentence, field]);
      else if (!found && sentence.trim()) loose.push(sentence);
    }
    for (const control of [...this.fields.values(), ...this.views.values()]) control.complain(...(concerned.get(control) ?? [""]));
    assign(this.problem, "textContent", loose.join(" "));
    this.problem.hidden = loose.length === 0;
    this.trainButton.disabled = errors.length > 0;
    this.keepButton.disabled = errors.length > 0 || this.exchange.state.kept.length >= this.component.data.most_kept;
  }

  away(away) {
    this.offline.hidden = !away;
  }

  close() {
    this.untold = null;
    clearTimeout(this.settling);
    document.removeEventListener("keydown", this.keys);
    removeEventListener("pointerup", this.released);
    removeEventListener("pointercancel", this.released);
    this.exchange.close();
    this.chart.close();
  }
}
