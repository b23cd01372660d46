// The schedulers of a schedule, as they hold each other: a select and controls for each, cards for those inside.

// The controls of one place, kept in step with the server's list: those that stay are never rebuilt or moved.
class Fields {
  constructor(node, composer) {
    this.node = node;
    this.composer = composer;
    this.controls = new Map();
  }

  // `scope` tells settings of the same name apart, such as the gamma of two schedulers.
  show(list, scope) {
    const keys = list.map((field) => `${scope} ${field.field} ${field.kind}`);
    for (const [key, entry] of this.controls) {
      if (keys.includes(key)) continue;
      entry.node.remove();
      this.controls.delete(key);
      if (this.composer.fields.get(entry.field) === entry) this.composer.fields.delete(entry.field);
    }
    let next = this.node.firstChild;
    list.forEach((field, index) => {
      let entry = this.controls.get(keys[index]);
      if (!entry) {
        entry = { ...makeControl(field, (change) => this.composer.do(change), this.composer), field: field.field };
        this.controls.set(keys[index], entry);
        this.node.insertBefore(entry.node, next);
      } else next = entry.node.nextSibling;
      this.composer.fields.set(field.field, entry);
      // A control that was moved since the server was asked knows better.
      const said = JSON.stringify(field);
      if (this.composer.exchange.moving(field.field) || (said === entry.said && !entry.touched)) return;
      entry.said = said;
      entry.touched = false;
      entry.show(field);
    });
  }

  clear() {
    this.show([], "");
  }
}

class SchedulerView {
  // `outer`: the view that holds this one, or null.
  constructor(composer, outer) {
    const { texts } = composer;
    this.composer = composer;
    this.top = outer === null;
    const id = this.top ? "lrlab-scheduler" : `lrlab-scheduler-${++controlCount}`;
    this.select = element("select", { id, class: "scheduler", "data-testid": this.top ? "scheduler" : "phase-scheduler", onchange: () => this.choose() });
    this.fill();
    this.line = this.top ? element("p", { class: "line" }) : null; // inside a card the select's tooltip says it
    this.form = null;
    this.formPlace = element("div", {});
    const fields = element("div", { class: "fields" });
    this.fields = new Fields(fields, composer);
    this.grid = null;
    this.gridPlace = element("div", {});
    this.phases = [];
    this.list = element("ol", { class: "phases" });
    this.add = element("button", { type: "button", class: "add", onclick: () => this.addPhase() });
    this.complaint = element("p", { class: "complaint", role: "alert" });
    this.inside = element("div", { class: "inside" }, this.list, this.add);
    const label = element("label", { for: id, class: this.top ? "title" : "unseen" }, texts.scheduler);
    this.node = element("div", { class: "scheduler-view" });
    this.node.append(...[label, this.select, this.line, this.complaint, this.formPlace, fields, this.gridPlace, this.inside].filter(Boolean));
  }

  fill() {
    const { families, recipes } = this.composer.catalogue;
    for (const { title, entries } of families) {
      this.select.append(element("optgroup", { label: title }, ...entries.map(({ name, line }) => element("option", { value: name, title: line }, name))));
    }
    if (this.top) {
      const options = recipes.map(({ name, title, line }) => element("option", { value: `recipe ${name}`, title: line }, title));
      this.select.append(element("optgroup", { label: this.composer.texts.recipes }, ...options));
    }
  }

  choose() {
    const [first, recipe] = this.select.value.split(" ");
    this.composer.do(recipe ? { op: "recipe", name: recipe } : { op: "choose", at: this.at, name: first });
  }

  addPhase() {
    this.composer.afterwards = () => this.phases[this.phases.length - 1]?.view.select.focus();
    this.composer.do({ op: "add", at: this.at });
  }

  // A recipe stands in the place of the schedulers that it becomes.
  showRecipe(recipe) {
    assign(this.select, "value", `recipe ${recipe.name}`);
    assign(this.line, "textContent", recipe.line);
    this.showForm(null);
    this.showGrid(null);
    this.showPhases([]);
    this.fields.show(recipe.controls, recipe.name);
  }

  show(now) {
    this.at = now.at;
    this.name = now.name;
    this.field = now.field;
    assign(this.select, "value", now.name);
    for (const option of this.select.options) assign(option, "disabled", now.barred.includes(option.value));
    assign(this.top ? this.line : this.select, this.top ? "textContent" : "title", now.line);
    this.showForm(now.form ?? null);
    this.fields.show(now.controls, now.name);
    this.showGrid(now.grid ?? null);
    this.showPhases(now.phases ?? []);
    this.composer.views.set(now.field, this);
  }

  complain(sentence) {
    assign(this.complaint, "textContent", sentence);
    this.node.classList.toggle("wrong", sentence !== "");
  }

  showForm(form) {
    if (form && !this.form) {
      this.form = this.composer.toggle(this.composer.texts.form, form.choices, (value) => this.composer.do({ op: "form", at: this.at, form: value }));
      this.formPlace.append(this.form.node);
    }
    if (!form) {
      this.form?.node.remove();
      this.form = null;
    }
    this.form?.show(form.value);
  }

  showGrid(grid) {
    if (grid && !this.grid) {
      this.grid = new PointsGrid(this.composer);
      this.gridPlace.append(this.grid.node);
    }
    if (!grid) {
      this.grid?.close();
      this.grid = null;
    }
    this.grid?.show(grid, this.at);
  }

  showPhases(phases) {
    const { texts } = this.composer;
    this.inside.hidden = phases.length === 0;
    assign(this.add, "textContent", this.name === "SequentialLR" ? texts.add_phase : texts.add_scheduler);
    while (this.phases.length > phases.length) this.phases.pop().close();
    while (this.phases.length < phases.length) {
      const phase = new PhaseCard(this, this.phases.length);
      this.phases.push(phase);
      this.list.append(phase.node);
    }
    phases.forEach((phase, place) => this.phases[place].show(phase, phases.length));
  }

  close() {
    this.fields.clear();
    this.grid?.close();
    this.phases.forEach((phase) => phase.close());
    if (this.composer.views.get(this.field) === this) this.composer.views.delete(this.field);
  }
}

// One scheduler inside another: when it begins, what it is, and what can be done with it.
class PhaseCard {
  constructor(outer, place) {
    const { composer } = outer;
    const { texts } = composer;
    Object.assign(this, { outer, place, composer });
    const button = (sign, title, deed) => element("button", { type: "button", class: "plain", title, onclick: deed }, sign);
    this.up = button("↑", texts.move_up, () => this.move(-1));
    this.down = button("↓", texts.move_down, () => this.move(1));
    this.remove = button("×", texts.remove, () => this.drop());
    this.title = element("h4", {});
    this.span = element("span", { class: "unit" });
    const starts = element("div", { class: "milestone" });
    this.milestone = new Fields(starts, composer);
    this.view = new SchedulerView(composer, outer);
    this.card = element("section", { class: "phase" },
      element("div", { class: "phase-head" }, this.title, this.span, element("span", { class: "deeds" }, this.up, this.down, this.remove)),
      this.view.node);
    this.node = element("li", {}, starts, this.card);
  }

  show({ node, span, up, down, milestone }, count) {
    const { texts } = this.composer;
    const name = `${this.outer.name === "SequentialLR" ? texts.phase : texts.scheduler} ${this.place + 1}`;
    this.count = count;
    assign(this.title, "textContent", name);
    assign(this.span, "textContent", span);
    this.card.setAttribute("aria-label", `${name}: ${node.name}`);
    for (const [control, title] of [[this.up, texts.move_up], [this.down, texts.move_down]]) control.setAttribute("aria-label", `${name}: ${title}`);
    const last = count === 1 ? texts.unwrap : texts.remove;
    assign(this.remove, "title", last);
    assign(this.remove, "textContent", count === 1 ? texts.unwrap_short : "×");
    this.remove.setAttribute("aria-label", `${name}: ${last}`);
    this.up.disabled = !up;
    this.down.disabled = !down;
    this.up.hidden = this.down.hidden = count === 1;
    this.milestone.show(milestone ? [milestone] : [], "milestone");
    this.view.show(node);
  }

  // The buttons stay under the hand of whoever moves a phase on.
  move(by) {
    const there = this.outer.phases[this.place + by];
    this.composer.afterwards = () => {
      const [wanted, other] = by < 0 ? [there.up, there.down] : [there.down, there.up];
      (wanted.disabled ? other : wanted).focus();
    };
    this.composer.do({ op: "move", at: this.outer.at, place: this.place, by });
  }

  drop() {
    const { outer } = this;
    if (this.count === 1) {
      this.composer.afterwards = () => outer.select.focus();
      return this.composer.do({ op: "unwrap", at: outer.at, place: 0 });
    }
    this.composer.afterwards = () => outer.add.focus();
    this.composer.do({ op: "remove", at: outer.at, place: this.place });
  }

  close() {
    this.milestone.clear();
    this.view.close();
    this.node.remove();
  }
}
