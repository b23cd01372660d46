// Lists whose rows live on while they change: a row keeps its node, so that focus, a pressed button and the eye stay.

const MOVE_MS = 180;

const filled = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function show(node, shown) {
  node.hidden = !shown;
}

// Rows by their keys. `make(row)` draws one and returns { node, fill(row, place, count) }.
class KeyedList {
  constructor(make) {
    this.node = element("ol", { class: "rows" });
    this.make = make;
    this.rows = new Map();
  }

  fill(rows) {
    const before = new Map([...this.rows].map(([key, row]) => [key, row.node.getBoundingClientRect().top]));
    const focused = this.node.contains(document.activeElement) ? document.activeElement : null;
    const keys = new Set(rows.map((row) => row.key));
    for (const [key, row] of this.rows) {
      if (keys.has(key)) continue;
      row.node.remove();
      this.rows.delete(key);
    }
    rows.forEach((row, place) => {
      if (!this.rows.has(row.key)) this.rows.set(row.key, this.make(row));
      const { node, fill } = this.rows.get(row.key);
      if (this.node.children[place] !== node) this.node.insertBefore(node, this.node.children[place] ?? null);
      fill(row, place, rows.length);
    });
    if (focused && focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
    this.glide(before);
  }

  // A row that changed places is seen on its way.
  glide(before) {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    for (const [key, { node }] of this.rows) {
      const moved = before.has(key) ? before.get(key) - node.getBoundingClientRect().top : 0;
      if (moved) node.animate([{ transform: `translateY(${moved}px)` }, { transform: "none" }], { duration: MOVE_MS, easing: "ease-out" });
    }
  }
}
