// The curves of one run: its metrics and the load of the system, all over the same axis.

import { chart } from "./chart.js";
import { chartControls, chartSettings } from "./chart_controls.js";
import { axesOf, epochStarts, onAxesOf } from "./curves.js";
import { h } from "./dom.js";
import { amount } from "./format.js";
import { rememberAlso } from "./router.js";
import { Zoom } from "./zoom.js";

const mainLoad = /^(process_(cpu_percent|memory_bytes)|gpu\d+_(utilization_percent|memory_used_bytes|power_watts))$/;

const fewestLoads = 3;

/** The charts stay the same as long as the view is shown; `renew` draws newer points in them. */
export class RunCharts {
  constructor(run, curves, key, settings, source) {
    this.key = key;
    this.source = source;
    this.zoom = new Zoom();
    this.names = drawnMetrics(run, curves);
    this.loads = drawnLoad(run, curves);
    this.axes = axesOf(this.names.map((name) => curves[name]));
    this.chosen = chartSettings(settings, this.axes);
    this.groups = Object.entries(together(this.names, run.judged_by));
    this.take(run, curves);
    const options = { zoom: this.zoom, marks: (axis) => epochStarts(this.longest, axis, run.started) };
    this.charts = this.groups.map(([title, members]) => chart(members.length > 1 ? title : members[0], this.lines(members), this.chosen, options));
    this.loadCharts = this.loads.map((name) => chart(name, [this.loadLine(name)], this.loadSettings, { ...options, height: 130, isOnWholeAxis: this.longest !== null }));
    this.element = this.framed();
    this.load = this.framedLoad();
  }

  take(run, curves) {
    Object.assign(this, { run, curves, longest: longestOf(run, curves) });
  }

  framed() {
    if (!this.charts.length) return null;
    const redraw = () => {
      this.charts.forEach((one) => one.redraw({ ...this.chosen }));
      this.loadCharts.forEach((one) => one.redraw(this.loadSettings));
      rememberAlso({ axis: this.chosen.axis === this.axes[0][0] ? "" : this.chosen.axis, log: this.chosen.log && "yes", smoothing: this.chosen.smoothing || "" });
    };
    return h("div", {}, h("div", { class: "bar above" }, chartControls(this.axes, this.chosen, redraw)), h("div", { class: "charts" }, this.charts));
  }

  framedLoad() {
    const [main, more] = [true, false].map((wanted) => this.loadCharts.filter((_, at) => mainLoad.test(this.loads[at]) === wanted));
    const grid = (charts) => h("div", { class: "charts" }, charts);
    const folded = more.length ? h("details", { class: "more" }, h("summary", {}, "more of the load"), grid(more)) : null;
    const note = this.charts.length && this.loads.length ? h("p", { class: "note" }, "over the same axis as the metrics; faint lines are where epochs begin") : null;
    return this.loads.length ? h("div", {}, note, grid(main), folded) : null;
  }

  /** The load is drawn over the same axis as the metrics, without a log scale. */
  get loadSettings() {
    return { axis: this.longest ? this.chosen.axis : "time", log: false, smoothing: 0 };
  }

  lines(members) {
    return members.map((name, index) => ({ label: name, curve: this.curves[name], started: this.run.started, index, part: this.partOf(name) }));
  }

  loadLine(name) {
    const curve = onAxesOf(this.curves[`system/${name}`], this.longest);
    return { label: name, curve, started: this.run.started, index: 0, format: (value) => (value === null ? "" : amount(name, value)) };
  }

  /** Return what asks for a part of a long curve; nothing where there are no more points than are here. */
  partOf(name) {
    return this.source.part ? (first, after) => this.source.part(this.key, name, first, after) : null;
  }

  /** Draw newer curves; returns false if there are other metrics than before. */
  renew(run, curves) {
    if (String(drawnMetrics(run, curves)) !== String(this.names) || String(drawnLoad(run, curves)) !== String(this.loads)) return false;
    this.take(run, curves);
    this.groups.forEach(([, members], at) => this.charts[at].renew(this.lines(members)));
    this.loads.forEach((name, at) => this.loadCharts[at].renew([this.loadLine(name)]));
    return true;
  }
}

function drawnMetrics(run, curves) {
  return Object.keys(run.metrics).filter((name) => curves[name] && curves[name].value.length > 1);
}

function drawnLoad(run, curves) {
  return Object.keys(run.system).sort().filter((name) => curves[`system/${name}`]?.value.length >= fewestLoads);
}

/** Return the curve with the most points, which tells best when which step and epoch was. */
function longestOf(run, curves) {
  const known = drawnMetrics(run, curves).map((name) => curves[name]);
  return known.filter((curve) => curve.step).sort((one, other) => Boolean(other.epoch) - Boolean(one.epoch) || other.value.length - one.value.length)[0] ?? null;
}

/** Put training and validation of the same thing into one chart; those the run is judged by come first. */
function together(names, first) {
  const found = {};
  const ordered = [...first.filter((name) => names.includes(name)), ...names.filter((name) => !first.includes(name))];
  for (const name of ordered) {
    const title = name.replace(/^(train|training|val|valid|validation|test|eval)[_/ ]/, "").replace(/_(epoch|step)$/, "") || name;
    (found[title] ??= []).push(name);
  }
  return found;
}
