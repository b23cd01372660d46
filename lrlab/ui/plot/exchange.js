// What was done since the last answer, and the requests that carry it. One request is in flight; while it is under way
// what is done waits, so that no answer is ever older than one before it, and nothing that was done is lost.

const PATIENCE_MS = 20000; // without an answer after this the server counts as away
const MOST_AT_ONCE = 100;
const ATTEMPTS_MS = [250, 500, 1000, 2000, 4000]; // the waits between attempts; the last one repeats

// Values replace each other, such as those of a slider on its way; every other change is carried out in its turn.
const valueKey = (change) => (change.op === "points" ? `points ${change.at}` : change.op === "set" || change.op === "type" ? change.field : null);

class Exchange {
  // `on`: {answered(answer), refused(answer, changes), away(boolean), idle(), known(control)}.
  constructor(api, state, on) {
    this.line = new Line(`${api}/curve`);
    this.state = state; // as the server gave it last
    this.on = on;
    this.waiting = []; // done, and not yet sent
    this.sent = []; // on the way
    this.held = []; // values that were refused; they stay until their controls say something else
    this.oneByOne = 0; // so many of the waiting are sent each by itself
    this.asked = true; // false: the state was not yet asked for
    this.generation = 0;
    this.failures = 0;
    this.wake = null;
    this.running = false;
    this.closed = false;
  }

  // Something was done. Of values of one control the newest counts.
  do(change) {
    const key = valueKey(change);
    if (key !== null) {
      this.held = this.held.filter((other) => valueKey(other) !== key);
      if (this.waiting.length && valueKey(this.waiting[this.waiting.length - 1]) === key) this.waiting.pop();
    }
    this.waiting.push(change);
    this.run();
  }

  // Another state from now on; what was done before is forgotten, and so is the answer to it.
  restart(state) {
    this.generation += 1;
    this.state = state;
    this.waiting = [];
    this.held = [];
    this.oneByOne = 0;
    this.asked = false;
    this.flight?.abort();
    this.run();
  }

  // Whether a control holds a value that the last answer does not know.
  moving(key) {
    return [...this.held, ...this.sent, ...this.waiting].some((change) => valueKey(change) === key);
  }

  get quiet() {
    return !this.running && this.waiting.length === 0;
  }

  async run() {
    this.wake?.();
    if (this.running || this.closed) return;
    this.running = true;
    while (!this.closed && (this.waiting.length || !this.asked)) await this.round();
    this.running = false;
    if (!this.closed) this.on.idle();
  }

  // One request and what becomes of it.
  async round() {
    const generation = this.generation;
    const fresh = this.waiting.splice(0, this.oneByOne > 0 ? 1 : MOST_AT_ONCE);
    this.oneByOne = Math.max(0, this.oneByOne - 1);
    const alone = fresh.some((change) => valueKey(change) === null); // a choice is made on the last legal state
    const held = alone ? [] : this.held;
    this.asked = true;
    this.sent = fresh;
    let answer = await this.ask([...held, ...fresh]);
    let refusal = null;
    if (answer?.errors && held.length && fresh.length && generation === this.generation) {
      // What was refused before must not keep another control from moving the curve.
      refusal = answer;
      answer = await this.ask(fresh);
    }
    this.sent = [];
    if (generation !== this.generation || this.closed) return;
    if (answer === null) {
      // Nobody answered: all of it is still to be done, before what came meanwhile.
      this.waiting = [...fresh, ...this.waiting];
      this.asked = false;
      this.on.away(true);
      await this.pause(ATTEMPTS_MS[Math.min(this.failures++, ATTEMPTS_MS.length - 1)]);
      return;
    }
    if (this.failures) this.on.away(false);
    this.failures = 0;
    if (answer.errors && fresh.length > 1) {
      // Of several things each is carried out by itself: one that is refused stops no other.
      this.waiting = [...fresh, ...this.waiting];
      this.oneByOne = fresh.length;
    } else if (answer.errors) {
      const newer = new Set([...fresh, ...this.waiting].map(valueKey));
      const values = fresh.filter((change) => valueKey(change) !== null);
      if (!alone) this.held = [...this.held.filter((change) => !newer.has(valueKey(change))), ...values];
      this.on.refused(refusal ?? answer, fresh);
    } else {
      this.state = answer.state;
      if (!refusal) this.held = [];
      this.on.answered(answer);
      // A control that is gone has taken its value along.
      this.held = this.held.filter((change) => this.on.known(valueKey(change)));
      if (this.held.length) this.on.refused(refusal, null);
    }
  }

  // The server's answer, or null where there is none. What it cannot even read is an error without a field.
  async ask(changes) {
    const flight = (this.flight = new AbortController());
    const late = setTimeout(() => flight.abort(), PATIENCE_MS);
    try {
      const text = await this.line.ask(JSON.stringify({ state: this.state, changes }), flight.signal);
      const answer = JSON.parse(text);
      return answer?.error === undefined ? answer : { errors: [["", answer.error]], checks: [] };
    } catch {
      return null;
    } finally {
      clearTimeout(late);
    }
  }

  // Waits, but no longer than until something is done or the network is back.
  pause(milliseconds) {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        removeEventListener("online", done);
        this.wake = null;
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      addEventListener("online", done);
      this.wake = done;
    });
  }

  close() {
    this.closed = true;
    this.flight?.abort();
    this.line.close();
    this.wake?.();
  }
}
