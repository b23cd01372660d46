// The control: where images are dropped, chosen or named, the form that asks for a name, and a row for each addition.

const REMEMBERED = "lrlab-additions"; // in sessionStorage: what this tab was sending, and the imports it started

class UploadControl {
  constructor(root, component) {
    this.root = root;
    this.component = component;
    this.choice = null;
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
    for (const { id, dataset } of imports) {
      if (this.additions.some((known) => known.importing === id)) continue;
      if (this.ended.has(id)) continue;
      const addition = this.start(this.mine.has(id) ? "reloaded" : "other");
      addition.follow(id, dataset);
      this.show(addition);
    }
    for (const addition of [...this.additions]) this.show(addition);
    this.remember();
  }

  build({ texts, api }) {
    this.api = api;
    this.texts = texts;
    this.ended = new Set();
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
    this.ways = element("div", { class: "ways" },
      this.sampleWay,
      element("p", { class: "way" }, element("span", {}, texts.on_server),
        element("button", { type: "button", onclick: () => this.askPath() }, texts.name_folder),
        element("span", { class: "hint" }, texts.name_hint)));
    this.idle = element("div", { class: "idle" }, this.zone, this.ways);
    this.buildForm();
    this.list = element("ul", { class: "additions", "aria-label": texts.under_way });
    this.root.replaceChildren(this.zip, this.folder, this.problem, this.reading, this.idle, this.form, this.list);
  }

  buildForm() {
    const { texts } = this;
    const field = (name, title, attributes) => {
      const input = element("input", { type: "text", id: `lrlab-add-${name}`, autocomplete: "off", spellcheck: "false", ...attributes });
      const complaint = element("p", { class: "complaint", role: "alert" });
      const node = element("div", { class: "asked" }, element("label", { for: input.id }, title), input, complaint);
      const complain = (sentence) => {
        complaint.textContent = sentence;
        node.classList.toggle("wrong", sentence !== "");
      };
      return { node, input, complain };
    };
    this.what = element("p", { class: "what" });
    this.path = field("path", texts.path, { placeholder: texts.path_example, oninput: () => this.nameAfterPath() });
    this.name = field("name", texts.name, { maxlength: "80", oninput: () => (this.named = true) });
    this.form = element("form", { class: "form", hidden: true, onsubmit: (event) => this.submit(event) },
      this.what, this.path.node, this.name.node,
      element("div", { class: "actions" },
        element("button", { type: "submit", class: "primary" }, texts.add),
        element("button", { type: "button", onclick: () => this.rest() }, texts.back)));
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
      this.ask(choice);
    } catch (error) {
      this.complain(error instanceof Refusal ? error.message : fill(this.texts.cannot_read, { why: error.message }));
    } finally {
      this.reading.hidden = true;
    }
  }

  // ---- the form -----------------------------------------------------------------------------------------------

  ask(choice) {
    const bytes = choice.files.reduce((sum, { file }) => sum + file.size, 0);
    const files = choice.files.length.toLocaleString("en");
    const what = choice.zip
      ? fill(this.texts.chosen_zip, { name: choice.zip, size: size(bytes) })
      : fill(this.texts.chosen_folder, { name: choice.name, files, size: size(bytes) });
    this.open(choice, what, this.free(choice.name));
    this.name.input.select();
  }

  askPath(path = "", name = "") {
    this.open(null, this.texts.path_call, name);
    this.path.input.value = path;
    this.named = name !== "";
    this.path.input.focus();
  }

  open(choice, what, name) {
    this.complain("");
    this.choice = choice;
    this.what.textContent = what;
    this.path.node.hidden = choice !== null;
    this.path.complain("");
    this.name.complain("");
    this.name.input.value = name;
    this.idle.hidden = true;
    this.form.hidden = false;
    if (choice) this.name.input.focus();
  }

  rest() {
    this.choice = null;
    this.form.hidden = true;
    this.idle.hidden = false;
  }

  nameAfterPath() {
    if (this.named) return;
    const last = this.path.input.value.split(/[\\/]/).filter(Boolean).pop() ?? "";
    this.name.input.value = last ? this.free(last.replace(/\.zip$/i, "")) : "";
  }

  // `name` as it is, or with the first number that makes it free.
  free(name) {
    const short = name.trim().slice(0, 76);
    let free = short;
    for (let number = 2; this.taken.has(free); number++) free = `${short} ${number}`;
    return free;
  }

  submit(event) {
    event.preventDefault();
    const name = this.name.input.value.trim();
    if (!this.choice && !this.path.input.value.trim()) return this.path.complain(this.texts.path_needed);
    if (!name) return this.name.complain(this.texts.name_needed);
    if (this.taken.has(name)) return this.name.complain(fill(this.texts.name_taken, { name }));
    if (this.choice) {
      const addition = this.start("files");
      addition.choice = this.choice;
      addition.send(name, this.choice.files);
      this.show(addition);
    } else {
      const addition = this.start("path");
      addition.path = this.path.input.value.trim();
      addition.take({ path: addition.path, name });
      this.show(addition);
    }
    this.rest();
  }

  addSample() {
    const addition = this.start("sample");
    addition.take({ name: this.component.data.sample, sample: true });
    this.show(addition);
  }

  // ---- additions ----------------------------------------------------------------------------------------------

  start(way) {
    this.complain("");
    const addition = new Addition(way, this.api, this.texts);
    this.additions.push(addition);
    return addition;
  }

  // Gives an addition its row, and hears of its end.
  show(addition) {
    if (!this.rows.has(addition)) {
      const row = new Row(addition, this.texts, { retry: () => this.again(addition), dismiss: () => this.forget(addition) });
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
      if (addition.path || (addition.choice && addition.error.field === "name")) this.again(addition);
      return;
    }
    this.forget(addition);
    if (addition.phase === "added") this.component.setTriggerValue("added", { id: addition.dataset, mine: addition.way !== "other" });
  }

  again(addition) {
    const { choice, path, name, error } = addition;
    this.forget(addition);
    if (choice) this.ask(choice);
    else this.askPath(path, name);
    this.name.input.value = name;
    if (error.field === "name") this.name.complain(error.message);
    else if (path) this.path.complain(error.message);
    else if (error.field !== "source") this.complain(error.message);
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
      imports: own.map(({ importing }) => importing).filter(Boolean),
    };
    const text = JSON.stringify(value);
    if (text !== this.remembered) sessionStorage.setItem(REMEMBERED, (this.remembered = text));
  }

  recall() {
    const { sending = [], imports = [] } = JSON.parse(sessionStorage.getItem(REMEMBERED) ?? "{}");
    this.mine = new Set(imports);
    sessionStorage.removeItem(REMEMBERED);
    const lost = sending.filter((name) => !this.additions.some((addition) => addition.name === name));
    if (lost.length > 0) this.complain(fill(this.texts.cut_off, { name: lost.join(", ") }));
  }

  complain(sentence) {
    this.problem.textContent = sentence;
    this.problem.hidden = sentence === "";
  }

  close() {
    this.listening.abort();
    for (const addition of this.additions) addition.changed = () => {};
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
