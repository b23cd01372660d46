// One figure that stands still until Python sends another: data holds `figure`, and `label`, its name for a screen reader.
// The figure states its own height; what is higher than the component lets through is scrolled, unless `whole` is set.
// `least_width`: pixels below which it is moved sideways instead of squeezed.
class Still {
  constructor(root, component) {
    this.plot = element("div", { role: "img" });
    this.problem = element("p", { class: "problem", role: "alert", hidden: true });
    this.frame = element("div", { class: "still" }, this.plot);
    root.replaceChildren(this.frame, this.problem);
    this.chart = new Chart(this.plot, component.data.plotly);
    this.update(component);
  }

  update({ data }) {
    this.plot.setAttribute("aria-label", data.label);
    this.frame.classList.toggle("whole", Boolean(data.whole));
    this.plot.style.minWidth = `${data.least_width ?? 0}px`;
    this.plot.style.height = `${data.figure.layout.height}px`;
    this.chart.draw(data.figure).catch((error) => {
      this.problem.textContent = error.message;
      this.problem.hidden = false;
    });
  }

  close() {
    this.chart.close();
  }
}
