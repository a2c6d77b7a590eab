// A point for each item over any two dimensions.

import { fill, h } from "./dom.js";
import { short } from "./format.js";
import { goodness, shade } from "./shades.js";
import { colour } from "./theme.js";

const height = 300;
const [left, right, top, bottom] = [62, 14, 10, 30];

/** Draw items in two of the dimensions, which can be chosen; the last one tells their colour. */
export function scatter(dimensions, labels, open) {
  const drawing = new Scatter(dimensions, labels, open);
  return Object.assign(drawing.element, { show: (passing) => drawing.show(passing) });
}

class Scatter {
  constructor(dimensions, labels, open) {
    Object.assign(this, { dimensions, labels, open, passing: labels.map((_, item) => item), hovered: null });
    [this.x, this.y] = [dimensions[0], dimensions.at(-1)];
    this.canvas = h("canvas", { class: "parallel", role: "img", "aria-label": "a point for each of them" });
    this.said = h("p", { class: "note", "aria-live": "polite" });
    this.element = h("div", {}, h("div", { class: "bar" }, this.choice("y", "up"), this.choice("x", "across")), this.canvas, this.said);
    this.canvas.addEventListener("pointermove", (event) => this.hover(this.nearest(event)));
    this.canvas.addEventListener("pointerleave", () => this.hover(null));
    this.canvas.addEventListener("click", () => this.hovered !== null && this.open(this.hovered));
    new ResizeObserver(() => this.draw()).observe(this.element);
    document.addEventListener("theme", () => this.canvas.isConnected && this.draw());
  }

  choice(name, label) {
    const change = (event) => {
      this[name] = this.dimensions[Number(event.target.value)];
      this.draw();
    };
    return h("label", {}, `${label} `, h("select", { onchange: change }, this.dimensions.map((one, at) => h("option", { value: String(at), selected: one === this[name] }, one.label))));
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
    pen.font = "11px system-ui, sans-serif";
    pen.strokeStyle = colour("grid");
    pen.fillStyle = colour("muted");
    for (const [share, text] of this.y.marks()) {
      const y = height - bottom - share * (height - top - bottom);
      pen.textAlign = "right";
      pen.fillText(text.slice(0, 9), left - 6, y + 4);
      pen.strokeRect(left, y, this.width - left - right, 0);
    }
    pen.textAlign = "center";
    for (const [share, text] of this.x.marks()) pen.fillText(text.slice(0, 12), left + share * (this.width - left - right), height - 10);
    const score = this.dimensions.at(-1);
    for (const item of this.passing) {
      const at = this.place(item);
      if (!at) continue;
      pen.fillStyle = item === this.hovered ? colour("text") : shade(goodness(score, item));
      pen.beginPath();
      pen.arc(at[0], at[1], item === this.hovered ? 7 : 4.5, 0, 2 * Math.PI);
      pen.fill();
    }
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

  hover(item) {
    if (item === this.hovered) return;
    this.hovered = item;
    fill(this.said, item === null ? "" : `${this.labels[item]}: ${this.x.label} ${short(this.x.values[item])}, ${this.y.label} ${short(this.y.values[item])}`);
    this.draw();
  }
}
