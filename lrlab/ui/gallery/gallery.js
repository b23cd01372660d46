// Draws the grid anew for each selection: ten pictures, which the browser keeps once it has seen them.
export default function (component) {
  const { address, side, items, unreadable } = component.data;
  const list = component.parentElement.querySelector(".lrlab-gallery");
  list.replaceChildren(...items.map((item) => {
    const gone = element("p", { class: "gone", hidden: true }, unreadable);
    const image = element("img", {
      src: `${address}/${item.row}?side=${side}`,
      alt: `${item.class}: ${item.name}`,
      title: item.name,
      onerror: () => {
        image.hidden = true;
        gone.hidden = false;
      },
    });
    return element("li", {}, element("figure", {}, element("div", { class: "picture" }, image, gone), element("figcaption", { title: item.class }, item.class)));
  }));
}
