// The machine, the disk and the lab's own processes. A bar that is nearly full is marked, unless being full is its use.

function gauge(label, mayFill) {
  const inside = element("div", { class: "fill" });
  const bar = element("div", { class: "track", role: "meter", "aria-valuemin": "0", "aria-valuemax": "100", "aria-label": label }, inside);
  return { bar, fill: (share) => {
    const known = share !== null && share !== undefined;
    bar.classList.toggle("unknown", !known);
    inside.style.width = known ? `${100 * share}%` : "0";
    bar.classList.toggle("full", !mayFill && known && share >= 0.9);
    if (known) bar.setAttribute("aria-valuenow", Math.round(100 * share));
  } };
}

function deviceRow(row, lab) {
  const { texts } = lab;
  const load = gauge(filled(texts.load_of, row), true), memory = gauge(filled(texts.memory_of, row), false);
  const name = element("p", { class: "name" }, row.name);
  const busy = element("span", { class: "amount" }), used = element("span", { class: "amount" });
  const node = element("li", { class: "device" }, name,
    element("div", { class: "gauge" }, element("span", {}, texts.load), load.bar, busy),
    element("div", { class: "gauge" }, element("span", {}, texts.memory), memory.bar, used));
  return { node, fill: (now) => {
    load.fill(now.load);
    memory.fill(now.memory);
    say(busy, now.busy);
    say(used, now.used);
  } };
}

function processRow(row) {
  const title = element("span", { class: "name" }), purpose = element("p", { class: "facts" });
  const memory = element("span", { class: "amount" }), load = element("span", { class: "amount load" });
  const node = element("li", { class: "process" }, element("div", { class: "head" }, title, load, memory), purpose);
  return { node, fill: (now) => {
    say(title, now.title);
    title.title = now.title;
    say(purpose, now.purpose);
    say(memory, now.memory);
    say(load, now.load);
  } };
}

// What takes the disk: one bar of several parts, and their sizes below it.
class Disk {
  constructor(lab) {
    this.lab = lab;
    const { texts } = lab;
    this.bar = element("div", { class: "stack", "aria-hidden": "true" });
    this.key = element("ul", { class: "key" });
    this.total = element("p", { class: "total" });
    this.measured = element("span", { class: "measured" });
    this.clear = element("button", { type: "button", title: texts.clear_help, onclick: () => this.cleared() }, texts.clear);
    this.checkpoints = element("button", { type: "button", onclick: () => lab.ask("checkpoints", "") }, `${texts.checkpoints} …`);
    this.done = element("p", { class: "done", role: "status" });
    this.largest = new KeyedList((row) => this.thing(row));
    this.most = element("details", { class: "most" }, element("summary", {}, texts.largest), this.largest.node);
    this.deeds = element("div", { class: "deeds" }, this.clear, this.checkpoints);
    this.node = element("div", { class: "disk" }, this.bar, this.key, this.total, this.deeds, this.done, this.most);
    this.parts = new Map();
  }

  fill(disk) {
    const { texts, may } = this.lab;
    say(this.measured, disk?.measured ?? texts.disk_none);
    show(this.bar, disk);
    if (!disk) return;
    for (const part of disk.parts) this.part(part);
    say(this.total, disk.total);
    show(this.clear, may.clear);
    show(this.checkpoints, may.clear && disk.checkpoints);
    if (!this.busy) say(this.clear, disk.caches ? filled(texts.clear_size, { size: disk.caches }) : texts.clear);
    this.largest.fill(disk.largest.map((row) => ({ ...row, key: row.id })));
    show(this.most, disk.largest.length);
  }

  part({ key, title, size, share }) {
    if (!this.parts.has(key)) {
      const piece = element("div", { class: `piece ${key}` }), amount = element("span", { class: "amount" });
      const entry = element("li", {}, element("span", { class: `swatch ${key}` }), element("span", { class: "title" }, title), amount);
      this.bar.append(piece);
      this.key.append(entry);
      this.parts.set(key, { piece, amount });
    }
    const { piece, amount } = this.parts.get(key);
    piece.style.width = `${100 * share}%`;
    say(amount, size);
  }

  thing(row) {
    const { lab } = this;
    const size = element("span", { class: "amount" });
    const facts = element("span", { class: "owner" }, row.facts);
    const button = row.kind === "dataset"
      ? deed(lab.texts.show, filled(lab.texts.show_help, row), row, () => lab.open(row))
      : deed(`${lab.texts.delete} …`, filled(lab.texts.delete_help, row), row, () => lab.ask("delete", row.id));
    const node = element("li", { class: "thing" }, opener(row, lab), facts, size, element("div", { class: "deeds" }, button));
    return { node, fill: (now) => say(size, now.size) };
  }

  async cleared() {
    this.busy = true;
    say(this.clear, this.lab.texts.clearing);
    const answer = await this.lab.post("lab/clear", this.clear);
    this.busy = false;
    say(this.clear, this.lab.texts.clear);
    if (answer) say(this.done, answer.text);
  }
}
