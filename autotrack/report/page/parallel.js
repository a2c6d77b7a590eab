// Parallel coordinates: a line for each item through all dimensions. Dragging along an axis keeps those that pass there.

import { button, fill, h, scrolling } from "./dom.js";
import { copyMenu } from "./figures.js";
import { short } from "./format.js";
import { goodness, shade } from "./shades.js";
import { SvgPen } from "./svg_pen.js";
import { colour, onPaper } from "./theme.js";

const height = 380;
const [top, bottom, side] = [44, 30, 56];
const near = 26;

/**
 * Draw items, whose labels are `labels`, in dimensions; the last one tells their colour. `changed(passing)` is called
 * with the places of those that pass all brushes, and `open(item)` when a line is clicked.
 */
export function parallel(dimensions, labels, { changed, open }) {
  const drawing = new Parallel(dimensions, labels, changed, open);
  return drawing.element;
}

class Parallel {
  constructor(dimensions, labels, changed, open) {
    Object.assign(this, { dimensions, labels, changed, open, brushes: new Map(), hovered: null, focused: null, last: 0 });
    this.items = labels.map((_, item) => item);
    const names = dimensions.map((one) => one.label).join(", ");
    this.canvas = h("canvas", { class: "parallel", tabindex: "0", role: "application", "aria-roledescription": "parallel coordinates", "aria-label": `${labels.length} lines over ${names}. Left and right choose an axis, up and down move the lower end of its range, with shift the upper one, delete takes it back, enter opens the best line.` });
    this.brushed = h("div", { class: "bar" });
    this.said = h("p", { class: "note", "aria-live": "polite" });
    const copies = copyMenu("parallel coordinates", () => onPaper(() => this.copy()));
    this.element = h("div", { class: "chart" }, h("div", { class: "corner" }, copies), scrolling("lines over all axes", this.canvas), this.said, this.brushed);
    this.canvas.addEventListener("pointerdown", (event) => this.onDown(event));
    this.canvas.addEventListener("pointermove", (event) => this.onMove(event));
    this.canvas.addEventListener("pointerup", (event) => this.onUp(event));
    this.canvas.addEventListener("pointerleave", () => this.hover(null));
    this.canvas.addEventListener("keydown", (event) => this.onKey(event));
    this.canvas.addEventListener("focus", () => this.focus(this.canvas.matches(":focus-visible") ? this.last : null));
    this.canvas.addEventListener("blur", () => this.focus(null));
    new ResizeObserver(() => this.draw()).observe(this.element);
    document.addEventListener("theme", () => this.canvas.isConnected && this.draw());
    this.tell();
  }

  get width() {
    return Math.max(this.element.clientWidth || 800, this.dimensions.length * 92);
  }

  x(at) {
    return side + (at / Math.max(this.dimensions.length - 1, 1)) * (this.width - 2 * side);
  }

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

  draw() {
    const ratio = globalThis.devicePixelRatio || 1;
    const { canvas, width } = this;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.lineJoin = "round";
    this.drawWith(pen);
  }

  copy() {
    const pen = new SvgPen(this.width, height);
    this.drawWith(pen);
    return pen.image;
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
    if (this.hovered !== null) {
      pen.lineWidth = 3;
      pen.strokeStyle = colour("text");
      this.line(pen, this.hovered);
    }
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

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const at = this.dimensions.findIndex((_, one) => Math.abs(this.x(one) - x) < near);
    return { x, y, at };
  }

  onDown(event) {
    const { y, at } = this.place(event);
    this.from = at < 0 ? null : { at, share: this.share(y) };
    this.canvas.setPointerCapture(event.pointerId);
  }

  onMove(event) {
    const { x, y } = this.place(event);
    if (!this.from) return this.hover(this.nearest(x, y));
    const share = this.share(y);
    this.brushes.set(this.from.at, [Math.min(share, this.from.share), Math.max(share, this.from.share)]);
    return this.tell();
  }

  onUp(event) {
    const { y } = this.place(event);
    if (this.from && Math.abs(this.share(y) - this.from.share) < 0.01) {
      this.brushes.delete(this.from.at);
      this.tell();
    } else if (!this.from && this.hovered !== null) this.open(this.hovered);
    this.from = null;
  }

  focus(at) {
    this.last = at ?? this.last;
    this.focused = at;
    this.draw();
  }

  onKey(event) {
    const at = this.last;
    const last = this.dimensions.length - 1;
    const step = this.dimensions[at].step * (event.key === "ArrowDown" ? -1 : 1);
    const [low, high] = this.brushes.get(at) ?? [0, 1];
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") this.focus(Math.max(0, Math.min(last, at + (event.key === "ArrowRight" ? 1 : -1))));
    else if (event.key === "ArrowUp" || event.key === "ArrowDown") this.brush(at, event.shiftKey ? [low, Math.max(low, Math.min(1, high + step))] : [Math.min(high, Math.max(0, low + step)), high]);
    else if (event.key === "Delete" || event.key === "Backspace") this.brush(at, [0, 1]);
    else if (event.key === "Enter" && this.best !== null) this.open(this.best);
    else return;
    event.preventDefault();
    this.say();
  }

  /** Choose a range of a dimension; all of it is no choice. */
  brush(at, [low, high]) {
    if (low <= 1e-9 && high >= 1 - 1e-9) this.brushes.delete(at);
    else this.brushes.set(at, [low, high]);
    this.tell();
  }

  /** The best of the lines that pass; null if there is none. */
  get best() {
    const score = this.dimensions.at(-1);
    const passing = this.items.filter((item) => this.passes(item) && goodness(score, item) !== null);
    return passing.reduce((best, item) => (best === null || goodness(score, item) > goodness(score, best) ? item : best), null);
  }

  nearest(x, y) {
    const at = Math.max(0, Math.min(this.dimensions.length - 2, Math.floor(((x - side) / (this.width - 2 * side)) * (this.dimensions.length - 1))));
    if (this.dimensions.length < 2) return null;
    const part = (x - this.x(at)) / (this.x(at + 1) - this.x(at));
    let [best, least] = [null, 7];
    for (const item of this.items) {
      if (!this.passes(item)) continue;
      const [left, right] = [this.y(this.dimensions[at].share(item)), this.y(this.dimensions[at + 1].share(item))];
      const distance = Math.abs(left + (right - left) * part - y);
      if (distance < least) [best, least] = [item, distance];
    }
    return best;
  }

  hover(item) {
    if (item === this.hovered) return;
    this.hovered = item;
    this.say();
    this.draw();
  }

  /** Say how many pass, or which line the pointer is at. */
  say() {
    const item = this.hovered;
    const passing = this.items.filter((one) => this.passes(one)).length;
    this.said.textContent = item === null ? `${passing.toLocaleString("en")} of ${this.items.length.toLocaleString("en")} in range. ${this.focused === null ? "Drag along an axis to choose a range, click it to take that back." : this.rangeText(this.focused)}` : "";
    if (item !== null) fill(this.said, `${this.labels[item]}: `, this.dimensions.map((one) => `${one.label} ${short(one.values[item]) || "none"}`).join(", "));
  }

  rangeText(at) {
    const dimension = this.dimensions[at];
    const [low, high] = this.brushes.get(at) ?? [0, 1];
    return `${dimension.label} ${short(dimension.at(low), 3)} to ${short(dimension.at(high), 3)}`;
  }

  tell() {
    fill(this.brushed, [...this.brushes.keys()].map((at) => {
      const dimension = this.dimensions[at];
      return h("span", { class: "card chip" }, this.rangeText(at), button("✕", () => {
        this.brushes.delete(at);
        this.tell();
      }, { "aria-label": `take back the range of ${dimension.label}` }));
    }));
    this.say();
    this.draw();
    this.changed(this.items.filter((item) => this.passes(item)));
  }
}

function cut(pen, text, width) {
  let shown = String(text);
  if (pen.measureText(shown).width <= width) return shown;
  while (shown.length > 1 && pen.measureText(`${shown}…`).width > width) shown = shown.slice(0, -1);
  return `${shown}…`;
}
