// Parallel coordinates: a line for each item through all dimensions. Dragging along an axis keeps those that pass there.

import { button, fill, h, printable, scrolling } from "./dom.js";
import { copyMenu } from "./figures.js";
import { short } from "./format.js";
import { height, ParallelPicture, side } from "./parallel_picture.js";
import { goodness } from "./shades.js";
import { SvgPen } from "./svg_pen.js";
import { colour, onPaper, whenThemed } from "./theme.js";

const near = 26;

/**
 * Draw items, whose labels are `labels`, in dimensions; the last one tells their colour. `ranges` are those that are
 * chosen at first: by the id of a dimension, the lowest and the highest value, null where there is no limit.
 * `changed(passing, ranges)` is called with the places of the items that pass all of them, and `open(item)` when a line is
 * clicked. `renew(dimensions, labels)` draws other items in the same dimensions.
 */
export function parallel(dimensions, labels, ranges, { changed, open }) {
  const drawing = new Parallel(dimensions, labels, ranges, changed, open);
  return Object.assign(drawing.element, { renew: (...newer) => drawing.renew(...newer) });
}

class Parallel extends ParallelPicture {
  constructor(dimensions, labels, ranges, changed, open) {
    super();
    Object.assign(this, { changed, open, focused: null, last: 0 });
    this.canvas = h("canvas", { class: "parallel", tabindex: "0", role: "application", "aria-roledescription": "parallel coordinates" });
    this.behind = document.createElement("canvas"); // all but the line that the pointer is at
    this.take(dimensions, labels, ranges);
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
    whenThemed(this.canvas, () => this.draw());
    this.tell();
  }

  take(dimensions, labels, ranges) {
    Object.assign(this, { dimensions, labels, hovered: null, items: labels.map((_, item) => item) });
    const places = dimensions.map((dimension, at) => [at, rangeIn(dimension, ranges[dimension.id])]);
    this.brushes = new Map(places.filter(([, range]) => range));
    const names = dimensions.map((one) => one.label).join(", ");
    this.canvas.setAttribute("aria-label", printable(`${labels.length} lines over ${names}. Left and right choose an axis, up and down move the lower end of its range, with shift the upper one, delete takes it back, enter opens the best line.`));
  }

  /** Draw other items; the same values stay chosen. */
  renew(dimensions, labels) {
    this.take(dimensions, labels, this.ranges);
    this.tell();
  }

  /** What is chosen, as values. */
  get ranges() {
    const entries = Array.from(this.brushes, ([at, [low, high]]) => {
      const dimension = this.dimensions[at];
      return [dimension.id, [low > 0 ? rounded(dimension.at(low)) : null, high < 1 ? rounded(dimension.at(high)) : null]];
    });
    return Object.fromEntries(entries);
  }

  draw() {
    const ratio = globalThis.devicePixelRatio || 1;
    this.width = Math.max(this.element.clientWidth || 800, this.dimensions.length * 84);
    const { canvas, behind, width } = this;
    for (const one of [canvas, behind]) Object.assign(one, { width: width * ratio, height: height * ratio });
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    for (const one of [canvas, behind]) one.getContext("2d").scale(ratio, ratio);
    const pen = behind.getContext("2d");
    pen.lineJoin = "round";
    this.drawWith(pen);
    this.show();
  }

  /** Show what was drawn, and upon it the line that the pointer is at. */
  show() {
    const pen = this.canvas.getContext("2d");
    pen.clearRect(0, 0, this.width, height);
    pen.drawImage(this.behind, 0, 0, this.width, height);
    if (this.hovered === null) return;
    Object.assign(pen, { lineWidth: 3, lineJoin: "round", strokeStyle: colour("text") });
    this.line(pen, this.hovered);
  }

  copy() {
    const pen = new SvgPen(this.width, height);
    this.drawWith(pen);
    return pen.image;
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
    this.show();
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
    this.changed(this.items.filter((item) => this.passes(item)), this.ranges);
  }
}

const rounded = (value) => (typeof value === "number" ? Number(value.toPrecision(6)) : value);

/** Return where a range of values lies on a dimension, as two shares; null for none. */
function rangeIn(dimension, range) {
  if (!Array.isArray(range)) return null;
  const [low, high] = range.map((value, end) => {
    const share = dimension.shareOf(value);
    return Number.isFinite(share) ? Math.max(0, Math.min(1, share)) : end;
  });
  return low > 0 || high < 1 ? [low, high] : null;
}
