// The rows come from Python; a plain click opens a run in this page, any other click is the browser's own.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const list = parentElement.querySelector(".lrlab-run-list");
  const cell = (name, text) => {
    const node = document.createElement("span");
    node.className = name;
    node.textContent = text;
    return node;
  };
  list.replaceChildren(
    ...data.rows.map((row) => {
      const link = document.createElement("a");
      link.href = `?run=${encodeURIComponent(row.id)}`;
      if (row.shown) link.setAttribute("aria-current", "true");
      const dot = cell("dot", "");
      dot.style.background = row.colour;
      link.append(dot, cell("name", row.name), cell("state", row.state), cell("facts", row.facts), cell("when", row.when));
      link.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        setTriggerValue("open", row.id);
      });
      const item = document.createElement("li");
      item.append(link);
      return item;
    }),
  );
}
