// Streamlit calls this at mount and whenever the data from Python change; one instance lives as long as its node.
export default function (component) {
  const root = component.parentElement.querySelector(".lrlab-plot");
  const make = { preview: Preview, live: Live, finder: Finder, still: Still }[component.data.mode];
  if (root.lrlabInstance && root.lrlabInstance.constructor !== make) {
    root.lrlabInstance.close();
    root.lrlabInstance = null;
  }
  if (root.lrlabInstance) root.lrlabInstance.update(component);
  else root.lrlabInstance = new make(root, component);
  return () => {
    root.lrlabInstance?.close();
    root.lrlabInstance = null;
  };
}
