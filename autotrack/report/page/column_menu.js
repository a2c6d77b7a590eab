// The menu that chooses the columns of the table, or the axes of a drawing.

import { button, fill, h } from "./dom.js";

const titles = { "": "fields", best: "best values", metrics: "last values", params: "params", values: "values", tags: "tags", git: "git" };
const mostShown = 200;

/**
 * Return the menu. `columns()` returns those that there are, with `id`, `name` and `group`, `chosen()` the ids of those that
 * are shown, and `choose(ids)` is called with others, or with null for those that are shown at first.
 */
export function columnMenu(label, { find, columns, chosen, choose }) {
  const search = h("input", { type: "search", placeholder: find, "aria-label": find, oninput: () => list() });
  const found = h("div");
  const panel = h("div", { class: "card hidden" }, search, found);
  const opener = button(label, () => open(panel.classList.contains("hidden")), { class: "plain", "aria-expanded": "false" });
  const menu = h("div", { class: "menu", onkeydown: (event) => event.key === "Escape" && open(false) }, opener, panel);

  function open(isOpen) {
    document[isOpen ? "addEventListener" : "removeEventListener"]("pointerdown", closeOutside);
    panel.classList.toggle("hidden", !isOpen);
    opener.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) return opener.focus();
    list();
    return search.focus();
  }

  function closeOutside(event) {
    if (!menu.contains(event.target)) open(false);
  }

  function list() {
    const wanted = search.value.trim().toLowerCase();
    const ids = new Set(chosen());
    const matching = columns().filter((column) => column.id.toLowerCase().includes(wanted));
    matching.sort((one, other) => Number(ids.has(other.id)) - Number(ids.has(one.id)));
    const shown = matching.slice(0, mostShown);
    const groups = Object.entries(titles).map(([group, title]) => section(title, shown.filter((column) => column.group === group), ids));
    const rest = matching.length - shown.length;
    fill(found, button("as at first", async () => (await choose(null), list())), groups, rest ? h("p", { class: "note" }, `${rest} more; type to find them`) : null);
  }

  function section(title, columns, ids) {
    if (!columns.length) return null;
    const items = columns.map((column) => {
      const box = h("input", { type: "checkbox", checked: ids.has(column.id), onchange: (event) => toggle(column.id, event.target.checked) });
      return h("li", {}, h("label", {}, box, h("bdi", {}, column.name)));
    });
    return [h("h3", {}, title), h("ul", {}, items)];
  }

  function toggle(id, isOn) {
    const ids = chosen();
    choose(isOn ? [...ids, id] : ids.filter((one) => one !== id));
  }

  return menu;
}
