// The composer's controls, made from the catalogue's description of a parameter. A number can always be typed.

let controlCount = 0;

// {node, show(field), complain(sentence)} for one parameter; `changed(value)` is called while it moves.
function makeControl(field, changed) {
  if (field.kind === "choice") return makeChoice(field, changed);
  if (field.kind === "list of int") return makeList(field, changed);
  return makeNumber(field, changed);
}

function frame(field, ...inside) {
  const id = `lrlab-control-${++controlCount}`;
  const complaint = element("p", { class: "complaint", role: "alert", id: `${id}-why` });
  const unit = element("span", { class: "unit" });
  const head = element("div", { class: "head" }, element("label", { for: id, title: field.help }, field.title), unit);
  const node = element("div", { class: "field", "data-testid": `field-${field.name}`, title: field.help }, head, ...inside, complaint);
  const complain = (sentence) => {
    complaint.textContent = sentence;
    node.classList.toggle("wrong", sentence !== "");
  };
  return { id, node, unit, complain };
}

function makeNumber(field, changed) {
  const slide = element("input", { type: "range", "aria-label": field.title });
  const text = element("input", { type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false", class: "number" });
  const { id, node, unit, complain } = frame(field, element("div", { class: "pair" }, slide, text));
  text.id = id;
  let scale = linearScale(field);
  slide.addEventListener("input", () => {
    const value = scale.value(Number(slide.value));
    text.value = written(value);
    changed(value);
  });
  text.addEventListener("input", () => {
    const value = read(text.value, field.kind);
    if (value === null) return complain(field.kind === "int" ? "a whole number is needed" : "a number is needed, such as 0.001 or 1e-3");
    changed(value);
  });
  const show = (now) => {
    unit.textContent = now.unit;
    scale = now.log ? logScale(now) : linearScale(now);
    Object.assign(slide, { min: String(scale.min), max: String(scale.max), step: String(scale.step) });
    if (node.getRootNode().activeElement !== text) text.value = written(now.value);
    if (!slide.matches(":active")) slide.value = String(scale.place(now.value));
    slide.setAttribute("aria-valuetext", `${written(now.value)} ${now.unit}`);
  };
  return { node, show, complain };
}

function makeChoice(field, changed) {
  const select = element("select", { onchange: () => changed(select.value) });
  for (const [value, text] of field.choices) select.append(element("option", { value }, text));
  const { id, node, complain } = frame(field, select);
  select.id = id;
  return { node, complain, show: (now) => (select.value = now.value) };
}

// Milestones: one slider each, kept between its neighbours, and one text for all of them.
function makeList(field, changed) {
  const sliders = element("div", { class: "sliders" });
  const text = element("input", { type: "text", class: "list", autocomplete: "off", spellcheck: "false" });
  const more = element("button", { type: "button", title: `Add to ${field.title}`, "aria-label": `Add to ${field.title}` }, "+");
  const less = element("button", { type: "button", title: `Take the last from ${field.title}`, "aria-label": `Take the last from ${field.title}` }, "−");
  const { id, node, unit, complain } = frame(field, sliders, element("div", { class: "pair" }, text, less, more));
  text.id = id;
  let values = [];
  let bounds = field;
  const tell = () => {
    text.value = values.join(", ");
    changed([...values]);
  };
  const slider = (index) => {
    const slide = element("input", { type: "range", "aria-label": `${field.title} ${index + 1}` });
    slide.addEventListener("input", () => {
      const low = index > 0 ? values[index - 1] : 0;
      const high = index + 1 < values.length ? values[index + 1] : Infinity;
      values[index] = Math.min(Math.max(Number(slide.value), low), high);
      slide.value = String(values[index]);
      tell();
    });
    return slide;
  };
  text.addEventListener("input", () => {
    const typed = text.value.split(/[\s,;]+/).filter(Boolean).map((part) => read(part, "int"));
    if (typed.length === 0 || typed.includes(null)) return complain("whole numbers are needed, such as 10, 15");
    changed(typed);
  });
  more.addEventListener("click", () => {
    const last = values[values.length - 1] ?? 0;
    values = [...values, Math.max(last, Math.min(bounds.max, Math.ceil((last + bounds.max) / 2)))];
    tell();
  });
  less.addEventListener("click", () => {
    if (values.length > 1) values = values.slice(0, -1);
    tell();
  });
  const show = (now) => {
    bounds = now;
    values = [...now.value];
    unit.textContent = now.unit;
    less.disabled = values.length < 2;
    while (sliders.children.length > values.length) sliders.lastChild.remove();
    while (sliders.children.length < values.length) sliders.append(slider(sliders.children.length));
    [...sliders.children].forEach((slide, index) => {
      Object.assign(slide, { min: String(now.min), max: String(now.max), step: "1" });
      if (!slide.matches(":active")) slide.value = String(values[index]);
    });
    if (node.getRootNode().activeElement !== text) text.value = values.join(", ");
  };
  return { node, show, complain };
}

// ---- numbers as places on a slider ------------------------------------------------------------------------------

function linearScale({ min, max, step }) {
  const digits = Math.max(0, Math.ceil(-Math.log10(step || 1)));
  return { min, max, step: step || "any", place: (value) => value, value: (place) => Number(place.toFixed(digits)) };
}

// 100 places a decade, each rounded to two digits, so that 0.001 and 0.0025 are met exactly; left of all, zero where legal.
function logScale({ min, max, zero }) {
  const low = Math.log10(min);
  const places = Math.round((Math.log10(max) - low) * 100);
  return {
    min: zero ? -1 : 0,
    max: places,
    step: 1,
    place: (value) => (value <= 0 ? -1 : (Math.log10(value) - low) * 100),
    value: (place) => (place < 0 ? 0 : Number((10 ** (low + place / 100)).toPrecision(2))),
  };
}

function written(value) {
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)) return value.toExponential().replace("e+", "e");
  return String(Number(value.toPrecision(12)));
}

function read(text, kind) {
  const value = text.trim() === "" ? NaN : Number(text.trim().replace(",", "."));
  if (!Number.isFinite(value) || (kind === "int" && !Number.isInteger(value))) return null;
  return value;
}
