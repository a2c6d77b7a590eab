// A small curve in a row of a table.

import { h } from "./dom.js";
import { number } from "./format.js";
import { colour, whenThemed } from "./theme.js";

const [width, height] = [96, 22];

/** Return a canvas that shows values as soon as they are there, which they are promised to be. */
export function sparkline(values, label) {
  const ratio = globalThis.devicePixelRatio || 1;
  const canvas = h("canvas", { width: width * ratio, height: height * ratio, style: { width: `${width}px`, height: `${height}px` }, role: "img", "aria-label": label });
  values.then((found) => {
    const drawn = () => draw(canvas, found.map(number), ratio);
    whenThemed(canvas, drawn);
    drawn();
  });
  return canvas;
}

function draw(canvas, values, ratio) {
  const finite = values.filter(Number.isFinite);
  if (!finite.length) return;
  const [low, high] = finite.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity]);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.strokeStyle = pen.fillStyle = colour("accent");
  pen.lineWidth = 1.4;
  pen.lineJoin = "round";
  const x = (at) => 3 + (at / Math.max(values.length - 1, 1)) * (width - 6);
  const y = (value) => height - 3 - (high > low ? (value - low) / (high - low) : 0.5) * (height - 6);
  pen.beginPath();
  let isDown = false;
  values.forEach((value, at) => {
    if (Number.isFinite(value)) pen[isDown ? "lineTo" : "moveTo"](x(at), y(value));
    isDown = Number.isFinite(value);
  });
  pen.stroke();
  const last = values.findLastIndex(Number.isFinite);
  pen.beginPath();
  pen.arc(x(last), y(values[last]), 2, 0, 2 * Math.PI);
  pen.fill();
}
