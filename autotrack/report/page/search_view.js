// The view of a search: all runs, or the candidates of one, as lines and points, and by what matters.

import { condition } from "./conditions.js";
import { columnMenu } from "./column_menu.js";
import { drawable, ofRuns, ofTrials, othersOfRuns } from "./dimensions.js";
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
    this.ranges = parsed(settings.get("ranges")) ?? {};
    const axes = parsed(settings.get("axes"));
    this.axes = Array.isArray(axes) ? axes : null;
    this.sort = settings.get("sort") ?? "";
    this.problem = h("p", { class: "problem", role: "alert" });
    this.content = h("div");
    this.rest = h("div");
    this.filter = h("input", { type: "search", value: this.where, placeholder: "a condition, as in the table of runs", "aria-label": "filter: a condition, or words to look for", spellcheck: "false", dataset: { same: "filter" }, onchange: () => this.set({ where: this.filter.value }) });
    this.bar = h("div", { class: "bar" });
    this.choosable = [];
    this.menu = columnMenu("Axes", { find: "find an axis", columns: () => this.choosable, chosen: () => this.shownAxes, choose: (axes) => this.choose(axes) });
    this.element = h("div", {}, h("h1", { class: "visually-hidden" }, "Search"), this.bar, this.problem, this.content, this.rest);
  }

  async set(changes) {
    Object.assign(this, changes);
    await this.draw();
  }

  /** Show other axes; null stands for those that tell most. The menu in which they are chosen stays open. */
  async choose(axes) {
    this.axes = axes;
    this.keep();
    await this.renew();
  }

  get shownAxes() {
    return this.axes ?? this.drawing?.found.dimensions.slice(0, -1).map((one) => one.id) ?? [];
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
    const of = select("what is shown", this.of, [["", "all runs"], ...searches.map((key) => [key, `trials of ${runs.label(runs.rows.get(key))}`])], (value) => this.set({ of: value, ranges: {}, axes: null }));
    const metrics = select("metric", this.metric, runs.judgedBy.map((name) => [name, name]), (value) => this.set({ metric: value }));
    refill(this.bar, searches.length ? h("label", {}, "show ", of) : null, this.of || !runs.judgedBy.length ? null : h("label", {}, "by ", metrics), this.of ? null : h("div", { class: "grow" }, this.filter), this.menu);
  }

  /** Keep in the address what is chosen. */
  keep() {
    const { of, metric, where, ranges, axes, sort, app } = this;
    remember("search", { of, metric: of || metric === app.runs.judgedBy[0] ? "" : metric, where: of ? "" : where, axes: axes && JSON.stringify(axes), ranges: Object.keys(ranges).length ? JSON.stringify(ranges) : "", sort: of && sort });
  }

  /** Draw what there is now: into the drawings that are there, if they fit. */
  async renew() {
    const asked = (this.asked = {});
    this.problem.textContent = "";
    try {
      const found = this.of ? await this.candidates() : await this.runs();
      if (this.asked !== asked) return; // something else was chosen meanwhile
      this.choosable = found.choosable ?? [];
      this.menu.classList.toggle("hidden", !this.choosable.length);
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
    if (rows.length < 2 || !(params.length || this.axes)) return { rest: h("p", { class: "empty" }, "There are no two runs with this metric whose params differ.") };
    const choosable = drawable(runs).filter((column) => column.id !== score);
    const chosen = this.axes?.filter((id) => id !== score && runs.byId.has(id)) ?? params.map((column) => column.id);
    const ids = [...chosen, score];
    this.shares ??= (await source.importances())[this.metric] ?? []; // once: they hardly change with one run more
    const open = (item) => go(`run/${runs.keys[rows[item]]}`);
    const link = (item) => h("a", { href: address(`run/${runs.keys[rows[item]]}`) }, runs.label(rows[item]));
    return { noun: "run", dimensions: ofRuns(runs, rows, ids), choosable, labels: rows.map((row) => runs.label(row)), shares: this.shares, others: othersOfRuns(runs, rows, ids), open, link, rest: null };
  }

  async candidates() {
    const run = await this.app.source.details(this.of);
    const found = run.trials.filter((trial) => (trial.kind ?? "candidate") === "candidate");
    const [[score, shares] = [null, []]] = Object.entries(run.importances);
    const sorting = { sort: this.sort, changed: (sort) => (Object.assign(this, { sort }), this.keep()) };
    if (!score) return { rest: section("candidates", titleOfTrials(run), pointCurves(run), trials(run, sorting)) };
    const labels = found.map((trial) => `candidate ${trial.number}`);
    const { params, values, score: result } = ofTrials(found, score);
    const usual = [...params, ...values.filter((one) => one.id === "mean_fit_time")];
    const chosen = this.axes?.map((id) => [...params, ...values].find((one) => one.id === id)).filter(Boolean) ?? usual;
    const choosable = Object.entries({ params, values }).flatMap(([group, some]) => some.map((one) => ({ id: one.id, name: one.label, group })));
    return { noun: "candidate", dimensions: [...chosen, result], choosable, labels, shares, others: [], open: () => {}, link: (item) => labels[item], rest: section("candidates", "All candidates", trials(run, sorting)) };
  }
}

/** Return what an address has as JSON; null for none. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
