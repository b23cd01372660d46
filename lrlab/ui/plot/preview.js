// The composer: controls on the left, the curve on the right. Each movement asks the server; one request is in flight,
// the newest wins. The server answers with figure, words and the controls that fit the new values.

const SETTLE_MS = 300; // after the last movement the page's Python side is told

class Preview {
  constructor(root, component) {
    this.root = root;
    this.state = component.data.state;
    this.inFlight = false;
    this.wanted = null;
    this.shape = "";
    this.fields = new Map();
    this.build(component.data);
    this.update(component);
    if (component.data.first) this.show(component.data.first);
    this.ask();
  }

  update(component) {
    this.component = component;
    this.api = component.data.api;
    this.texts = component.data.texts;
  }

  build({ schedulers, texts, plotly }) {
    const select = element("select", { id: "lrlab-scheduler", "data-testid": "scheduler", onchange: () => this.ask({ scheduler: select.value }) });
    for (const entry of schedulers) select.append(element("option", { value: entry.name, title: entry.line }, entry.name));
    this.select = select;
    this.lines = Object.fromEntries(schedulers.map((entry) => [entry.name, entry.line]));
    this.line = element("p", { class: "line" });
    this.parts = {
      scheduler: element("div", { class: "fields" }),
      run: element("div", { class: "fields" }),
      warmup: element("div", { class: "fields" }),
    };
    this.interval = this.toggle(texts.interval, [["epoch", texts.per_epoch], ["step", texts.per_step]], (value) => this.ask({ interval: value }));
    this.warm = element("input", { type: "checkbox", id: "lrlab-warmup", onchange: () => this.switchWarmup() });
    this.x = this.toggle(texts.x, [["epoch", texts.epoch], ["step", texts.step]], (value) => this.set({ x: value }));
    this.log = this.toggle(texts.scale, [["false", texts.linear], ["true", texts.log]], (value) => this.set({ log: value === "true" }));
    this.plot = element("div", { class: "chart", "data-testid": "chart", role: "img", "aria-label": texts.chart });
    this.words = element("p", { class: "words", "aria-live": "polite", "data-testid": "words" });
    this.problem = element("p", { class: "problem", role: "alert", hidden: true });
    this.keptList = element("ul", { class: "kept", "aria-label": texts.kept });
    this.root.replaceChildren(
      element("div", { class: "composer" },
        element("section", { class: "controls", "aria-label": texts.controls },
          element("label", { for: "lrlab-scheduler", class: "title" }, texts.scheduler), select, this.line,
          this.parts.scheduler, this.interval.node,
          element("label", { class: "switch" }, this.warm, element("span", {}, texts.warmup)), this.parts.warmup,
          element("hr"), this.parts.run),
        element("section", { class: "drawing" },
          element("div", { class: "bar" }, this.log.node, this.x.node),
          this.plot, this.problem, this.words, this.keptList,
          element("div", { class: "buttons" },
            (this.trainButton = element("button", { class: "primary", type: "button", onclick: () => this.train() }, texts.train)),
            (this.keepButton = element("button", { type: "button", onclick: () => this.keep() }, texts.keep))))));
    this.chart = new Chart(this.plot, plotly);
  }

  toggle(title, choices, chosen) {
    const buttons = choices.map(([value, text]) => element("button", { type: "button", onclick: () => chosen(value), "data-value": value }, text));
    const node = element("div", { class: "toggle", role: "group", "aria-label": title }, element("span", {}, title), ...buttons);
    return { node, show: (value) => buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.value === String(value)))) };
  }

  // ---- asking -------------------------------------------------------------------------------------------------

  set(changes) {
    this.state = { ...this.state, ...changes };
    this.ask();
  }

  compose(part, name, value) {
    if (part === "warmup" && name === "unit") return this.ask({ warmup: value }); // the server converts the length
    const composition = structuredClone(this.state.composition);
    const target = { run: composition, scheduler: composition.schedule.scheduler, warmup: composition.schedule.warmup }[part];
    target[name] = value;
    this.set({ composition });
  }

  ask(change = null) {
    // A choice must not be overtaken by a later movement: its change stays until a request carries it.
    this.wanted = { change: change ?? this.wanted?.change ?? null };
    if (!this.inFlight) this.send();
  }

  async send() {
    this.inFlight = true;
    while (this.wanted) {
      const { change } = this.wanted;
      this.wanted = null;
      const asked = this.state;
      try {
        const response = await fetch(`${this.api}/curve`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ state: asked, change }),
        });
        const answer = await response.json();
        if (!response.ok) throw new Error(answer.error);
        // A choice that the server carried out counts even where a control moved meanwhile.
        this.show(answer, asked === this.state || change !== null);
      } catch (error) {
        this.complain([["", error instanceof TypeError ? this.texts.offline : error.message]]);
      }
    }
    this.inFlight = false;
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.component.setStateValue("state", this.state), SETTLE_MS);
  }

  // ---- showing ------------------------------------------------------------------------------------------------

  show(answer, current = true) {
    if (answer.errors) return this.complain(answer.errors);
    this.complain([]);
    if (current) this.state = answer.state;
    const { composition } = answer.state;
    const name = composition.schedule.scheduler.name;
    this.select.value = name;
    this.line.textContent = this.lines[name];
    this.interval.show(composition.schedule.interval);
    this.interval.node.hidden = name === "Fixed";
    this.warm.checked = composition.schedule.warmup !== null;
    this.x.show(answer.state.x);
    this.log.show(answer.state.log);
    this.controls(answer.controls, name);
    this.words.textContent = answer.sentences.join(" ");
    this.colour = answer.next;
    this.select.style.setProperty("--own", answer.colour);
    this.showKept(answer.kept);
    this.keepButton.disabled = answer.state.kept.length >= this.component.data.most_kept;
    this.chart.draw(answer.figure).catch((error) => this.complain([["", error.message]]));
  }

  controls(controls, name) {
    const shape = JSON.stringify([name, Object.entries(controls).map(([part, fields]) => [part, fields?.map((field) => field.name)])]);
    const rebuild = shape !== this.shape;
    this.shape = shape;
    for (const part of ["scheduler", "run", "warmup"]) {
      if (rebuild) this.parts[part].replaceChildren();
      for (const field of controls[part] ?? []) {
        const key = `${part}.${field.name}`;
        if (rebuild) {
          const control = makeControl(field, (value) => this.compose(part, field.name, value));
          this.fields.set(key, control);
          this.parts[part].append(control.node);
        }
        this.fields.get(key).show(field);
      }
    }
    if (rebuild) for (const key of this.fields.keys()) if (!this.fields.get(key).node.isConnected) this.fields.delete(key);
  }

  // Errors stand beside the control that they are about; what has no control stands below the chart.
  complain(errors) {
    const loose = [];
    for (const control of this.fields.values()) control.complain("");
    for (const [field, sentence] of errors) {
      const key = [...this.fields.keys()].find((known) => `run.${field}`.startsWith(known) || field.startsWith(known));
      if (key) this.fields.get(key).complain(sentence);
      else loose.push(field ? `${field}: ${sentence}` : sentence);
    }
    this.problem.textContent = loose.join(" ");
    this.problem.hidden = loose.length === 0;
    this.trainButton.disabled = errors.length > 0;
    this.keepButton.disabled = errors.length > 0;
  }

  showKept(kept) {
    this.keptList.replaceChildren(...kept.map(({ label, colour }, index) => {
      const dot = element("span", { class: "dot" });
      dot.style.background = colour;
      return element("li", {}, dot,
        element("button", { type: "button", class: "plain", title: this.texts.take, onclick: () => this.take(index) }, label),
        element("button", { type: "button", class: "plain", "aria-label": `${this.texts.remove} ${label}`, onclick: () => this.set({ kept: this.state.kept.filter((_, other) => other !== index) }) }, "×"));
    }));
  }

  // ---- deeds --------------------------------------------------------------------------------------------------

  switchWarmup() {
    if (this.warm.checked) return this.ask({ warmup: "epoch" });
    const composition = structuredClone(this.state.composition);
    composition.schedule.warmup = null;
    this.set({ composition });
  }

  keep() {
    this.set({ kept: [...this.state.kept, { composition: this.state.composition, colour: this.colour }] });
  }

  take(index) {
    this.set({ composition: this.state.kept[index].composition });
  }

  train() {
    clearTimeout(this.settling);
    this.component.setTriggerValue("train", this.state);
  }

  close() {
    clearTimeout(this.settling);
    this.chart.close();
  }
}
