// What stands beside the charts of one run: notes, such as that early stopping is near, and what to try next.
class Counsel {
  // tried(advice) does what an advice's button says.
  constructor(texts, tried) {
    this.texts = texts;
    this.tried = tried;
    this.list = element("div", { class: "list" });
    this.node = element("aside", { class: "aside" }, element("h6", {}, texts.next), this.list);
  }

  // Rebuilt only when something else is to be said, so that a button is not taken away from under the pointer.
  show({ notes, advice, final, step }) {
    const said = JSON.stringify([notes, advice, final, step > 0]);
    if (this.said === said) return;
    this.said = said;
    const quiet = final ? this.texts.next_none : step > 0 ? this.texts.next_none_yet : this.texts.next_waits;
    const told = (notes ?? []).map((note) => element("div", { class: "card note" }, element("p", {}, note)));
    const cards = [...told, ...(advice ?? []).map((one) => this.card(one))];
    this.list.replaceChildren(...(cards.length ? cards : [element("p", { class: "quiet" }, quiet)]));
  }

  card(advice) {
    const button = advice.label && element("button", { type: "button", onclick: () => this.tried(advice) }, advice.label);
    return element(
      "div", { class: "card", "data-advice": advice.name },
      element("p", {}, advice.seen), element("p", { class: "why" }, advice.why), button || null,
    );
  }
}
