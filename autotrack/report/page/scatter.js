// A point for each item over any two dimensions.

import { fill, h } from "./dom.js";
import { copyMenu } from "./figures.js";
import { short } from "./format.js";
import { goodness, shade } from "./shades.js";
import { SvgPen } from "./svg_pen.js";
import { colour, onPaper, whenThemed } from "./theme.js";

const height = 320;
const [left, right, top, bottom] = [62, 14, 22, 44];

/**
 * Draw items in two of the dimensions, which can be chosen; the last one tells their colour. `others` are more that can
 * be chosen: `{ label, make }`. `first` names the dimension that is across at first. `show(passing)` draws some of the
 * items, and `renew(dimensions, labels, others)` takes other items, of which the same dimensions can be chosen.
 */
export function scatter(dimensions, labels, open, others = [], first = null) {
  const drawing = new Scatter(dimensions, labels, open, others, first);
  return Object.assign(drawing.element, { show: (passing) => drawing.show(passing), renew: (...newer) => drawing.renew(...newer) });
}

class Scatter {
  constructor(dimensions, labels, open, others, first) {
    this.open = open;
    this.take(dimensions, labels, others);
    const across = Math.max(dimensions.findIndex((one) => one.label === first), 0);
    this.axes = { x: across, y: dimensions.length - 1 };
    this.chooseAxes();
    this.canvas = h("canvas", { class: "parallel points", tabindex: "0", role: "application", "aria-roledescription": "scatter plot", "aria-label": "a point for each of them; left and right go from one to the next, enter opens it" });
    this.said = h("p", { class: "note", "aria-live": "polite" });
    const copies = copyMenu("points", () => onPaper(() => this.copy()));
    this.element = h("div", { class: "chart" }, h("div", { class: "bar" }, this.choice("y", "y axis"), this.choice("x", "x axis")), h("div", { class: "corner" }, copies), this.canvas, this.said);
    this.canvas.addEventListener("pointermove", (event) => this.hover(this.nearest(event)));
    this.canvas.addEventListener("pointerleave", () => this.hover(null));
    this.canvas.addEventListener("click", () => this.hovered !== null && this.open(this.hovered));
    this.canvas.addEventListener("keydown", (event) => this.onKey(event));
    new ResizeObserver(() => this.draw()).observe(this.element);
    whenThemed(this.canvas, () => this.draw());
  }

  take(dimensions, labels, others) {
    Object.assign(this, { labels, score: dimensions.at(-1), passing: labels.map((_, item) => item), hovered: null });
    this.choices = [...dimensions.map((one) => ({ label: one.label, make: () => one })), ...others];
  }

  /** Take other items; they are drawn when it is known which of them are to be shown. */
  renew(dimensions, labels, others) {
    this.take(dimensions, labels, others);
    this.chooseAxes();
  }

  chooseAxes() {
    [this.x, this.y] = [this.choices[this.axes.x].make(), this.choices[this.axes.y].make()];
  }

  choice(name, label) {
    const change = (event) => {
      this.axes[name] = Number(event.target.value);
      this.chooseAxes();
      this.draw();
    };
    const options = this.choices.map((one, at) => h("option", { value: String(at), selected: at === this.axes[name] }, one.label));
    return h("label", {}, `${label} `, h("select", { onchange: change }, options));
  }

  show(passing) {
    this.passing = passing;
    this.draw();
  }

  place(item) {
    const [x, y] = [this.x.share(item), this.y.share(item)];
    if (x === null || y === null) return null;
    return [left + x * (this.width - left - right), height - bottom - y * (height - top - bottom)];
  }

  draw() {
    const ratio = globalThis.devicePixelRatio || 1;
    this.width = this.element.clientWidth || 400;
    Object.assign(this.canvas, { width: this.width * ratio, height: height * ratio });
    this.canvas.style.height = `${height}px`;
    const pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    this.drawWith(pen);
  }

  copy() {
    const pen = new SvgPen(this.width, height);
    this.drawWith(pen);
    return pen.image;
  }

  drawWith(pen) {
    pen.font = "11px system-ui, sans-serif";
    pen.fillStyle = colour("muted");
    for (const [share, text] of this.y.marks()) {
      const y = height - bottom - share * (height - top - bottom);
      pen.textAlign = "right";
      pen.fillStyle = colour("muted");
      pen.fillText(text.slice(0, 9), left - 6, y + 4);
      pen.fillStyle = colour("grid");
      pen.fillRect(left, y, this.width - left - right, 1);
    }
    pen.fillStyle = colour("muted");
    for (const [share, text] of this.x.marks()) {
      pen.textAlign = share === 1 ? "right" : "center"; // the last one would be cut off at the edge
      pen.fillText(text.slice(0, 12), left + share * (this.width - left - right) + (share === 1 ? right : 0), height - bottom + 16);
    }
    pen.textAlign = "center";
    pen.fillText(this.x.label, left + (this.width - left - right) / 2, height - 8);
    pen.textAlign = "left";
    pen.fillText(this.y.label, 4, 12);
    for (const item of this.passing) this.point(pen, item, 4.5, shade(goodness(this.score, item)));
    if (this.hovered !== null) this.point(pen, this.hovered, 7, colour("text"));
  }

  point(pen, item, radius, fillStyle) {
    const at = this.place(item);
    if (!at) return;
    pen.fillStyle = fillStyle;
    pen.beginPath();
    pen.arc(at[0], at[1], radius, 0, 2 * Math.PI);
    pen.fill();
  }

  nearest(event) {
    const box = this.canvas.getBoundingClientRect();
    let [best, least] = [null, 12];
    for (const item of this.passing) {
      const at = this.place(item);
      const distance = at ? Math.hypot(at[0] - event.clientX + box.left, at[1] - event.clientY + box.top) : Infinity;
      if (distance < least) [best, least] = [item, distance];
    }
    return best;
  }

  onKey(event) {
    if (event.key === "Enter" && this.hovered !== null) return this.open(this.hovered);
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return undefined;
    event.preventDefault();
    const placed = this.passing.filter((item) => this.place(item)).sort((one, other) => this.place(one)[0] - this.place(other)[0] || one - other);
    const at = placed.indexOf(this.hovered) + (event.key === "ArrowRight" ? 1 : -1);
    return this.hover(placed[Math.max(0, Math.min(placed.length - 1, at))] ?? null);
  }

  hover(item) {
    if (item === this.hovered) return;
    this.hovered = item;
    fill(this.said, item === null ? "" : `${this.labels[item]}: ${this.x.label} ${short(this.x.values[item])}, ${this.y.label} ${short(this.y.values[item])}`);
    this.draw();
  }
}
