// A pen that draws as that of a canvas does, but into an SVG element: so that what is drawn once can also be copied.

import { svg } from "./dom.js";

/** Takes the calls of a canvas that our drawings make. `image` is what comes of them. */
export class SvgPen {
  constructor(width, height) {
    this.image = svg("svg", { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${width} ${height}`, width, height });
    this.image.append(svg("rect", { width: "100%", height: "100%", fill: "#ffffff" }));
    Object.assign(this, { globalAlpha: 1, lineWidth: 1, strokeStyle: "#000", fillStyle: "#000", font: "11px sans-serif", textAlign: "left" });
    this.measuring = document.createElement("canvas").getContext("2d");
    this.path = "";
  }

  beginPath() {
    this.path = "";
  }

  moveTo(x, y) {
    this.path += `M${round(x)} ${round(y)}`;
  }

  lineTo(x, y) {
    this.path += `L${round(x)} ${round(y)}`;
  }

  arc(x, y, radius) {
    this.path += `M${round(x - radius)} ${round(y)}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0`;
  }

  stroke() {
    this.add("path", { d: this.path, fill: "none", stroke: this.strokeStyle, "stroke-width": this.lineWidth, "stroke-linejoin": "round" });
  }

  fill() {
    this.add("path", { d: this.path, fill: this.fillStyle });
  }

  fillRect(x, y, width, height) {
    this.add("rect", { x: round(x), y: round(y), width: round(width), height: round(height), fill: this.fillStyle });
  }

  fillText(text, x, y) {
    const [, weight, size] = /^(\d{3} )?([\d.]+)px/.exec(this.font);
    const anchor = { left: "start", center: "middle", right: "end" }[this.textAlign];
    this.add("text", { x: round(x), y: round(y), fill: this.fillStyle, "text-anchor": anchor, "font-size": size, "font-weight": weight?.trim() ?? null, "font-family": "system-ui, sans-serif" }, text);
  }

  measureText(text) {
    this.measuring.font = this.font;
    return this.measuring.measureText(text);
  }

  add(tag, attributes, ...children) {
    this.image.append(svg(tag, { ...attributes, opacity: this.globalAlpha < 1 ? this.globalAlpha : null }, ...children));
  }
}

const round = (value) => Math.round(value * 10) / 10;
