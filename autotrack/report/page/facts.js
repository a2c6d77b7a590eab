// Tables of names and values, sections, and texts to copy: the plain parts of the views.

import { button, h, scrolling } from "./dom.js";

export function section(id, title, ...content) {
  return h("section", { class: "card section", id, "data-part": id, "aria-labelledby": `${id}-title` }, h("h2", { id: `${id}-title` }, title), content);
}

/** Return content that is shown when its title is clicked. */
export function folded(title, content) {
  return h("details", { class: "more" }, h("summary", {}, title), content);
}

/** Return a table of names and values; what has no value is left out. */
export function facts(pairs) {
  const rows = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  if (!rows.length) return null;
  return h("table", { class: "facts" }, h("tbody", {}, rows.map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, h("bdi", {}, name)), h("td", {}, value instanceof Node ? value : h("bdi", {}, value))))));
}

/**
 * Return a table with heads. Cells are texts or elements; `numbers` has the places of columns that are numbers, and
 * `withoutEmpty` leaves out columns in which nothing stands.
 */
export function table(heads, rows, numbers = [], { withoutEmpty = false } = {}) {
  if (withoutEmpty) {
    const kept = heads.map((_, at) => at).filter((at) => at === 0 || rows.some((row) => row[at] !== "" && row[at] !== null && row[at] !== undefined));
    return table(kept.map((at) => heads[at]), rows.map((row) => kept.map((at) => row[at])), kept.map((from, to) => (numbers.includes(from) ? to : -1)));
  }
  const kind = (at) => (numbers.includes(at) ? "number" : null);
  const cells = (row) => row.map((cell, at) => h(at ? "td" : "th", { class: kind(at), scope: at ? null : "row" }, cell instanceof Node ? cell : h("bdi", {}, cell)));
  return scrolling(`table by ${heads[0]}`, h("table", { class: "facts" }, h("thead", {}, h("tr", {}, heads.map((head, at) => h("th", { scope: "col", class: kind(at) }, head)))), h("tbody", {}, rows.map((row) => h("tr", {}, cells(row))))));
}

/** Return a text with a button that copies it. */
export function copyable(text) {
  const label = button("copy", async () => {
    try {
      await navigator.clipboard.writeText(text);
      label.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(shown); // where the clipboard is closed to the page: one key more
      label.textContent = "selected";
    }
    setTimeout(() => (label.textContent = "copy"), 1500);
  });
  const shown = h("pre", { class: "log" }, text);
  return h("div", { class: "copy" }, shown, label);
}
