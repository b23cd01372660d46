// The control: where images are dropped, chosen or named, the form that asks for a name, and a row for each addition.

const TELL_MS = 2000; // longer than a run of the page takes
const REMEMBERED = "lrlab-additions"; // in sessionStorage: what this tab was sending, and the imports it started

class UploadControl {
  constructor(root, component) {
    this.root = root;
    this.component = component;
    this.rows = new Map();
    // Additions live as long as the tab, this control only as long as the page is shown.
    this.additions = window.lrlabAdditions ??= [];
    this.build(component.data);
    this.recall();
    this.update(component);
    this.listen();
  }

  update(component) {
    this.component = component;
    const { first, taken, sample, imports } = component.data;
    this.taken = new Set(taken);
    this.root.classList.toggle("first", first);
    this.sample.classList.toggle("primary", first);
    this.sampleWay.hidden = this.taken.has(sample);
    this.serverWay.hidden = !component.data.server;
    for (const { id, dataset } of imports) {
      const known = this.ended.has(id) || this.additions.some(({ importing }) => importing === id);
      if (!known) this.follow("other", id, dataset);
    }
    for (const addition of [...this.additions]) this.show(addition);
    this.remember();
    if (this.untold.delete(component.data.heard)) this.tell();
  }

  build({ texts, api }) {
    this.api = api;
    this.texts = texts;
    this.ended = new Set();
    this.untold = new Map();
    const input = (attributes) => element("input", { type: "file", hidden: true, onchange: (event) => this.chosen(event.target), ...attributes });
    this.zip = input({ accept: ".zip,application/zip", "data-testid": "zip-input" });
    this.folder = input({ webkitdirectory: "", multiple: true, "data-testid": "folder-input" });
    this.sample = element("button", { type: "button", onclick: () => this.addSample() }, texts.sample);
    this.sampleWay = element("p", { class: "way" }, element("span", {}, texts.no_images), this.sample, element("span", { class: "hint" }, texts.sample_hint));
    this.problem = element("p", { class: "problem", role: "alert", hidden: true });
    this.reading = element("p", { class: "reading", role: "status", hidden: true });
    this.zone = element("div", { class: "zone" },
      element("p", { class: "call" }, texts.drop),
      element("p", { class: "hint" }, texts.drop_hint),
      element("div", { class: "actions" },
        element("button", { type: "button", onclick: () => this.zip.click() }, texts.choose_zip),
        element("button", { type: "button", onclick: () => this.folder.click() }, texts.choose_folder)));
    this.serverWay = element("p", { class: "way" }, element("span", {}, texts.on_server),
      element("button", { type: "button", onclick: () => this.ask((form) => form.askForPath()) }, texts.name_folder),
      element("span", { class: "hint" }, texts.name_hint));
    this.ways = element("div", { class: "ways" }, this.sampleWay, this.serverWay);
    this.idle = element("div", { class: "idle" }, this.zone, this.ways);
    this.form = new AddForm(texts, {
      isTaken: (name) => this.isTaken(name),
      submit: (asked) => this.add(asked),
      closed: () => (this.idle.hidden = false),
      givenUp: ({ arrived }) => arrived && dropUpload(this.api, arrived),
    });
    this.list = element("ul", { class: "additions", "aria-label": texts.under_way });
    this.root.replaceChildren(this.zip, this.folder, this.problem, this.reading, this.idle, this.form.node, this.list);
  }

  // ---- dropping -----------------------------------------------------------------------------------------------

  // The whole window takes a drop: one that misses the zone would make the browser leave the page and show the file.
  listen() {
    this.listening = new AbortController();
    const on = (name, deed) => window.addEventListener(name, deed, { signal: this.listening.signal });
    const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
    let depth = 0;
    const mark = (change) => {
      depth = Math.max(0, change === 0 ? 0 : depth + change);
      this.root.classList.toggle("over", depth > 0);
    };
    on("dragenter", (event) => carriesFiles(event) && mark(1));
    on("dragleave", (event) => carriesFiles(event) && mark(-1));
    on("dragover", (event) => carriesFiles(event) && event.preventDefault());
    on("drop", (event) => {
      mark(0);
      if (!carriesFiles(event)) return;
      event.preventDefault();
      this.read(filesOfDrop(event.dataTransfer, this.texts, (count) => this.count(count)));
    });
  }

  chosen(input) {
    const list = [...input.files];
    input.value = ""; // else choosing the same again would be no change
    this.read((async () => filesOfChoice(list, this.texts))());
  }

  count(files) {
    this.reading.hidden = false;
    this.reading.textContent = fill(this.texts.reading, { files: files.toLocaleString("en") });
  }

  async read(promised) {
    this.complain("");
    try {
      const choice = await promised;
      if (choice.files.length > this.component.data.most_files) {
        const [got, most] = [choice.files.length, this.component.data.most_files].map((count) => count.toLocaleString("en"));
        throw new Refusal(fill(this.texts.too_many, { got, most }));
      }
      this.ask((form) => form.askForName(choice));
    } catch (error) {
      this.complain(error instanceof Refusal ? error.message : fill(this.texts.cannot_read, { why: error.message }));
    } finally {
      this.reading.hidden = true;
    }
  }

  // ---- additions ----------------------------------------------------------------------------------------------

  ask(question) {
    this.complain("");
    this.idle.hidden = true;
    question(this.form);
  }

  // By a data set, or by one that is on its way.
  isTaken(name) {
    return this.taken.has(name) || this.additions.some((addition) => addition.name === name && !addition.over);
  }

  add({ choice, path, name }) {
    const addition = this.start(choice ? "files" : "path");
    Object.assign(addition, { choice, path });
    if (choice) addition.send(name, choice.files, choice.arrived);
    else addition.take({ path, name });
    this.show(addition);
  }

  addSample() {
    const addition = this.start("sample");
    addition.take({ name: this.component.data.sample, sample: true });
    this.show(addition);
  }

  follow(way, id, name) {
    this.start(way).follow(id, name);
  }

  start(way) {
    this.complain("");
    const addition = new Addition(way, this.api, this.texts);
    this.additions.push(addition);
    return addition;
  }

  // Gives an addition its row, and hears of its end.
  show(addition) {
    if (!this.rows.has(addition)) {
      const row = new Row(addition, this.texts, { retry: () => this.again(addition), dismiss: () => this.dismiss(addition) });
      this.rows.set(addition, row);
      this.list.append(row.node);
      const draw = addition.changed;
      addition.changed = () => {
        draw();
        this.remember();
        if (addition.over) this.ending(addition);
      };
    }
    if (addition.over) this.ending(addition);
  }

  ending(addition) {
    if (addition.importing) this.ended.add(addition.importing);
    if (addition.phase === "failed") {
      // A wrong name is told where the name is typed, a wrong path where the path is typed.
      const typed = addition.path || (addition.choice && addition.error.field === "name");
      if (typed && !addition.told && !this.form.open) this.again(addition);
      addition.told = true;
      return;
    }
    this.forget(addition);
    if (addition.phase === "added") {
      this.untold.set(addition.dataset, { id: addition.dataset, mine: addition.way !== "other" });
      this.tell();
    }
  }

  // What Python is told while its server is away is lost: it is told again until the page says that it has heard.
  tell() {
    clearTimeout(this.telling);
    const [news] = this.untold.values();
    if (!news) return;
    this.component.setTriggerValue("added", news);
    this.telling = setTimeout(() => this.tell(), TELL_MS);
  }

  again(addition) {
    this.forget(addition);
    if (addition.choice) addition.choice.arrived = addition.arrived;
    this.ask((form) => form.askAgain(addition));
  }

  dismiss(addition) {
    addition.stop();
    this.forget(addition);
  }

  forget(addition) {
    this.additions.splice(this.additions.indexOf(addition), 1);
    this.rows.get(addition)?.node.remove();
    this.rows.delete(addition);
    addition.changed = () => {};
    this.remember();
  }

  // ---- across a reload ----------------------------------------------------------------------------------------

  remember() {
    const own = this.additions.filter(({ way, over }) => way !== "other" && !over);
    const value = {
      sending: own.filter(({ phase }) => phase === "sending").map(({ name }) => name),
      imports: own.filter(({ importing }) => importing).map(({ importing, name }) => [importing, name]),
    };
    this.sample.disabled = this.isTaken(this.component.data.sample);
    const text = JSON.stringify(value);
    if (text !== this.remembered) sessionStorage.setItem(REMEMBERED, (this.remembered = text));
  }

  // An import of this tab may have ended while the page was loading: it is asked for whether Python still lists it or not.
  recall() {
    const { sending = [], imports = [] } = JSON.parse(sessionStorage.getItem(REMEMBERED) ?? "{}");
    sessionStorage.removeItem(REMEMBERED);
    const alive = (name) => this.additions.some((addition) => addition.name === name);
    for (const [id, name] of imports) if (!alive(name)) this.follow("reloaded", id, name);
    const lost = sending.filter((name) => !alive(name));
    if (lost.length > 0) this.complain(fill(this.texts.cut_off, { name: lost.join(", ") }));
  }

  complain(sentence) {
    this.problem.textContent = sentence;
    this.problem.hidden = sentence === "";
  }

  close() {
    this.listening.abort();
    clearTimeout(this.telling);
    for (const addition of this.additions) addition.changed = () => this.remember(); // it goes on unseen
  }
}

export default function (component) {
  const root = component.parentElement.querySelector(".lrlab-upload");
  if (root.lrlabControl) root.lrlabControl.update(component);
  else root.lrlabControl = new UploadControl(root, component);
  return () => {
    root.lrlabControl?.close();
    root.lrlabControl = null;
  };
}
