// One addition as a row: its name, a bar, what is being done, and the way out.
class Row {
  constructor(addition, texts, { retry, dismiss }) {
    this.addition = addition;
    this.texts = texts;
    this.fill = element("div", { class: "fill" });
    this.bar = element("div", { class: "track", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100", "aria-label": addition.name }, this.fill);
    this.doing = element("span", { class: "doing" });
    this.detail = element("p", { class: "detail" });
    this.problem = element("p", { class: "problem", role: "alert", hidden: true });
    this.cancel = element("button", { type: "button", onclick: () => addition.cancel() }, texts.cancel);
    this.retry = element("button", { type: "button", hidden: true, onclick: retry }, texts.retry);
    this.dismiss = element("button", { type: "button", hidden: true, onclick: dismiss }, texts.dismiss);
    this.node = element("li", { class: "addition", "data-testid": "addition" },
      element("div", { class: "head" }, element("strong", {}, addition.name), this.doing),
      this.bar, this.problem,
      element("div", { class: "foot" }, this.detail, this.retry, this.dismiss, this.cancel));
    addition.changed = () => this.soon();
    this.draw();
  }

  // Progress arrives far more often than an eye can follow.
  soon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    const { addition, texts } = this;
    const failed = addition.phase === "failed";
    const { doing, share, detail } = (this[addition.phase] ?? this.starting).call(this);
    this.node.dataset.phase = addition.phase;
    if (this.doing.textContent !== doing) this.doing.textContent = doing;
    this.detail.textContent = addition.interrupted ? texts.interrupted : detail;
    this.bar.classList.toggle("unknown", share === null);
    if (share === null) this.bar.removeAttribute("aria-valuenow");
    else this.bar.setAttribute("aria-valuenow", String(Math.floor(share * 100)));
    this.fill.style.width = share === null ? "" : `${(share * 100).toFixed(1)}%`;
    this.bar.hidden = failed;
    this.problem.hidden = !failed;
    this.problem.textContent = failed ? addition.error.message : "";
    this.cancel.hidden = failed;
    this.cancel.disabled = Boolean(addition.cancelling);
    this.retry.hidden = !failed || !(addition.path || (addition.choice && addition.error.field !== "source"));
    this.dismiss.hidden = !failed;
  }

  starting() {
    return { doing: this.texts.starting, share: null, detail: "" };
  }

  sending() {
    const { sent, bytes, sentFiles, files, rate } = this.addition;
    const parts = [fill(this.texts.bytes, { sent: size(sent, bytes), all: size(bytes) })];
    if (files > 1) parts.push(fill(this.texts.files, { sent: sentFiles.toLocaleString("en"), all: files.toLocaleString("en") }));
    if (rate > 0) parts.push(fill(this.texts.rate, { rate: size(rate) }));
    if (rate > 0 && sent < bytes) parts.push(fill(this.texts.left, { time: span((bytes - sent) / rate) }));
    return { doing: this.texts.sending, share: bytes ? sent / bytes : 1, detail: parts.join(" · ") };
  }

  importing() {
    const { status, cancelling } = this.addition;
    if (cancelling) return { doing: this.texts.cancelling, share: null, detail: "" };
    const { what = this.texts.starting, done = 0, total = 0 } = status ?? {};
    const detail = total ? fill(this.texts.done, { done: done.toLocaleString("en"), total: total.toLocaleString("en") }) : "";
    return { doing: what, share: total ? done / total : null, detail };
  }

  failed() {
    return { doing: this.texts.failed, share: 0, detail: "" };
  }

  added() {
    return { doing: this.texts.added, share: 1, detail: "" };
  }
}

// Bytes as a person reads them; with `like`, in the unit that `like` is written in.
function size(bytes, like = bytes) {
  const [unit, name] = [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"], [1, "bytes"]].find(([unit]) => like >= unit) ?? [1, "bytes"];
  const digits = unit === 1 || bytes / unit >= 100 ? 0 : 1;
  return `${(bytes / unit).toFixed(digits)} ${name}`;
}

function span(seconds) {
  const whole = Math.max(1, Math.round(seconds));
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
