// Confusion matrices: a table on the page, and a drawing to copy.

import { h, scrolling } from "./dom.js";
import { short } from "./format.js";
import { SvgPen } from "./svg_pen.js";

const mostLabels = 40;
const [side, head, wide, high] = [110, 64, 46, 28];

/** Return the content of the figure, and what draws it to be copied: null if there are too many classes. */
export function confusion(name, labels, rows) {
  if (labels.length > mostLabels) return [h("p", { class: "note" }, `${labels.length} classes, too many to be shown as a table`), null];
  const shares = rows.map((row) => row.map((value) => value / (row.reduce((total, one) => total + one, 0) || 1)));
  const place = h("div", {}, matrix(labels, rows));
  const box = h("input", { type: "checkbox", onchange: () => place.replaceChildren(matrix(labels, box.checked ? shares : rows)) });
  return [[place, h("label", { class: "note" }, box, " as shares of each row")], () => drawn(name, labels, box.checked ? shares : rows)];
}

function matrix(labels, rows) {
  const most = Math.max(...rows.flat(), 1e-12);
  const cell = (value, row, column) => {
    const share = Math.max(0, value / most);
    const style = { background: `color-mix(in srgb, var(--accent) ${Math.round(share * 88)}%, transparent)`, color: share > 0.55 ? "var(--surface)" : "inherit" };
    return h("td", { style, title: `true ${labels[row]}, predicted ${labels[column]}: ${short(value, 6)}` }, short(value, 3));
  };
  const heads = h("tr", {}, h("th", { title: "rows are true, columns are predicted" }, "true \\ predicted"), labels.map((label) => h("th", { scope: "col" }, String(label))));
  return scrolling("confusion matrix", h("table", { class: "matrix" }, h("thead", {}, heads), h("tbody", {}, rows.map((row, at) => h("tr", {}, h("th", { scope: "row" }, String(labels[at])), row.map((value, column) => cell(value, at, column)))))));
}

function drawn(name, labels, rows) {
  const pen = new SvgPen(side + labels.length * wide + 16, head + labels.length * high + 16);
  const most = Math.max(...rows.flat(), 1e-12);
  const write = (text, x, y, style) => pen.fillText(String(text).slice(0, 14), x, y, Object.assign(pen, { fillStyle: "#1c2127", ...style }));
  write(name, 8, 20, { font: "600 14px sans-serif", textAlign: "left" });
  write("true \\ predicted", 8, head - 10, { font: "11px sans-serif" });
  labels.forEach((label, at) => {
    write(label, side + (at + 0.5) * wide, head - 10, { textAlign: "center" });
    write(label, side - 8, head + at * high + 18, { textAlign: "right" });
    rows[at].forEach((value, column) => {
      Object.assign(pen, { globalAlpha: Math.max(0.04, (value / most) * 0.88), fillStyle: "#1f6391" });
      pen.fillRect(side + column * wide, head + at * high, wide - 2, high - 2);
      pen.globalAlpha = 1;
      write(short(value, 3), side + (column + 0.5) * wide - 1, head + at * high + 17, { textAlign: "center", fillStyle: value / most > 0.55 ? "#ffffff" : "#1c2127" });
    });
  });
  return pen.image;
}
