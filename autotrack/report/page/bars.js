// Sizes with names, such as importances, as bars: on the page, and as a drawing to copy.

import { h } from "./dom.js";
import { number, short } from "./format.js";
import { SvgPen } from "./svg_pen.js";

const mostBars = 25;

/** Return the content of the figure. `data` has `names`, and `values` or a list of them for each class. */
export function bars(data) {
  const { chosen, most, note } = largest(data);
  const bar = (size) => h("i", { class: size < 0 ? "below" : null, style: { width: `${(Math.abs(size) / most) * 70}%` } });
  return [h("div", { class: "bars" }, chosen.map(([name, size]) => [h("span", { title: name }, name), h("span", {}, bar(size), short(size))])), h("p", { class: "note" }, note)];
}

/** Return the figure as SVG. */
export function drawnBars(name, data) {
  const { chosen, most, note } = largest(data);
  const pen = new SvgPen(640, 64 + chosen.length * 20);
  Object.assign(pen, { font: "600 14px sans-serif", fillStyle: "#1c2127" });
  pen.fillText(name, 8, 20);
  pen.font = "11px sans-serif";
  chosen.forEach(([label, size], at) => {
    const y = 38 + at * 20;
    const wide = (Math.abs(size) / most) * 340;
    Object.assign(pen, { textAlign: "right", fillStyle: "#1c2127" });
    pen.fillText(label.slice(0, 30), 190, y + 11);
    pen.fillStyle = size < 0 ? "#8a5a00" : "#1f6391";
    pen.fillRect(200, y, wide, 13);
    Object.assign(pen, { textAlign: "left", fillStyle: "#5a636d" });
    pen.fillText(short(size), 206 + wide, y + 11);
  });
  pen.fillText(note, 8, 52 + chosen.length * 20);
  return pen.image;
}

/** Return the largest of them; those of several classes are taken together. */
function largest(data) {
  const rows = Array.isArray(data.values[0]) ? data.values.map((row) => row.map(number)) : [data.values.map(number)];
  const sizes = data.names.map((name, at) => [String(name), rows.length > 1 ? rows.reduce((total, row) => total + Math.abs(row[at]), 0) / rows.length : rows[0][at]]);
  const chosen = sizes.sort((one, other) => Math.abs(other[1]) - Math.abs(one[1])).slice(0, mostBars);
  const most = Math.max(...chosen.map(([, size]) => Math.abs(size)), 1e-300);
  const note = [rows.length > 1 ? `mean size over ${rows.length} classes` : "", sizes.length > chosen.length ? `the ${chosen.length} largest of ${sizes.length}` : "", chosen.some(([, size]) => size < 0) ? "those in the second colour are negative" : ""].filter(Boolean).join(", ");
  return { chosen, most, note };
}
