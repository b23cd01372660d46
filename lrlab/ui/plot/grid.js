// Small tables that are typed into: the points of a curve drawn by hand, and the parameter groups.

// Rows of a call and the LR there. The server reads them; a row that is at fault is marked.
class PointsGrid {
  constructor(composer) {
    const { texts } = composer;
    this.composer = composer;
    this.unit = element("th", { scope: "col" });
    this.body = element("tbody", {});
    this.rows = [];
    this.table = element("table", { class: "grid", "aria-label": texts.points },
      element("thead", {}, element("tr", {}, this.unit, element("th", { scope: "col" }, texts.rate), element("th", { scope: "col", "aria-label": texts.deeds }))),
      this.body);
    this.complaint = element("p", { class: "complaint", role: "alert" });
    const others = element("div", { class: "fields" });
    this.fields = new Fields(others, composer);
    this.node = element("div", { class: "field points" }, this.table, this.complaint, others);
  }

  show(grid, at) {
    this.at = at;
    this.grid = grid;
    this.composer.fields.set(grid.field, this);
    assign(this.unit, "textContent", grid.unit);
    assign(this.table, "title", grid.help);
    while (this.rows.length > grid.rows.length) this.rows.pop().node.remove();
    while (this.rows.length < grid.rows.length) {
      const row = this.row(this.rows.length);
      this.rows.push(row);
      this.body.append(row.node);
    }
    if (!this.composer.exchange.moving(`points ${at}`)) {
      grid.rows.forEach((texts, place) => {
        this.rows[place].cells.forEach((cell, column) => focused(cell) || assign(cell, "value", texts[column]));
        this.rows[place].remove.disabled = grid.rows.length < 2;
      });
    }
    this.fields.show(grid.controls, "points");
  }

  row(place) {
    const { texts } = this.composer;
    const cell = (name) => element("input", {
      type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false", "aria-label": `${texts.point} ${place + 1}: ${name}`,
      oninput: () => {
        this.node.typedAt = performance.now();
        this.send();
      },
      onchange: () => this.node.classList.contains("wrong") || this.show(this.grid, this.at), // unless it is being read
    });
    const cells = [cell(texts.call), cell(texts.rate)];
    const add = element("button", { type: "button", class: "plain", title: texts.add_point, "aria-label": `${texts.point} ${place + 1}: ${texts.add_point}`, onclick: () => this.add(place) }, "+");
    const remove = element("button", { type: "button", class: "plain", title: texts.remove, "aria-label": `${texts.point} ${place + 1}: ${texts.remove}`, onclick: () => this.drop(place) }, "×");
    const node = element("tr", {}, element("td", {}, cells[0]), element("td", {}, cells[1]), element("td", { class: "deeds" }, add, remove));
    return { node, cells, remove };
  }

  get values() {
    return this.rows.map(({ cells }) => cells.map((cell) => cell.value));
  }

  send(rows = this.values) {
    this.composer.do({ op: "points", at: this.at, rows });
  }

  add(place) {
    this.composer.afterwards = () => this.rows[place + 1]?.cells[0].focus();
    this.composer.do({ op: "add_point", at: this.at, place });
  }

  drop(place) {
    this.composer.afterwards = () => this.rows[Math.min(place, this.rows.length - 1)]?.remove.focus();
    this.send(this.values.filter((_, other) => other !== place));
  }

  // `field` names the row and the column at fault, behind the grid's own name.
  complain(sentence, field = "") {
    const [row, column] = field.slice(this.grid?.field.length + 1).split(".").map(Number);
    this.rows.forEach(({ cells }, place) => cells.forEach((cell, index) => {
      const wrong = sentence !== "" && place === row && (index === column || Number.isNaN(column) || column === undefined);
      cell.toggleAttribute("aria-invalid", wrong);
    }));
    clearTimeout(this.waiting);
    const tell = () => {
      assign(this.complaint, "textContent", sentence);
      this.node.classList.toggle("wrong", sentence !== "");
    };
    const left = sentence ? TYPING_MS - (performance.now() - (this.node.typedAt ?? -TYPING_MS)) : 0;
    if (left > 0) this.waiting = setTimeout(tell, left);
    else tell();
  }

  close() {
    this.fields.clear();
    if (this.composer.fields.get(this.grid?.field) === this) this.composer.fields.delete(this.grid.field);
    this.node.remove();
  }
}

// The parameter groups: a name, and the group's LR as a multiple of the base LR or as one of its own.
class GroupsTable {
  constructor(composer) {
    const { texts } = composer;
    this.composer = composer;
    this.rows = [];
    this.body = element("div", { class: "groups", role: "group", "aria-label": texts.groups });
    this.add = element("button", { type: "button", class: "add", onclick: () => this.more() }, texts.add_group);
    this.node = element("details", { class: "fold", "data-testid": "groups" },
      element("summary", {}, texts.groups), element("p", { class: "line" }, texts.groups_line), this.body, this.add);
  }

  show(groups) {
    while (this.rows.length > groups.length) {
      const row = this.rows.pop();
      row.fields.forEach((fields) => fields.clear());
      row.node.remove();
    }
    while (this.rows.length < groups.length) {
      const row = this.row(this.rows.length);
      this.rows.push(row);
      this.body.append(row.node);
    }
    groups.forEach(({ name, by, rate, lr }, place) => {
      const row = this.rows[place];
      row.fields[0].show([name], "group");
      row.fields[1].show([rate], "group");
      assign(row.by, "value", by);
      row.node.setAttribute("aria-label", `${this.composer.texts.group} ${name.value}: LR ${lr}`);
      assign(row.node, "title", `LR ${lr}`);
    });
    if (groups.length && !this.count) this.node.open = true;
    this.count = groups.length;
  }

  row(place) {
    const { texts } = this.composer;
    const fields = [0, 1].map(() => new Fields(element("div", { class: "cell" }), this.composer));
    const by = element("select", { "aria-label": `${texts.group} ${place + 1}: ${texts.group_by}`, onchange: () => this.composer.do({ op: "group", place, by: by.value }) },
      element("option", { value: "multiplier" }, texts.by_multiplier), element("option", { value: "lr" }, texts.by_lr));
    const remove = element("button", { type: "button", class: "plain", title: texts.remove, "aria-label": `${texts.group} ${place + 1}: ${texts.remove}`, onclick: () => this.drop(place) }, "×");
    const node = element("div", { class: "group", role: "group" }, fields[0].node, by, fields[1].node, element("span", { class: "deeds" }, remove));
    return { node, fields, by };
  }

  more() {
    this.composer.afterwards = () => this.rows[this.rows.length - 1]?.node.querySelector("input").focus();
    this.composer.do({ op: "add_group" });
  }

  drop(place) {
    this.composer.afterwards = () => this.add.focus();
    this.composer.do({ op: "remove_group", place });
  }
}
