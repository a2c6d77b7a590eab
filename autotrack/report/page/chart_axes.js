// How the axes of charts are written: their ticks, and exact places.

import { duration, moment, short } from "./format.js";
import { colour } from "./theme.js";

/** Return both axes of a chart for uPlot. `format` writes values, if not as numbers; `names` has those of the places of `x`. */
export function axesFor(axis, { log = false, logX = false, format = null, names = null } = {}) {
  const valueTicks = log ? logTicks : (_, ticks) => (format ? ticks.map(format) : apart(ticks));
  return [
    { ...styled(names ? (_, ticks) => ticks.map((tick) => names[tick] ?? "") : logX ? logTicks : xTicks(axis), logX), size: 30, ...(names ? { incrs: [1] } : {}) },
    { ...styled(valueTicks, log), size: 62 },
  ];
}

function styled(values, isLog = false) {
  const grid = { stroke: colour("grid"), width: 1, ...(isLog ? { filter: (_, ticks) => ticks.map((tick) => (isPower(tick) ? tick : null)) } : {}) };
  return { stroke: colour("muted"), grid, ticks: { ...grid, size: 4 }, font: "11px system-ui, sans-serif", values };
}

/** Return the range of an axis of values, with some space around them. */
export function padded(_, low, high) {
  if (low === null || high === null) return [0, 1];
  const space = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return [low >= 0 && low - space < 0 ? 0 : low - space, high + space];
}

/** Return a place on an axis as people write it. */
export function placeText(axis, value) {
  if (axis === "time") return duration(value);
  return axis === "wall" ? moment(value, { withSeconds: true }) : `${axis} ${short(value)}`;
}

export const exactly = (value) => (value === null || value === undefined ? "" : short(value, 6));

function xTicks(axis) {
  if (axis === "wall") return undefined;
  return (_, ticks) => (axis === "time" ? ticks.map(duration) : apart(ticks));
}

/** Return ticks with as many digits as tell them apart. */
function apart(ticks) {
  const step = Math.abs(ticks[1] - ticks[0]);
  const largest = Math.max(...ticks.map(Math.abs));
  const digits = step > 0 ? Math.max(4, Math.ceil(Math.log10(largest / step)) + 1) : 4;
  return ticks.map((tick) => short(tick, Math.min(digits, 15)));
}

const isPower = (tick) => tick !== null && /^1(e|$|\.0*e)/.test(tick.toExponential());
const logTicks = (_, ticks) => ticks.map((tick) => (isPower(tick) ? short(tick) : ""));
