// What stands around the curve: checks with their repairs, the metric of a plateau, the table of kept schedules.

const MOST_CHECKS = 3;

// Each check is a sentence; where there is a repair, a button carries it out.
class Checks {
  constructor(composer) {
    this.composer = composer;
    this.all = false;
    this.list = element("ul", {});
    this.more = element("button", { type: "button", class: "plain", onclick: () => this.toggle() });
    this.node = element("section", { class: "checks", "data-testid": "checks", "aria-label": composer.texts.checks, hidden: true }, this.list, this.more);
    this.shown = [];
  }

  show(checks) {
    this.mark(checks);
    const said = JSON.stringify([checks, this.all]);
    if (said === this.said) return;
    this.said = said;
    this.shown = checks;
    const { texts } = this.composer;
    const told = this.all ? checks : checks.slice(0, MOST_CHECKS);
    while (this.list.children.length > told.length) this.list.lastChild.remove();
    told.forEach((check, index) => {
      const known = this.list.children[index];
      const item = element("li", { "data-check": check.name, class: check.severity },
        element("span", {}, check.sentence),
        check.repair ? element("button", { type: "button", onclick: () => this.repair(check) }, check.repair.label) : null);
      if (known?.dataset.said === JSON.stringify(check)) return;
      item.dataset.said = JSON.stringify(check);
      if (known) known.replaceWith(item);
      else this.list.append(item);
    });
    const left = checks.length - MOST_CHECKS;
    this.more.hidden = left <= 0;
    this.more.textContent = this.all ? texts.fewer : `${texts.and} ${left} ${texts.more}`;
    this.more.setAttribute("aria-expanded", String(this.all));
    this.node.hidden = checks.length === 0;
  }

  // The settings that the checks are about are marked where they stand.
  mark(checks) {
    for (const control of [...this.composer.fields.values(), ...this.composer.views.values()]) control.node.classList.remove("checked");
    for (const { path } of checks) this.composer.at(path)?.node.classList.add("checked");
  }

  toggle() {
    this.all = !this.all;
    this.show(this.shown);
  }

  repair(check) {
    this.composer.afterwards = () => this.composer.at(check.path)?.node.querySelector("input, select")?.focus({ preventScroll: true });
    this.composer.do({ op: "compose", composition: check.repair.composition });
  }
}

// What ReduceLROnPlateau is previewed against: an invented metric, or what a run of the lab has logged.
class MetricPanel {
  constructor(composer) {
    const { texts } = composer;
    this.composer = composer;
    this.select = element("select", { id: "lrlab-metric", onchange: () => composer.do({ op: "metric", run: this.select.value || null }) });
    this.title = element("label", { for: "lrlab-metric", class: "title" });
    this.runs = "";
    this.fields = new Fields(element("div", { class: "fields" }), composer);
    this.complaint = element("p", { class: "complaint", role: "alert" });
    this.node = element("section", { class: "metric", hidden: true, "aria-label": texts.metric }, this.title, this.select, this.complaint, this.fields.node);
  }

  show(metric) {
    const { texts } = this.composer;
    this.node.hidden = metric === null;
    this.fields.show(metric?.controls ?? [], "metric");
    if (metric === null) return;
    this.offer(this.composer.runs, metric.run);
    assign(this.title, "textContent", `${texts.metric}: ${metric.called}`);
    assign(this.select, "value", metric.run ?? "");
    this.composer.fields.set("metric.run", this);
  }

  // The runs may have grown in number since the select was made; one that is gone is still shown where it is chosen.
  offer(runs, chosen) {
    const { texts } = this.composer;
    const known = chosen === null || runs.some((run) => run.id === chosen) ? runs : [{ id: chosen, name: chosen }, ...runs];
    if (JSON.stringify(known) === this.runs) return;
    this.runs = JSON.stringify(known);
    this.select.replaceChildren(element("option", { value: "" }, texts.synthetic),
      ...(known.length ? [element("optgroup", { label: texts.logged }, ...known.map(({ id, name }) => element("option", { value: id }, name)))] : []));
  }

  complain(sentence) {
    assign(this.complaint, "textContent", sentence);
    this.node.classList.toggle("wrong", sentence !== "");
  }
}

// The schedule being composed and those that were kept, with what can be said of them in numbers.
class KeptTable {
  constructor(composer) {
    const { texts } = composer;
    this.composer = composer;
    this.body = element("tbody", {});
    const heads = [texts.schedule, texts.area, texts.above_half, texts.final_over_peak];
    this.node = element("div", { class: "kept", hidden: true },
      element("table", { "aria-label": texts.kept, "data-testid": "kept" },
        element("thead", {}, element("tr", {}, ...heads.map((head, index) => element("th", { scope: "col", title: texts.measured[index] }, head)), element("th", { scope: "col", "aria-label": texts.deeds }))),
        this.body));
  }

  show(rows) {
    const said = JSON.stringify(rows);
    if (said === this.said) return;
    this.said = said;
    this.node.hidden = rows.length === 0;
    while (this.body.children.length > rows.length) this.body.lastChild.remove();
    rows.forEach((row, index) => {
      const known = this.body.children[index];
      if (known) this.fill(known, row);
      else this.body.append(this.row(row, index - 1));
    });
  }

  // The first row is the schedule being composed: place -1.
  row(row, place) {
    const { texts, composer } = { texts: this.composer.texts, composer: this.composer };
    const dot = element("span", { class: "dot" });
    const name = place < 0 ? element("span", {}) : element("button", { type: "button", class: "plain", title: texts.take, onclick: () => composer.do({ op: "take", place }) });
    const remove = place < 0 ? null : element("button", { type: "button", class: "plain", onclick: () => this.drop(place) }, "×");
    const node = element("tr", {}, element("th", { scope: "row" }, element("span", { class: "name" }, dot, name)),
      ...row.measures.map(() => element("td", {})), element("td", { class: "deeds" }, remove));
    Object.assign(node, { lrlab: { dot, name, remove } });
    this.fill(node, row);
    return node;
  }

  fill(node, { label, colour, measures }) {
    const { dot, name, remove } = node.lrlab;
    dot.style.background = colour;
    assign(name, "textContent", label);
    remove?.setAttribute("aria-label", `${this.composer.texts.remove} ${label}`);
    measures.forEach((value, index) => assign(node.children[index + 1], "textContent", value));
  }

  drop(place) {
    this.composer.afterwards = () => this.composer.keepButton.focus();
    this.composer.do({ op: "unkeep", place });
  }
}
