// Plots that were recorded as data, drawn here: confusion matrix, curves, bars, points, histogram.

import { bars, drawnBars } from "./bars.js";
import { chart } from "./chart.js";
import { h, svg } from "./dom.js";
import { copyMenu } from "./figures.js";
import { number, short } from "./format.js";
import { confusion } from "./matrix.js";
import { colour, onPaper } from "./theme.js";

export function plots(recorded) {
  return h("div", { class: "charts" }, recorded.map((plot) => h("div", {}, drawn(plot))));
}

const barsOf = ({ name, data }) => framed(name, bars(data), () => drawnBars(name, data));

function drawn(plot) {
  try {
    return (kinds[plot.kind] ?? raw)(plot);
  } catch {
    return raw(plot); // its data is not what its kind says
  }
}

const kinds = {
  confusion_matrix: ({ name, data }) => framed(name, ...confusion(name, data.labels, data.matrix.map((row) => row.map(number)))),
  roc: ({ name, data }) => lines(`${name}${data.auc === undefined ? "" : `, area ${short(number(data.auc))}`}`, data.false_positive_rate, data.true_positive_rate, "false positive rate", "true positive rate", "chance"),
  precision_recall: ({ name, data }) => lines(name, data.recall, data.precision, "recall", "precision"),
  calibration: ({ name, data }) => lines(name, data.predicted, data.observed, "predicted", "observed", "perfect"),
  importances: barsOf,
  coefficients: barsOf,
  residuals: ({ name, data }) => framed(name, scatter(data.predicted.map(number), data.residual.map(number), "predicted", "true − predicted")),
  curve: ({ name, data }) => lines(name, data.x, data.y, data.x_name ?? "x", data.y_name ?? "y"),
  histogram: ({ name, data }) => framed(name, histogram(data.edges.map(number), data.counts.map(number))),
};

/** Return a figure with its name, and buttons that copy it: `draw` returns the SVG, if the content is none itself. */
function framed(name, content, draw = null) {
  const copied = draw ?? (content instanceof SVGElement ? () => standalone(content) : null);
  const head = h("figcaption", {}, h("span", { class: "chart-title", title: name }, name), copied && copyMenu(name, () => onPaper(copied)));
  return h("figure", { class: "chart" }, head, content);
}

/** Return a copy of a drawing with the colours that the style sheet gives it. */
function standalone(drawing) {
  const copy = drawing.cloneNode(true);
  for (const [name, value] of [["xmlns", "http://www.w3.org/2000/svg"], ["width", 2 * width], ["height", 2 * height], ["color", colour("text")]]) copy.setAttribute(name, value);
  for (const part of copy.querySelectorAll('[fill="var(--accent)"]')) part.setAttribute("fill", colour("accent"));
  copy.prepend(svg("rect", { width: "100%", height: "100%", fill: "#ffffff" }));
  return copy;
}

const raw = (plot) => framed(plot.name, h("pre", { class: "log" }, JSON.stringify(plot.data, null, 1).slice(0, 20_000)));

function lines(name, x, y, xName, yName, diagonal = null) {
  const places = x.map(number);
  if (places.some(Number.isNaN)) return barsOf({ name, data: { names: x, values: y } });
  const curve = { count: x.length, step: places, epoch: null, time: places, value: y };
  const shown = [{ label: yName, curve, started: 0, index: 0 }];
  if (diagonal) shown.push({ label: diagonal, curve: { ...curve, count: 2, step: [0, 1], value: [0, 1] }, started: 0, index: 9 }); // dashed
  return h("div", {}, chart(name, shown, { axis: "step", log: false, smoothing: 0 }, { xName }), h("p", { class: "note" }, `${yName} over ${xName}`));
}

const [width, height, edge] = [380, 220, 34];

function axesOf(x, y, xName, yName) {
  const [low, high] = [[Math.min(...x), Math.min(...y)], [Math.max(...x), Math.max(...y)]];
  const scaleX = (value) => edge + ((value - low[0]) / (high[0] - low[0] || 1)) * (width - edge - 8);
  const scaleY = (value) => height - edge - ((value - low[1]) / (high[1] - low[1] || 1)) * (height - edge - 10);
  const text = (at, words, anchor) => svg("text", { x: at[0], y: at[1], "text-anchor": anchor, fill: "currentColor", "font-size": 11, opacity: 0.75 }, words);
  const frame = [
    text([edge, height - 18], short(low[0], 3), "start"),
    text([width - 8, height - 18], short(high[0], 3), "end"),
    text([width / 2, height - 4], xName, "middle"),
    text([edge - 4, height - edge], short(low[1], 3), "end"),
    text([edge - 4, 16], short(high[1], 3), "end"),
    text([edge, 8], yName, "start"),
  ];
  return { scaleX, scaleY, frame };
}

function scatter(x, y, xName, yName) {
  const { scaleX, scaleY, frame } = axesOf(x, [...y, 0], xName, yName);
  const zero = svg("line", { x1: edge, x2: width - 8, y1: scaleY(0), y2: scaleY(0), stroke: "currentColor", opacity: 0.3 });
  const points = x.slice(0, 3000).map((value, at) => svg("circle", { cx: scaleX(value), cy: scaleY(y[at]), r: 2.4, fill: "var(--accent)", opacity: 0.55 }, svg("title", {}, `${short(value)}, ${short(y[at])}`)));
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, width: "100%", role: "img", "aria-label": `${yName} over ${xName}` }, frame, zero, points);
}

function histogram(edges, counts) {
  const { scaleX, scaleY, frame } = axesOf(edges, [0, ...counts], "value", "count");
  const shown = counts.map((count, at) => svg("rect", { x: scaleX(edges[at]), y: scaleY(count), width: Math.max(scaleX(edges[at + 1]) - scaleX(edges[at]) - 0.5, 0.5), height: Math.max(scaleY(0) - scaleY(count), 0), fill: "var(--accent)", opacity: 0.8 }, svg("title", {}, `${short(edges[at])} to ${short(edges[at + 1])}: ${count}`)));
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, width: "100%", role: "img", "aria-label": "histogram" }, frame, shown);
}
