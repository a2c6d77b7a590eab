// What parallel coordinates look like: axes side by side, a line for each item, and the ranges that are chosen.

import { goodness, shade } from "./shades.js";
import { colour } from "./theme.js";

export const height = 380;
export const side = 56;
const [top, bottom] = [44, 30];

/**
 * Draws `items` in `dimensions`, `width` wide. `brushes` has the ranges by the number of the axis, as shares of it, and
 * `focused` is the number of the axis that keys move; null if there is none.
 */
export class ParallelPicture {
  /** Return where the axis with this number stands, from the left. */
  x(at) {
    return side + (at / Math.max(this.dimensions.length - 1, 1)) * (this.width - 2 * side);
  }

  /** Return how far from the top something lies on an axis; what has no value lies below all others. */
  y(share) {
    return share === null ? height - 12 : height - bottom - share * (height - top - bottom);
  }

  share(y) {
    return Math.max(0, Math.min(1, (height - bottom - y) / (height - top - bottom)));
  }

  passes(item) {
    for (const [at, [low, high]] of this.brushes) {
      const share = this.dimensions[at].share(item);
      if (share === null || share < low || share > high) return false;
    }
    return true;
  }

  drawWith(pen) {
    const passing = this.items.filter((item) => this.passes(item));
    const score = this.dimensions.at(-1);
    if (this.brushes.size) {
      pen.globalAlpha = 0.5;
      pen.strokeStyle = colour("line");
      this.items.forEach((item) => this.line(pen, item));
    }
    pen.globalAlpha = Math.max(0.12, Math.min(0.85, 60 / Math.sqrt(passing.length) / 10));
    pen.lineWidth = 1.5;
    const ordered = passing.map((item) => [goodness(score, item), item]).sort((one, other) => (one[0] ?? -1) - (other[0] ?? -1));
    for (const [good, item] of ordered) {
      pen.strokeStyle = shade(good);
      this.line(pen, item);
    }
    pen.globalAlpha = 1;
    this.shades(pen);
    this.dimensions.forEach((dimension, at) => this.axis(pen, dimension, at));
  }

  line(pen, item) {
    pen.beginPath();
    this.dimensions.forEach((dimension, at) => pen[at ? "lineTo" : "moveTo"](this.x(at), this.y(dimension.share(item))));
    pen.stroke();
  }

  /** Draw beside the last axis which colours its values have. */
  shades(pen) {
    const score = this.dimensions.at(-1);
    const [from, to] = [this.y(1), this.y(0)];
    for (let y = from; y < to; y += 2) {
      const share = this.share(y);
      pen.fillStyle = shade(score.direction === "min" ? 1 - share : share);
      pen.fillRect(this.x(this.dimensions.length - 1) - 7, y, 5, 2);
    }
  }

  axis(pen, dimension, at) {
    const x = this.x(at);
    const space = (this.width - 2 * side) / Math.max(this.dimensions.length - 1, 1);
    pen.fillStyle = colour("text");
    pen.font = "600 12px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.fillText(cut(pen, dimension.label, space - 8), x, 16);
    pen.font = "11px system-ui, sans-serif";
    pen.fillStyle = colour("muted");
    if (at === this.focused) {
      pen.fillStyle = colour("accent");
      pen.fillRect(x - 18, height - 3, 36, 3);
      pen.fillStyle = colour("muted");
    }
    const hint = { min: "less is better", max: "more is better" }[dimension.direction] ?? (dimension.isLog ? "log scale" : "");
    pen.fillText(cut(pen, hint, space - 8), x, 31);
    pen.strokeStyle = colour("muted");
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(x, top);
    pen.lineTo(x, height - bottom);
    pen.stroke();
    for (const [share, text] of dimension.marks()) this.mark(pen, x, this.y(share), cut(pen, text, space - 18));
    const brush = this.brushes.get(at);
    if (!brush) return;
    pen.globalAlpha = 0.3;
    pen.fillStyle = colour("accent");
    pen.fillRect(x - 9, this.y(brush[1]), 18, this.y(brush[0]) - this.y(brush[1]));
    pen.globalAlpha = 1;
  }

  mark(pen, x, y, text) {
    pen.textAlign = "left";
    const width = pen.measureText(text).width;
    pen.globalAlpha = 0.75;
    pen.fillStyle = colour("surface");
    pen.fillRect(x + 4, y - 7, width + 5, 14);
    pen.globalAlpha = 1;
    pen.fillStyle = colour("muted");
    pen.fillText(text, x + 6, y + 4);
    pen.fillRect(x - 3, y - 0.5, 6, 1);
  }
}

function cut(pen, text, width) {
  let shown = String(text);
  if (pen.measureText(shown).width <= width) return shown;
  while (shown.length > 1 && pen.measureText(`${shown}…`).width > width) shown = shown.slice(0, -1);
  return `${shown}…`;
}
