// The sign of a curve beside its name: a piece of it, in its colour and with its dashes.

import { svg } from "./dom.js";
import { curveColour, lineStyle } from "./theme.js";

const width = 22;

/** Return the sign of the curve with this number. */
export function swatch(index) {
  const dash = lineStyle(index).dash.join(" ") || null;
  const line = svg("line", { x1: 0, x2: width, y1: 4, y2: 4, "stroke-width": 2.5, "stroke-dasharray": dash, style: { stroke: curveColour(index) } });
  return svg("svg", { class: "swatch", width, height: 8, "aria-hidden": "true" }, line);
}
