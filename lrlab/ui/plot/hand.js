// A person's hand on one run: another LR while it trains, more epochs once it has ended. What it will do is said by the
// server, which asks the schedule itself.

const ASKING_MS = 250;

class Hand {
  // told: { resumed() } is called once the run waits to be trained on.
  constructor(address, texts, told) {
    this.address = address;
    this.texts = texts;
    this.told = told;
    const part = (name, ...children) => element("span", { class: name }, ...children);
    const button = (text, deed, title = "") => element("button", { type: "button", title, onclick: deed }, text);
    this.lr = part("value");
    this.wanted = element("input", { type: "text", inputmode: "decimal", size: "7", "aria-label": texts.lr_wanted, placeholder: texts.lr_example });
    this.epochs = element("input", { type: "number", min: "0", max: "10000", step: "1", "aria-label": texts.more_epochs });
    this.set = element(
      "form", { class: "set", onsubmit: (event) => this.submit(event, () => this.ask("lr", { value: this.wanted.value.trim() })) },
      element("span", { class: "called", title: texts.lr_help }, texts.lr_now), this.lr,
      button(texts.halve, () => this.multiply(0.5), texts.halve_help),
      button(texts.double, () => this.multiply(2), texts.double_help),
      part("typed", this.wanted, element("button", { type: "submit" }, texts.set)),
    );
    this.go = element("button", { type: "submit" }, texts.resume);
    this.on = element(
      "form", { class: "on", onsubmit: (event) => this.submit(event, () => this.resume(this.epochs.value)) },
      part("typed", "+", this.epochs, texts.more_epochs), this.go,
    );
    this.sentence = element("span", { class: "sentence", role: "status" });
    this.node = element("div", { class: "hand", hidden: true }, this.set, this.on, this.sentence);
    this.epochs.addEventListener("input", () => this.foresee(ASKING_MS));
  }

  show({ hand, again }) {
    this.again = again ?? null;
    this.node.hidden = !hand && !again;
    this.set.hidden = !hand;
    this.on.hidden = !again?.offered;
    if (hand) {
      this.began = null;
      put(this.lr, hand.lr || this.texts.lr_unknown);
      this.say(this.refusal || hand.asked || hand.next, Boolean(this.refusal));
    } else if (again && this.began !== JSON.stringify(again)) {
      this.began = JSON.stringify(again);
      this.epochs.value = again.epochs || "";
      put(this.go, again.needed ? this.texts.resume : this.texts.retry);
      this.epochs.min = again.needed ? "1" : "0";
      this.refusal = "";
      this.say(again.words);
      if (again.offered) this.foresee(0);
    }
  }

  submit(event, deed) {
    event.preventDefault();
    deed();
  }

  multiply(factor) {
    return this.ask("lr", { factor });
  }

  async resume(epochs) {
    this.go.disabled = true;
    const done = await this.ask("resume", { epochs: Number(epochs) ? epochs : null });
    this.go.disabled = false;
    if (done) this.told.resumed();
  }

  // Whether the server did it; a refusal is said where the sentence stands.
  async ask(what, asked) {
    this.refusal = "";
    this.refusal = await refusalOf(`${this.address}/${what}`, this.texts, asked);
    if (this.refusal) this.say(this.refusal, true);
    else if (what === "lr") this.wanted.value = "";
    return !this.refusal;
  }

  // Says what the LR does in the epochs that are asked for.
  foresee(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      const { again } = this;
      const epochs = this.epochs.value;
      const asked = (this.asked = Symbol(epochs));
      let text = "";
      try {
        const response = await fetch(`${this.address}/ahead?epochs=${encodeURIComponent(epochs)}`);
        text = response.ok ? (await response.json()).text : await errorOf(response);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
      }
      if (asked === this.asked && this.again === again && again) this.say([again.words, text].filter(Boolean).join(" "));
    }, wait);
  }

  say(text, isRefusal = false) {
    put(this.sentence, text);
    this.sentence.title = text;
    this.sentence.classList.toggle("refused", isRefusal);
  }

  close() {
    clearTimeout(this.timer);
  }
}
