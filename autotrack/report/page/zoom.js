// What all charts of a view show of an axis: zooming and panning one of them moves the others as well.

import { extentOf } from "./curves.js";

// A curve that covers less than this share of the axis is shown by itself: its steps count something else.
const leastShare = 0.1;

export class Zoom {
  constructor() {
    this.charts = new Set();
    this.forget();
  }

  /** Forget how far the axes reach: there are newer curves. */
  forget() {
    this.extents = new Map();
  }

  /** Return the part of an axis that somebody looks at; null if that is all of it. */
  shown(axis) {
    return this.axis === axis ? this.range : null;
  }

  /** Return how far an axis reaches in a chart: as far as in all of them, if its own curves cover enough of that. */
  full(axis, chart) {
    const own = this.extent(axis, [chart]);
    const all = this.extents.get(axis) ?? this.extent(axis, this.charts);
    this.extents.set(axis, all);
    return !chart.isOnWholeAxis && own[1] - own[0] < leastShare * (all[1] - all[0]) ? own : all;
  }

  extent(axis, charts) {
    let [low, high] = [Infinity, -Infinity];
    for (const chart of charts) {
      for (const line of chart.lines) {
        const [first, last] = extentOf(line.curve, axis, line.started);
        [low, high] = [Math.min(low, first), Math.max(high, last)];
      }
    }
    if (low > high) return [0, 1];
    return low === high ? [low - 0.5, high + 0.5] : [low, high];
  }

  /** Show this part of an axis in all charts; null for all of it. */
  show(axis, range) {
    if (this.axis === axis && String(this.range) === String(range)) return;
    [this.axis, this.range] = [axis, range];
    for (const chart of this.charts) chart.follow(axis, range);
  }
}
