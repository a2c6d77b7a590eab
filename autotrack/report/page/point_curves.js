// Learning curves and validation curves: the scores of a model by the size of its training data, or by one param.

import { chart } from "./chart.js";
import { h } from "./dom.js";
import { number, short } from "./format.js";

const kinds = [["train_score", "training"], ["test_score", "validation"]];

/** Return charts of the trials that are points of a curve, with a band of one standard deviation; null without any. */
export function pointCurves(run) {
  const points = run.trials.filter((trial) => trial.kind === "point" && trial.status !== "failed");
  const names = [...new Set(points.flatMap((trial) => Object.keys(trial.params ?? {})))];
  const drawn = names.map((name) => drawnOver(name, points.filter((trial) => name in trial.params))).filter(Boolean);
  return drawn.length ? h("div", { class: "charts" }, drawn) : null;
}

/** Whether a recorded plot says what such a chart says. */
export function isDrawnOfPoints(run, plot) {
  return plot.kind === "curve" && kinds.some(([name]) => name === plot.data.y_name) && run.trials.some((trial) => trial.kind === "point" && plot.data.x_name in (trial.params ?? {}));
}

function drawnOver(name, points) {
  const places = points.map((trial) => number(trial.params[name]));
  const areNumbers = points.every((trial) => typeof trial.params[name] === "number");
  const lines = kinds.map(([kind, label], index) => ({ label, index, started: 0, ...curve(points, kind, areNumbers ? places : points.map((_, at) => at)) })).filter((line) => line.curve.value.some((value) => value !== null));
  if (points.length < 2 || !lines.length) return null;
  const logX = areNumbers && Math.min(...places) > 0 && Math.max(...places) / Math.min(...places) > 100;
  const title = name === "train_size" ? "Learning curve" : `Validation curve of ${name}`;
  const options = { height: 260, xName: name, names: areNumbers ? null : points.map((trial) => short(trial.params[name])) };
  const folds = Object.keys(points[0].values ?? {}).filter((value) => /^split\d+_test_score$/.test(value)).length;
  return h("div", {}, chart(title, lines, { axis: "step", log: false, smoothing: 0, logX }, options), h("p", { class: "note" }, `score over ${name}${folds > 1 ? `; mean of ${folds} folds, the band is one standard deviation` : ""}`));
}

function curve(points, kind, places) {
  const order = points.map((_, at) => at).sort((one, other) => places[one] - places[other]);
  const column = (name) => order.map((at) => number(points[at].values?.[`${name}_${kind}`]));
  const step = order.map((at) => places[at]);
  return { curve: { count: points.length, step, epoch: null, time: step, value: column("mean") }, spread: column("std").map((value) => value ?? 0) };
}
