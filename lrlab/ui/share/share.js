// Keeps the browser's address at the composed schedule, and shows that address where it can be copied.

function addressed(query, link) {
  const url = new URL(location.href);
  url.hash = "";
  url.search = "";
  if (link) url.searchParams.set(query, link);
  return url.href;
}

class Share {
  constructor(root, texts) {
    this.texts = texts;
    this.button = element("button", { type: "button", "aria-expanded": "false", onclick: () => (this.box.hidden ? this.open() : this.close()) }, texts.share);
    this.field = element("input", { type: "text", readonly: true, "aria-label": texts.address, onfocus: () => this.field.select() });
    this.copyButton = element("button", { type: "button", onclick: () => this.copy() }, texts.copy);
    this.said = element("p", { role: "status" });
    this.box = element("div", { class: "box", hidden: true, onkeydown: (event) => {
      if (event.key !== "Escape") return;
      this.close();
      this.button.focus();
    } }, (this.row = element("div", { class: "row" }, this.field, this.copyButton)), this.said);
    root.replaceChildren(this.button, this.box);
    this.elsewhere = (event) => event.composedPath().includes(root) || this.close();
  }

  update({ query, link, refusal, address }) {
    if (address !== null && addressed(query, address) !== addressed(query, new URLSearchParams(location.search).get(query))) {
      history.replaceState(history.state, "", addressed(query, address));
    }
    this.row.hidden = refusal !== "";
    const shown = addressed(query, link);
    if (this.field.value === shown && !refusal) return;
    this.field.value = shown;
    this.said.textContent = refusal;
  }

  open() {
    this.box.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    document.addEventListener("pointerdown", this.elsewhere);
    if (!this.row.hidden) this.copy();
  }

  close() {
    this.box.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", this.elsewhere);
  }

  // Browsers keep the clipboard from pages that came without HTTPS; there the older command or the person copies.
  async copy() {
    this.field.focus();
    this.field.select();
    let copied = false;
    try {
      await navigator.clipboard.writeText(this.field.value);
      copied = true;
    } catch {
      copied = document.execCommand("copy");
    }
    this.said.textContent = copied ? this.texts.copied : this.texts.by_hand;
  }
}

export default function (component) {
  const { data, parentElement } = component;
  const root = parentElement.querySelector(".lrlab-share");
  root.lrlabShare ??= new Share(root, data.texts);
  root.lrlabShare.update(data);
  return () => root.lrlabShare?.close();
}
