// The whole control: one stream brings the lab, each part of the page is filled in its place.

class Lab {
  constructor(root, component) {
    this.root = root;
    this.may = {};
    this.more = 0;
    this.update(component);
    const { texts } = this;
    this.problem = element("p", { class: "problem", role: "alert", hidden: true });
    this.lists = {
      running: this.list("running", texts.running, texts.running_none, (row) => (row.id ? runningRow(row, this) : this.hiddenRow(row))),
      waiting: this.list("waiting", texts.waiting, texts.waiting_none, (row) => waitingRow(row, this)),
      ended: this.list("ended", texts.ended, texts.ended_none, (row) => endedRow(row, this)),
    };
    this.rest = element("p", { class: "none more", hidden: true });
    this.lists.waiting.section.append(this.rest);
    const train = element("a", { class: "train", href: "train?new=1", onclick: (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.open({ kind: "new", id: "" });
    } }, texts.train);
    this.lists.running.none.append(" ", train);
    this.devices = new KeyedList((row) => deviceRow(row, this));
    this.gpus = element("p", { class: "note" });
    this.disk = new Disk(this);
    this.processes = new KeyedList(processRow);
    this.inAll = element("p", { class: "note" });
    this.limits = element("dl", { class: "limits" });
    const fold = element("details", {}, element("summary", {}, texts.limits), this.limits, element("p", { class: "note" }, texts.limits_line));
    this.body = element("div", { class: "columns", hidden: true },
      element("div", { class: "column" }, this.lists.running.section, this.lists.waiting.section, this.lists.ended.section),
      element("div", { class: "column side" },
        section(texts.machine, null, this.devices.node, this.gpus),
        section(texts.disk, this.disk.measured, this.disk.node),
        section(texts.processes, null, this.processes.node, this.inAll, fold)));
    this.waits = element("p", { class: "none" }, texts.connecting);
    root.replaceChildren(this.problem, this.waits, this.body);
    this.stream = new Stream(`${this.api}/lab`, {
      news: (told) => this.fill(told),
      lost: (isLost) => this.trouble("lost", isLost ? this.texts.lost : ""),
      refused: (sentence) => this.trouble("fault", sentence),
    });
  }

  update({ data, setTriggerValue }) {
    this.texts = data.texts;
    this.api = data.api;
    this.trigger = setTriggerValue;
  }

  list(kind, title, none, make) {
    const list = new KeyedList(make);
    const count = element("span", { class: "count" });
    const empty = element("p", { class: "none" }, none);
    return { list, count, none: empty, section: section(title, count, list.node, empty), text: empty.firstChild, kind };
  }

  hiddenRow(row) {
    const { node, fill } = runRow(row, this);
    return { node, fill };
  }

  fill(told) {
    this.trouble("fault", told.fault);
    if (told.fault) return;
    this.may = told.may;
    this.more = told.more;
    for (const [kind, { list, count, none }] of Object.entries(this.lists)) {
      list.fill(told[kind]);
      const all = told[kind].length + (kind === "waiting" ? told.more : 0);
      say(count, kind !== "ended" && all > 0 ? `${all}` : "");
      show(none, all === 0);
    }
    this.lists.waiting.text.data = told.running.length ? this.texts.waiting_none_busy : this.texts.waiting_none;
    show(this.rest, told.more);
    say(this.rest, filled(this.texts.more, { count: told.more }));
    this.devices.fill(told.devices.map((row, place) => ({ ...row, key: `${place} ${row.name}` })));
    say(this.gpus, told.gpus);
    show(this.gpus, told.gpus);
    this.disk.fill(told.disk);
    this.processes.fill(told.processes.map((row) => ({ ...row, key: `${row.pid}` })));
    say(this.inAll, filled(this.texts.in_all, { memory: told.in_all }));
    const limits = JSON.stringify(told.limits);
    if (limits !== this.toldLimits) {
      this.toldLimits = limits;
      this.limits.replaceChildren(...told.limits.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
    }
    show(this.waits, false);
    show(this.body, true);
  }

  // Troubles by their kind; the first that there is is told.
  trouble(kind, sentence) {
    this.troubles = { ...this.troubles, [kind]: sentence };
    const told = this.troubles.lost || this.troubles.fault || this.troubles.deed || "";
    say(this.problem, told);
    show(this.problem, told);
  }

  open(row) {
    this.trigger("open", { kind: row.kind, id: row.kind === "dataset" ? row.name : row.id });
  }

  ask(deed, id) {
    this.trigger("ask", { deed, id });
  }

  // Does something by a route; the stream shows what came of it. The answer, or null where it was not done.
  async post(path, button) {
    if (button.getAttribute("aria-disabled") === "true" || button.dataset.busy) return null;
    button.dataset.busy = "1";
    let error = "";
    try {
      const response = await fetch(`${this.api}/${path}`, { method: "POST" });
      if (response.ok) return await response.json();
      error = (await errorOf(response)) || this.texts.not_reached;
    } catch {
      error = this.texts.not_reached;
    } finally {
      delete button.dataset.busy;
      this.trouble("deed", error && filled(this.texts.not_done, { error }));
    }
    return null;
  }

  close() {
    this.stream.close();
  }
}

function section(title, beside, ...children) {
  return element("section", {}, element("h2", {}, title, beside), ...children);
}

export default function (component) {
  const root = component.parentElement.querySelector(".lrlab-lab");
  if (root.lrlabInstance) root.lrlabInstance.update(component);
  else root.lrlabInstance = new Lab(root, component);
  return () => {
    root.lrlabInstance?.close();
    root.lrlabInstance = null;
  };
}
