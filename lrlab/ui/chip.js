// Asks what the lab is doing every few seconds while the tab is seen.
const EVERY_MS = 4000;

export default function (component) {
  const node = component.parentElement.querySelector(".lrlab-chip");
  const ask = async () => {
    if (document.hidden) return;
    try {
      const response = await fetch(`${component.data.api}/status`);
      if (response.ok) node.textContent = (await response.json()).text;
    } catch (error) {
      node.textContent = "server not reached";
    }
  };
  ask();
  const timer = setInterval(ask, EVERY_MS);
  return () => clearInterval(timer);
}
