// A table that people sort by a click on one of its heads.

import { button, h, refill, scrolling } from "./dom.js";
import { short } from "./format.js";
import { comparing } from "./grid.js";

const mostShown = 500;

/**
 * Return the table of `rows`. A column has a `label`, the `value(row)` by which it is sorted, and perhaps `isNumber`,
 * `text(value)`, or `cell(row)`, which returns an element. `sort` is the label of the column it is sorted by, with a minus
 * in front if the largest come first; `changed(sort)` is called when people choose another one.
 */
export function sortedTable(title, columns, rows, { sort, changed }) {
  const named = (label) => columns.find((column) => column.label === label);
  let [chosen, descending] = named(sort) ? [named(sort), false] : [named(sort.replace(/^-/, "")), true];
  const element = scrolling(title);

  function draw() {
    const shown = (chosen ? [...rows].sort(comparing(chosen.value, descending)) : rows).slice(0, mostShown);
    const note = rows.length > mostShown ? h("p", { class: "note" }, `the first ${mostShown} of ${rows.length.toLocaleString("en")}`) : null;
    const line = (row) => h("tr", {}, columns.map((column) => h("td", { class: kind(column) }, column.cell ? column.cell(row) : h("bdi", {}, (column.text ?? short)(column.value(row))))));
    refill(element, h("table", { class: "facts tight" }, h("thead", {}, h("tr", {}, columns.map(head))), h("tbody", {}, shown.map(line))), note);
  }

  function head(column) {
    const direction = column === chosen ? (descending ? "descending" : "ascending") : null;
    const mark = direction ? (descending ? " ↓" : " ↑") : "";
    return h("th", { scope: "col", class: kind(column), "aria-sort": direction }, button(`${column.label}${mark}`, () => by(column), { dataset: { same: column.label } }));
  }

  function by(column) {
    [chosen, descending] = [column, column === chosen && !descending];
    draw();
    changed(`${descending ? "-" : ""}${column.label}`);
  }

  draw();
  return element;
}

const kind = (column) => (column.isNumber ? "number" : null);
