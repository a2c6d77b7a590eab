// A table of any number of rows, of which only those that are seen are in the document.

import { button, fill, h, refill } from "./dom.js";
import { whenPrinted } from "./seen.js";

const rowHeight = 34;
const spare = 12;
const mostPrinted = 1000;

/**
 * Shows `entries` in `columns`. A column has `id`, `label`, `title`, `width`, `isNumber`, and `cell(entry)`, which
 * returns a text or an element. `handlers` has `onSort(id)`, `onOpen(entry)`, `onChoose(entry)`, `isChosen(entry)` and
 * `isTop(entry)`.
 */
export class Grid {
  constructor(label, handlers) {
    this.handlers = handlers;
    this.active = -1;
    this.columns = [];
    this.entries = [];
    this.headRow = h("tr");
    this.body = h("tbody");
    this.sizes = h("colgroup");
    this.table = h("table", { "aria-label": label }, this.sizes, h("thead", {}, this.headRow), this.body);
    this.element = h("div", { class: "grid card", tabindex: "0", role: "region", "aria-label": `${label}: arrows move, space chooses, enter opens` }, this.table);
    this.element.addEventListener("scroll", () => this.draw(), { passive: true });
    this.element.addEventListener("keydown", (event) => this.onKey(event));
    whenPrinted(this.element, () => this.draw(true));
    new ResizeObserver(() => this.draw(true)).observe(this.element);
  }

  show(columns, entries, sort) {
    this.columns = columns;
    this.entries = entries;
    this.active = Math.min(this.active, entries.length - 1);
    fill(this.sizes, h("col", { style: { width: "40px" } }), columns.map((column) => h("col", { style: { width: `${column.width}px` } })), h("col")); // the last one has the room that is left
    this.table.style.width = `max(100%, ${columns.reduce((total, column) => total + column.width, 40)}px)`;
    this.table.setAttribute("aria-rowcount", entries.length + 1);
    refill(this.headRow, h("th", { class: "check" }, h("span", { class: "visually-hidden" }, "choose")), columns.map((column) => this.heading(column, sort)), h("td"));
    this.draw(true);
  }

  heading(column, sort) {
    const direction = sort?.id === column.id ? (sort.descending ? "descending" : "ascending") : null;
    const mark = direction ? (sort.descending ? " ↓" : " ↑") : "";
    const label = column.onSort === null ? h("button", { type: "button", disabled: true }, column.label) : button(`${column.label}${mark}`, () => this.handlers.onSort(column.id), { title: column.title, dataset: { same: column.id } });
    return h("th", { class: classes(column), "aria-sort": direction, scope: "col" }, label);
  }

  /** Draw the rows that are seen, unless they are there already. */
  draw(always = false) {
    const isPrinted = matchMedia("print").matches;
    const seen = isPrinted ? mostPrinted : Math.ceil((this.element.clientHeight || 600) / rowHeight);
    const first = isPrinted ? 0 : Math.max(0, Math.floor(this.element.scrollTop / rowHeight) - spare);
    const after = Math.min(this.entries.length, first + seen + 2 * spare);
    if (!always && this.drawn && Math.abs(this.drawn[0] - first) < spare / 2 && this.drawn[1] >= Math.min(after, this.entries.length) - spare / 2) return;
    this.drawn = [first, after];
    const rows = [];
    for (let at = first; at < after; at += 1) rows.push(this.row(this.entries[at], at));
    refill(this.body, this.space(first), rows, this.space(this.entries.length - after));
  }

  row(entry, at) {
    const isChosen = this.handlers.isChosen(entry);
    const box = h("input", { type: "checkbox", checked: isChosen, tabindex: "-1", dataset: { same: `choose ${entry.key}` }, "aria-label": `choose ${entry.label}`, onchange: () => this.handlers.onChoose(entry) });
    const kinds = [isChosen ? "chosen" : "", this.handlers.isTop(entry) ? "top" : "", at === this.active ? "active" : ""].filter(Boolean).join(" ");
    return h("tr", { class: kinds || null, "aria-rowindex": at + 2 }, h("td", { class: "check" }, box), this.columns.map((column) => h("td", { class: classes(column) }, column.cell(entry))), h("td"));
  }

  space(rows) {
    return h("tr", { class: "space", "aria-hidden": "true" }, h("td", { colspan: this.columns.length + 2, style: { height: `${rows * rowHeight}px` } }));
  }

  onKey(event) {
    if (event.target !== this.element) return;
    const page = Math.floor(this.element.clientHeight / rowHeight) - 2;
    const moves = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const entry = this.entries[this.active];
    if (event.key in moves && !event.ctrlKey && !event.metaKey) this.move(moves[event.key]);
    else if (event.key === "Enter" && entry) this.handlers.onOpen(entry);
    else if (event.key === " " && entry) this.handlers.onChoose(entry);
    else return;
    event.preventDefault();
  }

  move(by) {
    this.active = Math.max(0, Math.min(this.entries.length - 1, this.active + by));
    const top = this.active * rowHeight;
    const shown = this.element.clientHeight - 40 - rowHeight;
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    else if (top > this.element.scrollTop + shown) this.element.scrollTop = top - shown;
    this.draw(true);
  }
}

const classes = (column) => [column.isNumber ? "number" : "", column.id === "name" ? "name" : ""].filter(Boolean).join(" ") || null;

/** Return a function that compares by a value: numbers first, NaN after all others, then texts; what is missing last. */
export function comparing(value, descending) {
  const sign = descending ? -1 : 1;
  const rank = (one) => (one === null || one === undefined ? 3 : typeof one === "string" ? 2 : Number.isNaN(one) ? 1 : 0);
  return (one, other) => {
    const [left, right] = [value(one), value(other)];
    const ranks = rank(left) - rank(right);
    if (ranks) return ranks;
    return left < right ? -sign : left > right ? sign : 0;
  };
}
