// Asks what the lab is doing every few seconds while the tab is seen; a click leads to the page that tells more.
const EVERY_MS = 4000;

export default function (component) {
  const node = component.parentElement.querySelector(".lrlab-chip a");
  node.onclick = (event) => {
    // The entry of the navigation opens the page within this tab; the address alone would begin a new session.
    const entry = document.querySelector('[data-testid="stTopNavLink"][href$="/lab"]');
    if (!entry || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    entry.click();
  };
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
