// The view of a search: all runs, or the candidates of one, as lines and points, and by what matters.

import { condition } from "./conditions.js";
import { ofRuns, ofTrials, othersOfRuns } from "./dimensions.js";
import { fill, h, refill } from "./dom.js";
import { section } from "./facts.js";
import { pointCurves } from "./point_curves.js";
import { address, go, remember } from "./router.js";
import { tellingParams } from "./runs.js";
import { SearchDrawing } from "./search_drawing.js";
import { titleOfTrials, trials } from "./trials.js";

const mostDimensions = 8;

/** Return a promise of the view: its `element`, and `update`, which shows what has changed. */
export async function searchView(app, settings) {
  const view = new SearchView(app, settings);
  await view.draw();
  return { element: view.element, update: (keys) => view.update(keys) };
}

class SearchView {
  constructor(app, settings) {
    this.app = app;
    this.metric = settings.get("metric") || app.runs.judgedBy[0] || "";
    this.of = app.runs.rows.has(settings.get("of")) ? settings.get("of") : "";
    this.where = settings.get("where") ?? "";
    this.ranges = rangesOf(settings.get("ranges"));
    this.sorted = {};
    this.problem = h("p", { class: "problem", role: "alert" });
    this.content = h("div");
    this.rest = h("div");
    this.filter = h("input", { type: "search", value: this.where, placeholder: "a condition, as in the table of runs", "aria-label": "filter: a condition, or words to look for", spellcheck: "false", dataset: { same: "filter" }, onchange: () => this.set({ where: this.filter.value }) });
    this.bar = h("div", { class: "bar" });
    this.element = h("div", {}, h("h1", { class: "visually-hidden" }, "Search"), this.bar, this.problem, this.content, this.rest);
  }

  async set(changes) {
    Object.assign(this, changes);
    await this.draw();
  }

  async draw() {
    this.fillBar();
    this.keep();
    this.drawing = null;
    this.shares = null;
    await this.renew();
  }

  /** Show the runs as they are now: these have changed. */
  async update(keys) {
    if (this.of && !keys.has(this.of)) return;
    await this.renew();
  }

  fillBar() {
    const { runs } = this.app;
    const searches = runs.keys.filter((_, row) => runs.value(row, "trials") > 0);
    const select = (label, chosen, options, change) => h("select", { "aria-label": label, dataset: { same: label }, onchange: (event) => change(event.target.value) }, options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)));
    const of = select("what is shown", this.of, [["", "all runs"], ...searches.map((key) => [key, `trials of ${runs.label(runs.rows.get(key))}`])], (value) => this.set({ of: value, ranges: {} }));
    const metrics = select("metric", this.metric, runs.judgedBy.map((name) => [name, name]), (value) => this.set({ metric: value }));
    refill(this.bar, searches.length ? h("label", {}, "show ", of) : null, this.of || !runs.judgedBy.length ? null : h("label", {}, "by ", metrics), this.of ? null : h("div", { class: "grow" }, this.filter));
  }

  /** Keep in the address what is chosen. */
  keep() {
    const { of, metric, where, ranges, app } = this;
    remember("search", { of, metric: of || metric === app.runs.judgedBy[0] ? "" : metric, where: of ? "" : where, ranges: Object.keys(ranges).length ? JSON.stringify(ranges) : "" });
  }

  /** Draw what there is now: into the drawings that are there, if they fit. */
  async renew() {
    const asked = (this.asked = {});
    this.problem.textContent = "";
    try {
      const found = this.of ? await this.candidates() : await this.runs();
      if (this.asked !== asked) return; // something else was chosen meanwhile
      if (!found.dimensions) this.drawing = null;
      if (!this.drawing?.renew(found)) this.begin(found);
      fill(this.rest, found.rest);
    } catch (error) {
      this.problem.textContent = error.message;
    }
  }

  begin(found) {
    const changed = (ranges) => {
      this.ranges = ranges;
      if (this.element.isConnected) this.keep();
    };
    this.drawing = found.dimensions ? new SearchDrawing(found, this.ranges, changed) : null;
    fill(this.content, this.drawing?.sections);
  }

  async runs() {
    const { runs, source } = this.app;
    const passes = condition(this.where, runs);
    const score = `best.${this.metric}`;
    const rows = runs.keys.map((_, row) => row).filter((row) => passes(row) && runs.value(row, score) !== null);
    const params = tellingParams(runs, rows, mostDimensions - 1);
    if (rows.length < 2 || !params.length) return { rest: h("p", { class: "empty" }, "There are no two runs with this metric whose params differ.") };
    const ids = [...params.map((column) => column.id), score];
    this.shares ??= (await source.importances())[this.metric] ?? []; // once: they hardly change with one run more
    const open = (item) => go(`run/${runs.keys[rows[item]]}`);
    const link = (item) => h("a", { href: address(`run/${runs.keys[rows[item]]}`) }, runs.label(rows[item]));
    return { dimensions: ofRuns(runs, rows, ids), labels: rows.map((row) => runs.label(row)), shares: this.shares, others: othersOfRuns(runs, rows, ids), open, link, rest: null };
  }

  async candidates() {
    const run = await this.app.source.details(this.of);
    const found = run.trials.filter((trial) => (trial.kind ?? "candidate") === "candidate");
    const [[score, shares] = [null, []]] = Object.entries(run.importances);
    if (!score) return { rest: section("candidates", titleOfTrials(run), pointCurves(run), trials(run, this.sorted)) };
    const labels = found.map((trial) => `candidate ${trial.number}`);
    return { dimensions: ofTrials(found, score), labels, shares, others: [], open: () => {}, link: (item) => labels[item], rest: section("candidates", "All candidates", trials(run, this.sorted)) };
  }
}

/** Return the ranges that an address has. */
function rangesOf(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
