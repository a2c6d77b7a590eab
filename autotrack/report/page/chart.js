// One chart: curves over an axis, drawn by uPlot, with exact values below, zoom and pan by mouse and keyboard.

import { axesFor, exactly, padded, placeText } from "./chart_axes.js";
import { joined, nearest, placed, smoothed } from "./curves.js";
import { keepDetail, refine } from "./detail.js";
import { button, fill, h, refill } from "./dom.js";
import { copyMenu, drawnLines } from "./figures.js";
import { whenSeen } from "./seen.js";
import { swatch } from "./swatch.js";
import { colour, lineStyle, whenThemed } from "./theme.js";
import { uPlot } from "./vendor/uPlot.js";
import { Zoom } from "./zoom.js";

const keys = uPlot.sync("charts");
const askAfter = 120;

// Those that uPlot draws: it holds them, so they are taken from it when they are no longer in the page.
const drawn = new Set();

/**
 * Draw curves. `lines` are `{ label, curve, started, index, format, part }`; `settings` has `axis`, `log` and
 * `smoothing`. Returns the element; `element.redraw(settings)` draws it again, and `element.renew(lines)` draws other
 * lines. Charts with the same `zoom` show the same part of an axis; `marks(axis)` returns where faint lines stand, such
 * as where epochs begin; `names` are what places on the axis are called, and `xName` is what the axis is called;
 * `isOnWholeAxis` says that it shows as much of the axis as the others, however little its own lines cover.
 */
export function chart(title, lines, settings, options = {}) {
  const { height = 220 } = options;
  const plot = h("div", { class: "plot", tabindex: "0", role: "img", "aria-label": title, style: { "--height": `${height}px` } });
  const legend = h("ul", { class: "legend" });
  const note = h("p", { class: "note" });
  const head = h("figcaption", {}, h("span", { class: "chart-title", title }, title), copyMenu(title, () => drawnLines(drawing.figure(title))));
  const element = h("figure", { class: "chart" }, head, plot, legend, note);
  const drawing = new Drawing(plot, legend, note, title, lines, settings, { height, zoom: new Zoom(), marks: () => [], names: null, xName: null, isOnWholeAxis: false, ...options });
  whenSeen(element, (isSeen) => drawing.see(isSeen));
  element.redraw = (changed) => drawing.use(changed);
  element.renew = (newer) => drawing.renew(newer);
  return element;
}

class Drawing {
  constructor(plot, legend, note, title, lines, settings, { height, zoom, marks, names, xName, isOnWholeAxis }) {
    Object.assign(this, { plot, legend, note, title, lines, settings, height, zoom, marks, names, xName, isOnWholeAxis, isSeen: false, hidden: new Set() });
    zoom.charts.add(this);
    this.resized = new ResizeObserver(() => this.resize());
    whenThemed(plot, () => this.chart && this.use(this.settings));
    plot.addEventListener("keydown", (event) => this.onKey(event));
    plot.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
  }

  /** Begin to draw when somebody sees it; what is not seen does not follow the zoom of other charts. */
  see(isSeen) {
    this.isSeen = isSeen;
    if (!isSeen) return;
    if (this.chart) return this.isOld ? this.draw() : this.showPart();
    for (const one of drawn) if (!one.plot.isConnected) one.leave();
    drawn.add(this);
    this.resized.observe(this.plot);
    this.draw();
  }

  leave() {
    drawn.delete(this);
    this.resized.disconnect();
    this.chart?.destroy();
    this.chart = null;
  }

  /** Draw other lines, such as the same ones with more points. What somebody looks at stays in sight. */
  renew(lines) {
    const older = new Map(this.lines.map((line) => [line.label, line]));
    const isAlike = lines.length === this.lines.length && lines.every((line, at) => line.label === this.lines[at].label);
    this.lines = lines.map((line) => keepDetail(line, older.get(line.label)));
    this.zoom.forget();
    this.isOld = true;
    if (!this.isSeen) return;
    if (isAlike && this.chart) this.refill();
    else this.draw();
  }

  use(settings) {
    this.settings = settings;
    this.isOld = true;
    if (this.isSeen) this.draw();
  }

  draw() {
    const { axis, log, logX } = this.settings;
    this.chart?.destroy();
    this.isOld = false;
    const columns = this.columns();
    const options = {
      width: Math.max(this.plot.clientWidth, 120),
      height: this.height,
      legend: { show: false },
      cursor: { sync: { key: keys.key, setSeries: false }, focus: { prox: 24 }, drag: { x: true, y: false }, bind: { dblclick: () => () => this.zoom.show(axis, null) } },
      scales: { x: { time: axis === "wall", distr: logX ? 3 : 1 }, y: { distr: log ? 3 : 1, range: log ? undefined : padded } },
      padding: [8, 14, 0, 0],
      axes: axesFor(axis, { log, logX, format: this.lines[0]?.format, names: this.names }),
      ...this.series(),
      hooks: { drawClear: [(chart) => this.drawMarks(chart)], setCursor: [(chart) => this.showValues(chart)], setScale: [(chart, name) => name === "x" && this.onScale(chart)] },
    };
    this.chart = new uPlot(options, columns, fill(this.plot));
    this.chart.axis = axis;
    this.showPart();
    this.showLegend();
    this.showNote();
    this.plot.setAttribute("aria-label", `${this.title}: ${this.lines.map((line) => line.label).join(", ")}; plus and minus zoom, arrows pan, 0 shows all`);
  }

  /** Draw the same lines with other points, without a change to what is seen. */
  refill() {
    this.isOld = false;
    this.chart.setData(this.columns(), false);
    this.showPart();
    this.showNote();
    this.showValues(this.chart);
  }

  get shown() {
    const shown = this.lines.map((line, at) => [line, at]).filter(([, at]) => !this.hidden.has(at));
    return shown.sort(([one], [other]) => other.curve.value.length - one.curve.value.length); // a few points lie upon many
  }

  isSmoothed(at) {
    return this.settings.smoothing > 0 && this.placed[at].y.length > 2;
  }

  columns() {
    const { axis, log, smoothing } = this.settings;
    this.placed = this.lines.map((line) => positive(placed(line.curve, axis, line.started), log));
    return joined(this.shown.flatMap(([line, at]) => {
      const { x, y } = this.placed[at];
      const edges = line.spread ? [1, -1].map((sign) => ({ x, y: y.map((value, place) => value + sign * line.spread[place]) })) : [];
      return [{ x, y }, ...(this.isSmoothed(at) ? [{ x, y: smoothed(y, smoothing) }] : []), ...edges];
    }));
  }

  series() {
    const series = [{}];
    const bands = [];
    for (const [line, at] of this.shown) {
      const { colour: stroke, dash } = lineStyle(line.index);
      const points = { show: this.placed[at].y.length < 30, size: 5, fill: stroke };
      const isSmoothed = this.isSmoothed(at);
      series.push({ stroke, dash, width: isSmoothed ? 1 : 1.75, alpha: isSmoothed ? 0.3 : 1, points: isSmoothed ? { show: false } : points, spanGaps: false });
      if (isSmoothed) series.push({ stroke, dash, width: 2, points: { show: false }, spanGaps: false });
      if (!line.spread) continue;
      bands.push({ series: [series.length, series.length + 1], fill: `${stroke}22` });
      series.push(...[1, 2].map(() => ({ stroke, width: 0, points: { show: false } })));
    }
    return { series, bands };
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

  resize() {
    if (this.chart && this.plot.clientWidth > 0 && this.plot.clientWidth !== this.chart.width) {
      this.chart.setSize({ width: this.plot.clientWidth, height: this.height });
    }
  }

  // ---- The part of the axis that is seen

  get full() {
    return this.zoom.full(this.settings.axis, this);
  }

  showPart() {
    const [min, max] = this.zoom.shown(this.settings.axis) ?? this.full;
    this.chart.setScale("x", { min, max });
  }

  /** Another chart is zoomed. */
  follow(axis, range) {
    if (!this.chart || !this.isSeen || this.settings.axis !== axis) return;
    const [min, max] = range ?? this.full;
    this.chart.setScale("x", { min, max });
  }

  onScale(chart) {
    const { min, max } = chart.scales.x;
    const [first, last] = this.full;
    if (chart.axis !== this.settings.axis) return;
    const isAll = min <= first && max >= last;
    if (!isAll || this.zoom.shown(chart.axis)) this.zoom.show(chart.axis, isAll ? null : [min, max]);
    clearTimeout(this.asking);
    if (!isAll) this.asking = setTimeout(() => this.refine(min, max), askAfter);
  }

  /** Get more points of what is seen, where a long curve was thinned out. */
  async refine(low, high) {
    const done = await Promise.all(this.shown.map(([line]) => refine(line, this.settings.axis, low, high).catch(() => false)));
    if (done.some(Boolean) && this.plot.isConnected) this.refill();
  }

  /** Zoom by a factor around the middle, and pan by a share of what is seen. */
  move(factor, share = 0, middle = 0.5) {
    const { min, max } = this.chart.scales.x;
    const [first, last] = this.full;
    const [width, at] = [Math.min((max - min) * factor, last - first), min + (max - min) * (middle + share)];
    const from = Math.max(Math.min(at - width * middle, last - width), first);
    this.chart.setScale("x", { min: from, max: from + width });
  }

  onKey(event) {
    const moves = { "+": [0.5], "=": [0.5], "-": [2], ArrowLeft: [1, -0.2], ArrowRight: [1, 0.2], 0: [Infinity] };
    if (!this.chart || !(event.key in moves) || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.move(...moves[event.key]);
  }

  onWheel(event) {
    if (!this.chart || !(event.ctrlKey || event.metaKey || event.shiftKey)) return;
    event.preventDefault();
    const over = this.chart.over.getBoundingClientRect();
    const turned = event.deltaY || event.deltaX;
    if (event.shiftKey) this.move(1, Math.sign(turned) * 0.1);
    else this.move(turned > 0 ? 1.25 : 0.8, 0, (event.clientX - over.left) / over.width);
  }

  // ---- What stands below

  showLegend() {
    this.cells = this.lines.map(() => h("span", { class: "value" }));
    const items = this.lines.map((line, at) => {
      const isShown = !this.hidden.has(at);
      const toggle = button([swatch(line.index), h("bdi", {}, line.label)], () => this.toggle(at), { "aria-pressed": String(isShown), title: `${line.label}: show or hide`, dataset: { same: String(at) } });
      return h("li", { class: isShown ? null : "off" }, toggle, this.cells[at]);
    });
    refill(this.legend, items);
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
      const where = () => this.names?.[x[place]] ?? placeText(this.xName ?? this.settings.axis, x[place]);
      if (this.cells) this.cells[at].textContent = wanted === null || place < 0 ? text : `${text} at ${where()}`;
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
    const lines = this.lines.map((line, at) => ({ label: line.label, spread: line.spread, ...lineStyle(line.index, { onPaper: true }), ...this.placed[at] }));
    const { x, y } = this.chart.scales;
    return { title, lines: lines.filter((_, at) => !this.hidden.has(at)), ...this.settings, x: [x.min, x.max], y: [y.min, y.max], xText: (value) => this.names?.[value] ?? placeText(this.settings.axis, value) };
  }
}

function positive(points, log) {
  return log ? { ...points, y: points.y.map((value) => (value > 0 ? value : null)) } : points;
}

function lastOf(values) {
  let at = values.length - 1;
  while (at >= 0 && values[at] === null) at -= 1;
  return at;
}
