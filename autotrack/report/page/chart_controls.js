// What all charts of a view have in common: their axis, log scale and smoothing.

import { h } from "./dom.js";

/** Return the controls. `settings` has `axis`, `log` and `smoothing`, and is changed; `changed` is called then. */
export function chartControls(axes, settings, changed) {
  const set = (name, value) => {
    settings[name] = value;
    changed();
  };
  const axis = h("select", { "aria-label": "axis", onchange: (event) => set("axis", event.target.value) }, axes.map(([id, title]) => h("option", { value: id, selected: id === settings.axis }, title)));
  const log = h("input", { type: "checkbox", checked: settings.log, onchange: (event) => set("log", event.target.checked) });
  const shown = h("output", {}, settings.smoothing.toFixed(2));
  const smoothing = h("input", { type: "range", min: "0", max: "0.99", step: "0.01", value: settings.smoothing, oninput: (event) => {
    shown.textContent = Number(event.target.value).toFixed(2);
    set("smoothing", Number(event.target.value));
  } });
  return [h("label", {}, "over ", axis), h("label", {}, log, "log scale"), h("label", {}, "smoothing ", smoothing, shown)];
}

/** Return the settings of charts as an address has them, or as they are at first. */
export function chartSettings(settings, axes) {
  const known = axes.map(([id]) => id);
  const wanted = settings.get("axis");
  return {
    axis: known.includes(wanted) ? wanted : known[0],
    log: settings.get("log") === "yes",
    smoothing: Math.max(0, Math.min(0.99, Number(settings.get("smoothing")) || 0)),
  };
}
