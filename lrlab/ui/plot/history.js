// Undo and redo. An entry is a whole state as it came to rest; how the chart is looked at is no edit.

const MOST_ENTRIES = 200;

class History {
  constructor(state) {
    this.past = [];
    this.future = [];
    this.now = state;
  }

  static same(one, other) {
    const edited = ({ composition, recipe, kept }) => JSON.stringify([composition, recipe, kept]);
    return edited(one) === edited(other);
  }

  // The state came to rest.
  settle(state) {
    if (!History.same(state, this.now)) {
      this.past.push(this.now);
      if (this.past.length > MOST_ENTRIES) this.past.shift();
      this.future = [];
    }
    this.now = state;
  }

  // The state before or after this one, looked at as now; null where there is none.
  undo() {
    return this.step(this.past, this.future);
  }

  redo() {
    return this.step(this.future, this.past);
  }

  step(from, to) {
    if (from.length === 0) return null;
    to.push(this.now);
    const { x, log } = this.now;
    this.now = { ...from.pop(), x, log };
    return this.now;
  }
}
