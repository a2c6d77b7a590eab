// One chart: curves over an axis, drawn by uPlot, with exact values below, zoom and pan by mouse and keyboard.

import { joined, nearest, placed, smoothed } from "./curves.js";
import { button, fill, h } from "./dom.js";
import { copyMenu } from "./figures.js";
import { duration, moment, short } from "./format.js";
import { colour, lineStyle } from "./theme.js";
import { uPlot } from "./vendor/uPlot.js";

const keys = uPlot.sync("charts");

/**
 * Draw curves. `lines` are `{ label, curve, started, index, format }`; `settings` has `axis`, `log` and `smoothing`.
 * Returns the element; `element.redraw(settings)` draws it again,
 * and `element.renew(lines)` draws other lines. `marks(axis)` returns where faint lines stand, such as where epochs begin.
 */
export function chart(title, lines, settings, { height = 220, marks = () => [] } = {}) {
  const plot = h("div", { class: "plot", tabindex: "0", role: "img", "aria-label": title, style: { "--height": `${height}px` } });
  const legend = h("ul", { class: "legend" });
  const note = h("p", { class: "note" });
  const head = h("figcaption", {}, h("span", { class: "chart-title", title }, title), copyMenu(() => drawing.figure(title)));
  const element = h("figure", { class: "chart" }, head, plot, legend, note);
  const drawing = new Drawing(plot, legend, note, lines, height, title, marks);
  whenSeen(element, () => drawing.start(settings));
  element.redraw = (changed) => drawing.use(changed);
  element.renew = (newer) => drawing.renew(newer);
  drawing.settings = settings;
  return element;
}

class Drawing {
  constructor(plot, legend, note, lines, height, title, marks) {
    Object.assign(this, { plot, legend, note, lines, height, title, marks, settings: {}, isSeen: false, hidden: new Set() });
    this.resized = new ResizeObserver(() => this.resize());
    this.themed = () => this.plot.isConnected && this.draw();
    plot.addEventListener("keydown", (event) => this.onKey(event));
    plot.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
  }

  start(settings) {
    this.isSeen = true;
    this.settings = { ...settings, ...this.settings };
    this.resized.observe(this.plot);
    document.addEventListener("theme", this.themed);
    this.draw();
  }

  /** Draw other lines, such as the same ones with more points. */
  renew(lines) {
    this.lines = lines;
    if (this.isSeen) this.draw();
  }

  use(settings) {
    this.settings = settings;
    if (this.isSeen) this.draw();
  }

  draw() {
    const { axis, log, smoothing } = this.settings;
    const kept = this.chart?.axis === axis ? this.chart.zoomed : null; // what somebody looks at stays in sight
    this.chart?.destroy();
    this.placed = this.lines.map((line) => positive(placed(line.curve, axis, line.started), log));
    const series = [];
    const columns = [];
    this.lines.forEach((line, at) => {
      if (this.hidden.has(at)) return;
      const { x, y } = this.placed[at];
      const { colour: stroke, dash } = lineStyle(line.index);
      const points = { show: y.length < 30, size: 5, fill: stroke };
      const isSmoothed = smoothing > 0 && y.length > 2;
      series.push({ stroke, dash, width: isSmoothed ? 1 : 1.75, alpha: isSmoothed ? 0.3 : 1, points: isSmoothed ? { show: false } : points });
      columns.push({ x, y });
      if (isSmoothed) {
        series.push({ stroke, dash, width: 2, points: { show: false } });
        columns.push({ x, y: smoothed(y, smoothing) });
      }
    });
    const options = {
      width: Math.max(this.plot.clientWidth, 120),
      height: this.height,
      legend: { show: false },
      cursor: { sync: { key: keys.key, setSeries: false }, focus: { prox: 24 }, drag: { x: true, y: false } },
      scales: { x: { time: axis === "wall" }, y: { distr: log ? 3 : 1, range: log ? undefined : padded } },
      padding: [8, 14, 0, 0],
      axes: [{ ...this.axis(xFormat(axis)), size: 30 }, { ...this.axis(log ? logTicks : (_, ticks) => ticks.map(this.lines[0]?.format ?? ((tick) => short(tick)))), size: 62 }],
      series: [{}, ...series.map((one) => ({ spanGaps: false, ...one }))],
      hooks: { drawClear: [(chart) => this.drawMarks(chart)], setCursor: [(chart) => this.showValues(chart)], setScale: [(chart, name) => name === "x" && this.onZoom(chart)] },
    };
    this.chart = new uPlot(options, joined(columns), fill(this.plot));
    this.chart.axis = axis;
    this.full = [this.chart.scales.x.min, this.chart.scales.x.max];
    if (kept) this.chart.setScale("x", { min: kept[0], max: kept[1] });
    this.showLegend();
    this.showNote();
    this.plot.setAttribute("aria-label", `${this.title}: ${this.lines.map((line) => line.label).join(", ")}; plus and minus zoom, arrows pan, 0 shows all`);
  }

  /** Draw a faint line where something begins, such as an epoch, if there is room. */
  drawMarks(chart) {
    const marks = this.marks(this.settings.axis).filter((x) => x > chart.scales.x.min && x < chart.scales.x.max);
    const { left, top, width, height } = chart.bbox;
    if (marks.length * 12 > width) return;
    chart.ctx.save();
    chart.ctx.strokeStyle = colour("mark");
    chart.ctx.setLineDash([3, 4]);
    for (const x of marks) {
      const at = Math.round(chart.valToPos(x, "x", true)) + 0.5;
      chart.ctx.beginPath();
      chart.ctx.moveTo(Math.max(at, left), top);
      chart.ctx.lineTo(at, top + height);
      chart.ctx.stroke();
    }
    chart.ctx.restore();
  }

  axis(values) {
    const grid = { stroke: colour("grid"), width: 1 };
    return { stroke: colour("muted"), grid, ticks: { ...grid, size: 4 }, font: "11px system-ui, sans-serif", values };
  }

  resize() {
    if (this.chart && this.plot.clientWidth > 0 && this.plot.clientWidth !== this.chart.width) {
      this.chart.setSize({ width: this.plot.clientWidth, height: this.height });
    }
  }

  onZoom(chart) {
    const { min, max } = chart.scales.x;
    chart.zoomed = this.full && (min > this.full[0] || max < this.full[1]) ? [min, max] : null;
  }

  /** Zoom by a factor around the middle, and pan by a share of what is seen. */
  move(factor, share = 0, middle = 0.5) {
    const { min, max } = this.chart.scales.x;
    const [width, at] = [(max - min) * factor, min + (max - min) * (middle + share)];
    const from = Math.max(Math.min(at - width * middle, this.full[1] - width), this.full[0]);
    this.chart.setScale("x", { min: from, max: Math.min(from + width, this.full[1]) });
  }

  onKey(event) {
    const moves = { "+": [0.5], "=": [0.5], "-": [2], ArrowLeft: [1, -0.2], ArrowRight: [1, 0.2], 0: [Infinity] };
    if (!this.chart || !(event.key in moves) || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (event.key === "0") this.chart.setScale("x", { min: this.full[0], max: this.full[1] });
    else this.move(...moves[event.key]);
  }

  onWheel(event) {
    if (!this.chart || !(event.ctrlKey || event.metaKey || event.shiftKey)) return;
    event.preventDefault();
    const over = this.chart.over.getBoundingClientRect();
    const turned = event.deltaY || event.deltaX;
    if (event.shiftKey) this.move(1, Math.sign(turned) * 0.1);
    else this.move(turned > 0 ? 1.25 : 0.8, 0, (event.clientX - over.left) / over.width);
  }

  showLegend() {
    this.cells = this.lines.map(() => h("span", { class: "value" }));
    const items = this.lines.map((line, at) => {
      const { colour: stroke, dash } = lineStyle(line.index);
      const swatch = h("span", { class: dash.length ? "swatch dashed" : "swatch", style: { "border-color": stroke } });
      const isShown = !this.hidden.has(at);
      const toggle = button([swatch, h("bdi", {}, line.label)], () => this.toggle(at), { "aria-pressed": String(isShown), title: `${line.label}: show or hide` });
      return h("li", { class: isShown ? null : "off" }, toggle, this.cells[at]);
    });
    fill(this.legend, items);
    this.showValues(this.chart);
  }

  toggle(at) {
    if (!this.hidden.delete(at)) this.hidden.add(at);
    this.draw();
  }

  showValues(chart) {
    const wanted = chart.cursor.left >= 0 && chart.cursor.idx !== null ? chart.posToVal(chart.cursor.left, "x") : null;
    this.lines.forEach((line, at) => {
      const { x, y } = this.placed[at];
      const place = wanted === null ? lastOf(y) : nearest(x, wanted);
      const text = place < 0 ? "" : (line.format ?? exactly)(y[place]);
      if (this.cells) this.cells[at].textContent = wanted === null || place < 0 ? text : `${text} at ${xText(this.settings.axis, x[place])}`;
    });
  }

  showNote() {
    const thinned = this.lines.filter((line) => line.curve.count > line.curve.value.length);
    const strange = this.placed.reduce((total, one) => total + one.strange, 0);
    const notes = [
      thinned.length ? `${thinned[0].curve.value.length.toLocaleString("en")} of ${thinned[0].curve.count.toLocaleString("en")} points, all extremes among them` : "",
      strange ? `${strange} ${strange === 1 ? "value is" : "values are"} NaN or infinite` : "",
    ];
    this.note.textContent = notes.filter(Boolean).join("; ");
  }

  /** Return what a copy of the figure is made of. */
  figure(title) {
    const lines = this.lines.map((line, at) => ({ label: line.label, ...lineStyle(line.index, { onPaper: true }), ...this.placed[at] }));
    const { min, max } = this.chart.scales.x;
    const y = this.chart.scales.y;
    return { title, lines: lines.filter((_, at) => !this.hidden.has(at)), ...this.settings, x: [min, max], y: [y.min, y.max], xText: (value) => xText(this.settings.axis, value) };
  }
}

/** Call a function once, when an element comes near to what is seen, or the page is printed. */
function whenSeen(element, act) {
  const print = matchMedia("print");
  const watch = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && begin(), { rootMargin: "300px" });
  const onPrint = () => (element.isConnected ? begin() : stop());
  const stop = () => (watch.disconnect(), print.removeEventListener("change", onPrint));
  function begin() {
    stop();
    act();
  }
  watch.observe(element);
  print.addEventListener("change", onPrint);
}

function positive(points, log) {
  return log ? { ...points, y: points.y.map((value) => (value > 0 ? value : null)) } : points;
}

function padded(_, low, high) {
  if (low === null || high === null) return [0, 1];
  const space = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return [low >= 0 && low - space < 0 ? 0 : low - space, high + space];
}

const xFormat = (axis) => (axis === "time" ? (_, ticks) => ticks.map((tick) => duration(tick)) : axis === "wall" ? undefined : (_, ticks) => ticks.map((tick) => (tick === null ? "" : short(tick))));
const logTicks = (_, ticks) => ticks.map((tick) => (tick === null || !/^1/.test(tick.toExponential()) ? "" : short(tick)));
const xText = (axis, value) => (axis === "time" ? duration(value) : axis === "wall" ? moment(value, { withSeconds: true }) : `${axis} ${short(value)}`);
const exactly = (value) => (value === null || value === undefined ? "" : short(value, 6));

function lastOf(values) {
  let at = values.length - 1;
  while (at >= 0 && values[at] === null) at -= 1;
  return at;
}
