// The form that asks what new images shall be called, and, for images on the server, where they lie.
class AddForm {
  // `isTaken(name)`; `submit({choice, path, name})` once all is filled in; `closed()` when the form was left;
  // `givenUp(choice)` when a choice was given up.
  constructor(texts, { isTaken, submit, closed, givenUp }) {
    Object.assign(this, { texts, isTaken, closed, givenUp, choice: null });
    this.what = element("p", { class: "what" });
    this.path = askedFor("path", texts.path, { placeholder: texts.path_example, oninput: () => this.nameAfterPath() });
    this.name = askedFor("name", texts.name, { maxlength: "80", oninput: () => (this.named = true) });
    this.node = element("form", { class: "form", hidden: true, onsubmit: (event) => this.check(event, submit) },
      this.what, this.path.node, this.name.node,
      element("div", { class: "actions" },
        element("button", { type: "submit", class: "primary" }, texts.add),
        element("button", { type: "button", onclick: () => this.close() }, texts.back)));
  }

  get open() {
    return !this.node.hidden;
  }

  askForName(choice) {
    const bytes = size(choice.files.reduce((sum, { file }) => sum + file.size, 0));
    const files = choice.files.length.toLocaleString("en");
    const text = choice.zip ? this.texts.chosen_zip : this.texts.chosen_folder;
    this.show(choice, fill(text, { name: choice.zip ?? choice.name, files, size: bytes }), this.free(choice.name));
    this.name.input.focus();
    this.name.input.select();
  }

  askForPath() {
    this.show(null, this.texts.path_call, "");
    this.path.input.value = "";
    this.named = false;
    this.path.input.focus();
  }

  // The form as it was sent, and what was wrong with it.
  askAgain({ choice, path, name, error }) {
    if (choice) this.askForName(choice);
    else this.askForPath();
    this.path.input.value = path ?? "";
    this.name.input.value = name;
    this.named = true;
    (error.field === "name" ? this.name : choice ? { complain() {} } : this.path).complain(error.message);
  }

  close() {
    this.giveUp();
    this.node.hidden = true;
    this.closed();
  }

  giveUp() {
    if (this.choice) this.givenUp(this.choice);
    this.choice = null;
  }

  show(choice, what, name) {
    this.giveUp();
    this.choice = choice;
    this.what.textContent = what;
    this.path.node.hidden = choice !== null;
    this.path.complain("");
    this.name.complain("");
    this.name.input.value = name;
    this.node.hidden = false;
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
    for (let number = 2; this.isTaken(free); number++) free = `${short} ${number}`;
    return free;
  }

  check(event, submit) {
    event.preventDefault();
    const { choice } = this;
    const name = this.name.input.value.trim();
    const path = choice ? null : this.path.input.value.trim();
    this.path.complain(path === "" ? this.texts.path_needed : "");
    this.name.complain(!name ? this.texts.name_needed : this.isTaken(name) ? fill(this.texts.name_taken, { name }) : "");
    if (path === "" || !name || this.isTaken(name)) return;
    this.choice = null; // it goes on
    this.close();
    submit({ choice, path, name });
  }
}

// One text field with its label, and the sentence below it that says what is wrong.
function askedFor(name, title, attributes) {
  const id = `lrlab-add-${name}`;
  const input = element("input", { type: "text", id, autocomplete: "off", spellcheck: "false", "aria-describedby": `${id}-why`, ...attributes });
  const complaint = element("p", { class: "complaint", role: "alert", id: `${id}-why` });
  const node = element("div", { class: "asked" }, element("label", { for: id }, title), input, complaint);
  const complain = (sentence) => {
    complaint.textContent = sentence;
    node.classList.toggle("wrong", sentence !== "");
  };
  return { node, input, complain };
}
