// Curves as they are drawn: their places on an axis, and smoothed values.

import { number } from "./format.js";

export const axes = [
  ["step", "step"],
  ["epoch", "epoch"],
  ["time", "time since the start"],
  ["wall", "date and time"],
];

/** Return the axes that all of these curves have. */
export function axesOf(curves) {
  return axes.filter(([id]) => (id === "step" || id === "epoch" ? curves.every((curve) => curve[id]) : true));
}

/**
 * Return the points of a curve on an axis, in order: `x`, and `y` with null for what is no number. `strange` has how
 * many of those there are.
 */
export function placed(curve, axis, started) {
  const x = places(curve, axis, started);
  const y = curve.value.map(number);
  const order = [];
  for (let at = 0; at < x.length; at += 1) if (x[at] !== null) order.push(at);
  if (order.some((at, place) => place > 0 && x[at] < x[order[place - 1]])) order.sort((one, other) => x[one] - x[other]);
  return {
    x: order.map((at) => x[at]),
    y: order.map((at) => (Number.isFinite(y[at]) ? y[at] : null)),
    strange: y.filter((value) => !Number.isFinite(value)).length,
  };
}

/** Return where the points of a curve lie on an axis; null for a point that is nowhere on it. */
export function places(curve, axis, started) {
  if (axis === "time") return curve.time;
  if (axis === "wall") return curve.time.map((seconds) => started + seconds);
  if (axis === "epoch" && curve.placedEpochs) return curve.placedEpochs;
  if (axis === "epoch" && curve.epoch) return curve.place ? betweenEpochs(curve.epoch, curve.place) : withinEpochs(curve.epoch);
  return curve.step ?? curve.place ?? curve.value.map((_, at) => at);
}

/** Return the first and the last place of a curve on an axis. */
export function extentOf(curve, axis, started) {
  let [low, high] = [Infinity, -Infinity];
  for (const place of places(curve, axis, started)) {
    if (place === null) continue;
    if (place < low) low = place;
    if (place > high) high = place;
  }
  return [low, high];
}

/**
 * Return a curve of the load, which is measured now and then, with the steps and epochs of another one at these times.
 */
export function onAxesOf(curve, other) {
  if (!other?.time.length) return curve;
  const between = (column) => {
    let at = 0;
    return curve.time.map((time) => {
      while (at < other.time.length - 1 && other.time[at + 1] <= time) at += 1;
      const [before, after] = [column[at], column[Math.min(at + 1, column.length - 1)]];
      const width = (other.time[at + 1] ?? other.time[at]) - other.time[at];
      if (before === null || time < other.time[at]) return at === 0 ? before : null;
      return width > 0 && after !== null ? before + (after - before) * Math.min((time - other.time[at]) / width, 1) : before;
    });
  };
  const epochs = other.epoch && places(other, "epoch", 0);
  return { ...curve, step: other.step && between(other.step), epoch: null, placedEpochs: epochs && between(epochs) };
}

/** Return where in the epochs points lie of which it is known which of all points they are. */
function betweenEpochs(epochs, all) {
  const starts = new Map();
  epochs.forEach((epoch, at) => starts.has(epoch) || starts.set(epoch, all[at]));
  const ends = new Map();
  epochs.forEach((epoch, at) => ends.set(epoch, all[at] + 1));
  return epochs.map((epoch, at) => (epoch === null ? null : epoch + (all[at] - starts.get(epoch)) / (ends.get(epoch) - starts.get(epoch))));
}

/** Return where in the epochs points lie: several points of one epoch lie side by side in it. */
function withinEpochs(epochs) {
  const counts = new Map();
  for (const epoch of epochs) counts.set(epoch, (counts.get(epoch) ?? 0) + 1);
  const seen = new Map();
  return epochs.map((epoch) => {
    if (epoch === null) return null;
    const before = seen.get(epoch) ?? 0;
    seen.set(epoch, before + 1);
    return epoch + before / counts.get(epoch);
  });
}

/** Return where epochs begin on an axis, as a curve with several points in each tells it; nothing for other curves. */
export function epochStarts(curve, axis, started) {
  if (!curve?.epoch || axis === "epoch") return [];
  const x = places(curve, axis, started);
  const starts = x.filter((_, at) => at > 0 && curve.epoch[at] !== null && curve.epoch[at] !== curve.epoch[at - 1]);
  return starts.length * 2 < x.length ? starts : [];
}

/** Return smoothed values: an exponential average without its bias to the first value, as in TensorBoard. */
export function smoothed(values, weight) {
  let average = 0;
  let total = 0;
  return values.map((value) => {
    if (value === null) return null;
    average = average * weight + (1 - weight) * value;
    total = total * weight + (1 - weight);
    return average / total;
  });
}

/** Return all points on one axis: `[x, y of the first, y of the second, …]`, null where a curve has no point. */
export function joined(curves) {
  if (!curves.length) return [[]];
  if (curves.every((curve) => same(curve.x, curves[0].x))) return [curves[0].x, ...curves.map((curve) => curve.y)];
  const x = Float64Array.from(new Set(curves.flatMap((curve) => curve.x))).sort();
  const place = new Map(Array.from(x, (value, at) => [value, at]));
  const columns = curves.map((curve) => {
    const column = new Array(x.length).fill(undefined); // undefined is no gap in a curve, null is
    curve.x.forEach((value, at) => (column[place.get(value)] = curve.y[at]));
    return column;
  });
  return [Array.from(x), ...columns];
}

/** Return the place of the value that is nearest to `wanted` in values that rise; -1 if there are none. */
export function nearest(values, wanted) {
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low > 0 && wanted - values[low - 1] < values[low] - wanted ? low - 1 : high < 0 ? -1 : low;
}

const same = (one, other) => one === other || (one.length === other.length && one.every((value, at) => value === other[at] && (at === 0 || value > one[at - 1])));
