// Pictures that the model named wrong, the surest first: ten at once, more on request.
const FIRST = 10;
const FURTHER = 20;

export default function (component) {
  const { address, side, items, short, texts } = component.data;
  const root = component.parentElement.querySelector(".lrlab-mistakes");

  const picture = (item) => {
    const gone = element("p", { class: "gone", hidden: address !== null }, address === null ? texts.deleted : texts.unreadable);
    if (address === null) return element("div", { class: "picture" }, gone);
    const image = element("img", {
      src: `${address}/${item.row}?side=${side}`,
      alt: `${item.file}: ${texts.said} ${item.predicted}, ${texts.is} ${item.label}`,
      loading: "lazy",
      onerror: () => {
        image.hidden = true;
        gone.hidden = false;
      },
    });
    return element("div", { class: "picture" }, image, gone);
  };

  const line = (kind, name, share) => element("p", { class: kind, title: name },
    element("span", { class: "word" }, texts[kind]), element("b", {}, short[name]), element("span", { class: "share" }, share));

  const card = (item) => element("li", {}, picture(item),
    line("said", item.predicted, item.sure),
    line("is", item.label, item.right),
    // cut off at its start where it is long: the end of a path tells more
    element("p", { class: "file", title: item.file }, element("bdi", { dir: "ltr" }, item.file)));

  const list = element("ul", { "data-testid": "mistakes" });
  const more = element("button", { type: "button", class: "more", onclick: () => grow(FURTHER) }, texts.more);
  const grow = (count) => {
    list.append(...items.slice(list.children.length, list.children.length + count).map(card));
    more.hidden = list.children.length >= items.length;
  };
  grow(FIRST);
  root.replaceChildren(list, more);
}
