// Draws figures that the server made. Nothing is computed here: Plotly.react keeps the node, and with it the zoom.

let plotlyLoading = null;

// Plotly is loaded once a page, from this server; its address carries the version.
function loadPlotly(address) {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  plotlyLoading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      plotlyLoading = null;
      reject(new Error("the chart library could not be loaded from the server"));
    };
    document.head.append(script);
  });
  return plotlyLoading;
}

// The colours of the page that `node` stands in; Streamlit gives them as CSS variables.
function pageTheme(node) {
  const style = getComputedStyle(node);
  const value = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  return {
    text: value("--st-text-color", "#1b2430"),
    back: value("--st-background-color", "#ffffff"),
    grid: value("--st-border-color", "#d8dee5"),
    font: value("--st-font", "sans-serif"),
  };
}

// Lines that belong to the page rather than to a curve, such as the beginning of a phase, have its colours.
function tinted(shape, theme) {
  const color = { border: theme.grid, cut: theme.text }[shape.name];
  return color ? { ...shape, line: { ...shape.line, color } } : shape;
}

function themed(layout, theme) {
  const out = { ...layout };
  out.font = { ...layout.font, color: theme.text, family: theme.font };
  out.hoverlabel = { bgcolor: theme.back, bordercolor: theme.grid, font: { color: theme.text, size: 14, family: theme.font } };
  out.modebar = { bgcolor: "rgba(0,0,0,0)", color: theme.grid, activecolor: theme.text };
  if (layout.shapes) out.shapes = layout.shapes.map((shape) => tinted(shape, theme));
  for (const key of Object.keys(layout)) {
    if (/^[xy]axis\d*$/.test(key)) {
      out[key] = { ...layout[key], gridcolor: theme.grid, linecolor: theme.grid, spikecolor: theme.text };
    }
  }
  return out;
}

// One chart in `node`. draw() may be called as often as news arrive; while one drawing runs, only the newest waits.
class Chart {
  constructor(node, plotlyAddress) {
    this.node = node;
    this.address = plotlyAddress;
    this.waiting = null;
    this.busy = false;
    this.last = null;
    this.theme = "";
    this.themeWatch = new MutationObserver(() => this.retheme());
    this.themeWatch.observe(document.documentElement, { attributes: true, attributeFilter: ["style", "class", "data-theme"] });
    this.themeWatch.observe(document.head, { childList: true });
  }

  async draw(figure) {
    this.waiting = figure;
    if (this.busy) return;
    this.busy = true;
    try {
      const Plotly = await loadPlotly(this.address);
      while (this.waiting) {
        const next = this.waiting;
        this.waiting = null;
        const theme = pageTheme(this.node);
        this.theme = JSON.stringify(theme);
        this.last = next;
        await Plotly.react(this.node, next.data, themed(next.layout, theme), {
          responsive: true,
          displaylogo: false,
          showSendToCloud: false, // what is drawn stays on this server
          plotlyServerURL: "",
          modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
        });
        // What is drawn into a box of another height than before is fitted to it.
        if (Math.abs(this.node._fullLayout.height - this.node.clientHeight) > 1) await Plotly.Plots.resize(this.node);
        this.node.dataset.drawn = String(Number(this.node.dataset.drawn || 0) + 1);
      }
    } finally {
      this.busy = false;
    }
  }

  // The page changed between light and dark.
  retheme() {
    if (this.last && JSON.stringify(pageTheme(this.node)) !== this.theme) this.draw(this.last);
  }

  close() {
    this.themeWatch.disconnect();
    if (window.Plotly && this.last) window.Plotly.purge(this.node);
  }
}
