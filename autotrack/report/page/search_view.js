// The view of a search: all runs, or the candidates of one, in parallel coordinates, as points, and by what matters.

import { condition } from "./conditions.js";
import { ofRuns, ofTrials, othersOfRuns } from "./dimensions.js";
import { fill, h } from "./dom.js";
import { section, table } from "./facts.js";
import { short } from "./format.js";
import { comparing } from "./grid.js";
import { parallel } from "./parallel.js";
import { pointCurves } from "./point_curves.js";
import { address, go, remember } from "./router.js";
import { tellingParams } from "./runs.js";
import { scatter } from "./scatter.js";
import { titleOfTrials, trials } from "./trials.js";

const mostDimensions = 8;
const mostListed = 30;

/** Return a promise of the view. */
export async function searchView(app, settings) {
  const view = new SearchView(app, settings);
  await view.draw();
  return { element: view.element, update: () => {} };
}

class SearchView {
  constructor(app, settings) {
    this.app = app;
    this.metric = settings.get("metric") || app.runs.judgedBy[0] || "";
    this.of = app.runs.rows.has(settings.get("of")) ? settings.get("of") : "";
    this.where = settings.get("where") ?? "";
    this.problem = h("p", { class: "problem", role: "alert" });
    this.content = h("div");
    this.filter = h("input", { type: "search", value: this.where, placeholder: "a condition, as in the table of runs", "aria-label": "filter: a condition, or words to look for", spellcheck: "false", onchange: () => this.set({ where: this.filter.value }) });
    this.bar = h("div", { class: "bar" });
    this.element = h("div", {}, h("h1", { class: "visually-hidden" }, "Search"), this.bar, this.problem, this.content);
  }

  async set(changes) {
    Object.assign(this, changes);
    await this.draw();
  }

  async draw() {
    const { runs } = this.app;
    const searches = runs.keys.filter((_, row) => runs.value(row, "trials") > 0);
    const choose = h("select", { "aria-label": "what is shown", onchange: (event) => this.set({ of: event.target.value }) }, h("option", { value: "", selected: !this.of }, "all runs"), searches.map((key) => h("option", { value: key, selected: key === this.of }, `trials of ${runs.label(runs.rows.get(key))}`)));
    const metrics = h("select", { "aria-label": "metric", onchange: (event) => this.set({ metric: event.target.value }) }, runs.judgedBy.map((name) => h("option", { selected: name === this.metric, value: name }, name)));
    fill(this.bar, searches.length ? h("label", {}, "show ", choose) : null, this.of || !runs.judgedBy.length ? null : h("label", {}, "by ", metrics), this.of ? null : h("div", { class: "grow" }, this.filter));
    this.problem.textContent = "";
    try {
      fill(this.content, this.of ? await this.candidates() : await this.runs());
    } catch (error) {
      this.problem.textContent = error.message;
    }
    remember("search", { of: this.of, metric: this.of || this.metric === runs.judgedBy[0] ? "" : this.metric, where: this.of ? "" : this.where });
  }

  async runs() {
    const { runs, source } = this.app;
    const passes = condition(this.where, runs);
    const score = `best.${this.metric}`;
    const rows = runs.keys.map((_, row) => row).filter((row) => passes(row) && runs.value(row, score) !== null);
    const params = tellingParams(runs, rows, mostDimensions - 1);
    if (rows.length < 2 || !params.length) return h("p", { class: "empty" }, "There are no two runs with this metric whose params differ.");
    const ids = [...params.map((column) => column.id), score];
    const dimensions = ofRuns(runs, rows, ids);
    const shares = (await source.importances())[this.metric] ?? [];
    const open = (item) => go(`run/${runs.keys[rows[item]]}`);
    const link = (item) => h("a", { href: address(`run/${runs.keys[rows[item]]}`) }, runs.label(rows[item]));
    return views(dimensions, rows.map((row) => runs.label(row)), shares, open, link, othersOfRuns(runs, rows, ids));
  }

  async candidates() {
    const run = await this.app.source.details(this.of);
    const found = run.trials.filter((trial) => (trial.kind ?? "candidate") === "candidate");
    const [[score, shares] = [null, []]] = Object.entries(run.importances);
    if (!score) return section("candidates", titleOfTrials(run), pointCurves(run), trials(run));
    const labels = found.map((trial) => `candidate ${trial.number}`);
    return [views(ofTrials(found, score), labels, shares, () => {}, (item) => labels[item]), section("candidates", "All candidates", trials(run))];
  }
}

function views(dimensions, labels, shares, open, link, others = []) {
  const list = h("div");
  const points = scatter(dimensions, labels, open, others, shares[0]?.param);
  const score = dimensions.at(-1);
  const changed = (passing) => {
    points.show(passing);
    const best = [...passing].sort(comparing((item) => score.values[item], score.direction === "max")).slice(0, mostListed);
    const columns = [score, ...dimensions.slice(0, -1)];
    const rows = best.map((item) => [link(item), ...columns.map((one) => short(one.values[item]))]);
    fill(list, table(["run", ...columns.map((one) => one.label)], rows, columns.map((one, at) => (one.isNumber ? at + 1 : 0)).filter(Boolean)));
  };
  const lines = parallel(dimensions, labels, { changed, open });
  return [
    section("lines", "Parallel coordinates", lines),
    h("div", { class: "halves" }, section("points", "Scatter plot", points), section("importance", `What ${score.label} depends on`, importance(shares, score.label))),
    section("passing", "In range, the best first", list),
  ];
}

function importance(shares, metric) {
  if (!shares.length) return h("p", { class: "muted" }, "With fewer than ten runs, or params that explain nothing, there is no telling.");
  return [
    h("div", { class: "bars" }, shares.slice(0, 15).map(({ param, share }) => [h("span", { title: param }, param), h("span", {}, h("i", { style: { width: `${share * 75}%` } }), `${Math.round(share * 100)} %`)])),
    h("p", { class: "note" }, `the share of the variance of ${metric} that each param explains by itself, over ${shares[0].runs} of them; params that change together share it`),
  ];
}
