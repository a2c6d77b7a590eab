// Copies of figures for papers and messages: SVG, drawn anew on white, and PNG made of it.

import { button, h, svg } from "./dom.js";
import { short } from "./format.js";

const [width, height] = [720, 420];
const [left, right, top, bottom] = [70, 16, 36, 40];

/** Return the two buttons. `draw` returns the figure as an SVG element. */
export function copyMenu(title, draw) {
  const name = (ending) => `${title.replace(/[^\w.-]+/g, "_").slice(0, 80)}.${ending}`;
  return h(
    "span",
    { class: "copies" },
    button("PNG", async () => save(await png(draw()), name("png")), { title: "Save as PNG" }),
    button("SVG", () => save(new Blob([text(draw())], { type: "image/svg+xml" }), name("svg")), { title: "Save as SVG" }),
  );
}

/** Return the curves of a chart as SVG: see `Drawing.figure` in `chart.js`. */
export function drawnLines({ title, lines, log, logX, x, y, xText }) {
  const along = (value) => (logX ? Math.log10(value) : value);
  const [first, last] = x.map(along);
  const scaleX = (value) => left + ((along(value) - first) / (last - first || 1)) * (width - left - right);
  const place = (value) => (log ? Math.log10(value) : value);
  const [low, high] = y.map(place);
  const scaleY = (value) => height - bottom - ((place(value) - low) / (high - low || 1)) * (height - top - bottom);
  const rows = Math.ceil(lines.length / 3);
  const image = svg("svg", { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${width} ${height + rows * 18}`, width, height: height + rows * 18, "font-family": "system-ui, sans-serif", "font-size": 12 });
  image.append(svg("rect", { width: "100%", height: "100%", fill: "#ffffff" }), svg("text", { x: left, y: 22, "font-size": 14, "font-weight": 600 }, title));
  for (let part = 0; part <= 4; part += 1) {
    const [along4, atY] = [first + ((last - first) * part) / 4, low + ((high - low) * part) / 4];
    const atX = logX ? 10 ** along4 : along4;
    const value = log ? 10 ** atY : atY;
    image.append(
      svg("line", { x1: left, x2: width - right, y1: scaleY(value), y2: scaleY(value), stroke: "#e3e3e0" }),
      svg("text", { x: left - 8, y: scaleY(value) + 4, "text-anchor": "end", fill: "#555" }, short(value, 3)),
      svg("text", { x: scaleX(atX), y: height - bottom + 20, "text-anchor": "middle", fill: "#555" }, xText(atX)),
    );
  }
  lines.forEach((line, at) => {
    if (line.spread) image.append(svg("path", { d: band(line, scaleX, scaleY), fill: line.colour, opacity: 0.14 }));
    image.append(svg("path", { d: path(line, x, scaleX, scaleY), fill: "none", stroke: line.colour, "stroke-width": 1.75, "stroke-dasharray": line.dash.join(" ") || null }));
    const [atX, atY] = [left + (at % 3) * 210, height + 6 + Math.floor(at / 3) * 18];
    image.append(
      svg("line", { x1: atX, x2: atX + 18, y1: atY - 4, y2: atY - 4, stroke: line.colour, "stroke-width": 2, "stroke-dasharray": line.dash.join(" ") || null }),
      svg("text", { x: atX + 24, y: atY }, line.label.slice(0, 28)),
    );
  });
  return image;
}

function path(line, range, scaleX, scaleY) {
  let isDown = false;
  return line.x
    .map((value, at) => {
      if (line.y[at] === null || value < range[0] || value > range[1]) {
        isDown = false;
        return "";
      }
      const part = `${isDown ? "L" : "M"}${scaleX(value).toFixed(1)} ${scaleY(line.y[at]).toFixed(1)}`;
      isDown = true;
      return part;
    })
    .join("");
}

function band(line, scaleX, scaleY) {
  const edge = (sign) => line.x.map((value, at) => `${scaleX(value).toFixed(1)} ${scaleY(line.y[at] + sign * line.spread[at]).toFixed(1)}`);
  return `M${[...edge(1), ...edge(-1).reverse()].join("L")}Z`;
}

const text = (image) => new XMLSerializer().serializeToString(image);

async function png(image) {
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text(image))}`;
  await picture.decode();
  const canvas = h("canvas", { width: picture.width * 2, height: picture.height * 2 });
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

function save(blob, name) {
  const address = URL.createObjectURL(blob);
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
