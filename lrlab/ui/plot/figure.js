// Draws figures that the server made. Nothing is computed here: Plotly.react keeps the node, and with it the zoom.
// Where nothing but staircases changed, as while a slider is moved, their paths are set at once, which takes a twentieth
// of Plotly's time; Plotly draws the figure, and knows it for the pointer, once nothing has moved for a moment.

const CALM_MS = 60; // shorter than a pause between two presses, longer than between two answers to a drag
const FAR = 1e5; // pixels; what a zoom leaves further outside is drawn there

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

// ---- staircases -----------------------------------------------------------------------------------------------------

const ARRAYS = { f4: Float32Array, f8: Float64Array, i4: Int32Array };

function decoded({ dtype, bdata }) {
  const text = atob(bdata);
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return new ARRAYS[dtype](bytes.buffer);
}

const isStaircase = ({ type, mode, line, fill }) => type === "scatter" && mode === "lines" && line?.shape === "hv" && !fill;

// All of a figure but where its staircases run, and what only the pointer is told of them.
function frameOf({ data, layout }) {
  return JSON.stringify([layout, data.map((trace) => {
    if (!isStaircase(trace)) return trace;
    const { x, y, customdata, hovertemplate, name, ...fixed } = trace;
    return trace.showlegend ? { ...fixed, name } : fixed;
  })]);
}

// The path of a staircase on Plotly's axes, each level told once; null where a point has no place, as 0 on a log axis.
function stairs({ x, y }, xaxis, yaxis) {
  const place = (axis, value) => Math.min(Math.max(axis.c2p(value), -FAR), FAR).toFixed(2);
  const [across, up] = [decoded(x), decoded(y)];
  let path = "";
  let level = null;
  let right = null;
  for (let index = 0; index < up.length; index++) {
    const next = up[index] === up[index - 1] ? level : place(yaxis, up[index]);
    right = place(xaxis, across[index]);
    if (next === "NaN" || right === "NaN") return null;
    if (level === null) path = `M${right},${next}`;
    else if (next !== level) path += `H${right}V${next}`;
    level = next;
  }
  return `${path}H${right}`;
}

// One chart in `node`. show() and draw() may be called as often as news arrive; while one drawing runs, only the newest waits.
class Chart {
  constructor(node, plotlyAddress) {
    this.node = node;
    this.address = plotlyAddress;
    this.waiting = null;
    this.drawing = false;
    this.last = null; // the figure that is seen
    this.moved = null; // the same, while Plotly has not drawn it yet
    this.theme = "";
    this.themeWatch = new MutationObserver(() => this.retheme());
    this.themeWatch.observe(document.documentElement, { attributes: true, attributeFilter: ["style", "class", "data-theme"] });
    this.themeWatch.observe(document.head, { childList: true });
  }

  get busy() {
    return this.drawing || this.moved !== null;
  }

  // Draws `figure`; where only its staircases moved, these at once and all of it when they rest.
  async show(figure) {
    if (this.move(figure)) {
      await new Promise((resolve) => setTimeout(resolve, CALM_MS));
      if (this.moved !== figure) return;
    }
    await this.draw(figure);
  }

  // Puts the staircases of `figure` where they now run; false where that is not all that changed, and nothing is done.
  move(figure) {
    const { last, node } = this;
    const { _fullLayout: axes, _fullData: drawn } = node;
    if (!last || this.drawing || drawn?.length !== figure.data.length || frameOf(figure) !== frameOf(last)) return false;
    const moves = [];
    for (const [index, trace] of figure.data.entries()) {
      const before = last.data[index];
      if (!isStaircase(trace) || (trace.x.bdata === before.x.bdata && trace.y.bdata === before.y.bdata)) continue;
      const [xaxis, yaxis] = [axes.xaxis, axes[(trace.yaxis ?? "y").replace("y", "yaxis")]];
      if (xaxis.autorange || yaxis.autorange) return false; // they follow what is drawn
      const paths = node.querySelectorAll(`.scatterlayer .trace${drawn[index].uid} .js-line`);
      const path = stairs(trace, xaxis, yaxis);
      if (paths.length !== 1 || path === null) return false;
      moves.push([paths[0], path]);
    }
    for (const [line, path] of moves) line.setAttribute("d", path);
    this.last = this.moved = figure;
    this.count();
    return true;
  }

  async draw(figure) {
    this.waiting = figure;
    if (this.drawing) return;
    this.drawing = true;
    try {
      const Plotly = await loadPlotly(this.address);
      while (this.waiting) {
        const next = this.waiting;
        const seen = next === this.moved;
        this.waiting = this.moved = null;
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
        // What is drawn into a box of another height than before is fitted to it; one that is not shown has none.
        const height = this.node.clientHeight;
        if (height && Math.abs(this.node._fullLayout.height - height) > 1) await Plotly.Plots.resize(this.node);
        if (!seen) this.count();
      }
    } finally {
      this.drawing = false;
    }
  }

  // How many figures have been seen, for those who wait for one.
  count() {
    this.node.dataset.drawn = String(Number(this.node.dataset.drawn || 0) + 1);
  }

  // The page changed between light and dark.
  retheme() {
    if (this.last && JSON.stringify(pageTheme(this.node)) !== this.theme) this.draw(this.last);
  }

  close() {
    this.moved = null;
    this.themeWatch.disconnect();
    if (window.Plotly && this.last) window.Plotly.purge(this.node);
  }
}
