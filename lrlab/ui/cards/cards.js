// A card's title is a link over the whole card: a plain click opens the schedule in this tab, any other click is the
// browser's own. Words typed into the field hide the cards that lack one of them.

const SVG = "http://www.w3.org/2000/svg";

function drawn(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

function picture({ path, told }, [width, height]) {
  const edge = 3; // room for the line's width
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height + 2 * edge}`, preserveAspectRatio: "none", role: "img", "aria-label": told });
  const moved = drawn("g", { transform: `translate(0 ${edge})` });
  moved.append(
    drawn("path", { class: "under", d: `${path}V${height}H0Z` }),
    drawn("path", { class: "curve", d: path }),
  );
  svg.append(moved);
  return svg;
}

// Whose it is: a title up to its first comma or colon.
const brief = (title) => title.split(/[,:]/)[0];

function card(entry, size, texts, open) {
  const line = element("p", { class: "line", id: `lrlab-card-${entry.id}` }, entry.line);
  const link = element("a", { class: "open", href: `./?schedule=${encodeURIComponent(entry.link)}`, "aria-describedby": line.id, onclick: (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open(entry.id);
  } }, entry.title);
  const sources = entry.source.map(([title, address]) =>
    element("li", {}, element("a", { href: address, target: "_blank", rel: "noopener noreferrer", title, "aria-label": title }, brief(title))));
  return element("li", { class: "card", "data-testid": `card-${entry.id}` },
    picture(entry, size), element("h3", {}, link), line, element("ul", { class: "source", "aria-label": texts.source }, ...sources));
}

function build(root, { sections, size, texts }, open) {
  const found = element("p", { class: "found", role: "status" });
  const none = element("p", { class: "none", hidden: true }, texts.none);
  const parts = sections.map((section) => {
    const cards = section.cards.map((entry) => ({
      node: card(entry, size, texts, open),
      words: [section.title, entry.title, entry.line, ...entry.source.map(([title]) => title)].join(" ").toLowerCase(),
    }));
    const heading = element("h2", { tabindex: "-1" }, section.title);
    const node = element("section", { "aria-label": section.title }, heading, element("p", { class: "about" }, section.line),
      element("ul", { class: "grid" }, ...cards.map((each) => each.node)));
    const jump = element("button", { type: "button", onclick: () => {
      heading.scrollIntoView({ behavior: "smooth", block: "start" });
      heading.focus({ preventScroll: true });
    } }, section.title);
    return { cards, node, jump };
  });
  const field = element("input", { type: "search", "aria-label": texts.find, placeholder: texts.example, oninput: () => filter(field.value) });

  function filter(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0, all = 0;
    for (const { cards, node, jump } of parts) {
      let here = 0;
      for (const each of cards) {
        each.node.hidden = !words.every((word) => each.words.includes(word));
        here += !each.node.hidden;
      }
      node.hidden = jump.hidden = here === 0;
      shown += here;
      all += cards.length;
    }
    found.textContent = texts.found.replace("{shown}", shown).replace("{all}", all);
    found.hidden = words.length === 0;
    none.hidden = shown > 0;
  }

  root.replaceChildren(
    element("div", { class: "head" }, field, found, element("nav", { "aria-label": texts.sections }, ...parts.map(({ jump }) => jump))),
    none, ...parts.map(({ node }) => node));
  filter("");
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".lrlab-cards");
  const given = JSON.stringify(data);
  if (root.lrlabGiven === given) return; // what is typed into the field stays
  root.lrlabGiven = given;
  build(root, data, (id) => setTriggerValue("open", id));
}
