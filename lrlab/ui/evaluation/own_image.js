// Pictures of one's own against a run's model: dropped or chosen, sent one after the other, answered with bars.
// All names are set as text. A picture stays in this tab; the server looks at it once.
const MOST = 12;

class OwnImages {
  constructor(root) {
    this.root = root;
    this.tried = []; // {file, node}, newest first
    this.waiting = [];
    this.busy = false;
    this.closed = new AbortController();
    this.input = element("input", { type: "file", accept: "image/*", multiple: true, hidden: true, "data-testid": "own-image-input",
      onchange: () => { this.take([...this.input.files]); this.input.value = ""; } });
    this.hint = element("span", { class: "hint" });
    this.choose = element("button", { type: "button", onclick: () => this.input.click() });
    this.drop = element("div", { class: "drop" }, this.dropText = element("span", { class: "call" }), this.choose, this.hint, this.input);
    this.models = element("span", { class: "toggle", role: "group" });
    this.clear = element("button", { type: "button", class: "clear", onclick: () => this.forget() });
    this.bar = element("div", { class: "bar", hidden: true }, this.models, this.clear);
    this.notice = element("p", { class: "notice", role: "status", hidden: true });
    this.list = element("ul", { "data-testid": "own-images" });
    this.drop.addEventListener("dragover", (event) => { event.preventDefault(); this.drop.classList.add("over"); });
    this.drop.addEventListener("dragleave", () => this.drop.classList.remove("over"));
    this.drop.addEventListener("drop", (event) => {
      event.preventDefault();
      this.drop.classList.remove("over");
      this.take([...event.dataTransfer.files]);
    });
    this.square = element("p", { class: "square", hidden: true });
    root.replaceChildren(this.drop, this.notice, this.bar, this.list, this.square);
  }

  update({ data }) {
    this.data = data;
    const { texts, models } = data;
    this.dropText.textContent = texts.drop;
    this.choose.textContent = texts.choose;
    this.hint.textContent = texts.formats;
    this.clear.textContent = texts.remove;
    this.square.textContent = texts.square;
    this.model = models.includes(this.model) ? this.model : models[0];
    this.models.replaceChildren(element("span", {}, texts.model), ...models.map((name) =>
      element("button", { type: "button", "aria-pressed": String(name === this.model), onclick: () => this.turnTo(name) }, texts[name])));
    this.models.hidden = models.length < 2;
  }

  turnTo(name) {
    if (name === this.model) return;
    this.model = name;
    this.update({ data: this.data });
    this.waiting = [...this.tried];
    for (const one of this.tried) this.say(one, this.data.texts.waiting);
    this.work();
  }

  take(files) {
    const { texts } = this.data;
    this.tell(files.length > MOST ? fill(texts.too_many, { got: files.length, most: MOST }) : "");
    const added = files.slice(0, MOST).map((file) => ({ file, node: element("li") }));
    for (const one of added) this.say(one, texts.waiting);
    this.tried = [...added, ...this.tried].slice(0, MOST);
    this.list.replaceChildren(...this.tried.map(({ node }) => node));
    this.bar.hidden = this.square.hidden = this.tried.length === 0;
    this.waiting.push(...added);
    this.work();
  }

  forget() {
    this.tried = this.waiting = [];
    this.list.replaceChildren();
    this.bar.hidden = this.square.hidden = true;
    this.tell("");
  }

  tell(text) {
    this.notice.textContent = text;
    this.notice.hidden = !text;
  }

  async work() {
    if (this.busy) return;
    this.busy = true;
    while (this.waiting.length) {
      const one = this.waiting.shift();
      if (!this.tried.includes(one)) continue;
      const model = this.model;
      this.say(one, this.data.texts.asking);
      const answer = await this.ask(one.file, model);
      if (this.closed.signal.aborted) return;
      if (model !== this.model) continue; // asked again, of the other model
      if (answer.error) this.say(one, answer.error, true);
      else this.show(one, answer);
    }
    this.busy = false;
  }

  async ask(file, model) {
    const { address, texts, most_bytes, most_words } = this.data;
    if (file.size > most_bytes) return { error: fill(texts.too_large, { name: file.name, most: most_words }) };
    const readable = await file.slice(0, 1).arrayBuffer().then(() => true, () => false); // a folder is not
    if (!readable) return { error: fill(texts.unreadable, { name: file.name }) };
    const query = new URLSearchParams({ model, name: file.name.slice(0, 200) });
    let response;
    try {
      response = await fetch(`${address}?${query}`, { method: "POST", body: file, signal: this.closed.signal });
    } catch {
      return { error: texts.offline };
    }
    const answer = await response.json().catch(() => null);
    return answer ?? { error: fill(texts.broken, { status: response.status }) };
  }

  // What is happening to a picture, or why nothing came of it.
  say({ file, node }, text, refused = false) {
    node.replaceChildren(element("div", { class: "what" }, element("p", { class: "file", title: file.name }, file.name),
      element("p", { class: refused ? "refused" : "state", role: refused ? "alert" : "status" }, text)));
    node.removeAttribute("data-answered");
  }

  show({ file, node }, { predictions, seen, epoch }) {
    const { texts, short } = this.data;
    const rows = predictions.map(({ name, share, text }, place) => element("div", { class: place ? "guess" : "guess first" },
      element("span", { class: "name", title: name }, short[name] ?? name),
      element("span", { class: "track" }, element("span", { class: "fill", style: `width: ${100 * share}%` })),
      element("span", { class: "share" }, text)));
    const model = `${texts[this.model]}${epoch === null ? "" : `, ${fill(texts.epoch, { n: epoch + 1 })}`}`;
    node.replaceChildren(
      element("img", { src: seen, alt: fill(texts.seen, { name: file.name }) }),
      element("div", { class: "what" }, element("p", { class: "file", title: file.name }, file.name), ...rows,
        element("p", { class: "of" }, `${texts.model}: ${model}`)));
    node.dataset.answered = this.model;
  }

  close() {
    this.closed.abort();
  }
}

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key]);

export default function (component) {
  const root = component.parentElement.querySelector(".lrlab-own-image");
  root.lrlabInstance ??= new OwnImages(root);
  root.lrlabInstance.update(component);
  return () => {
    root.lrlabInstance?.close();
    root.lrlabInstance = null;
  };
}
