// The view of all runs: filter, columns, the best one, and the table.

import { condition } from "./conditions.js";
import { button, fill, h } from "./dom.js";
import { columnMenu } from "./column_menu.js";
import { count, short } from "./format.js";
import { comparing, Grid } from "./grid.js";
import { address, go, remember } from "./router.js";
import { gridColumn, usualColumns } from "./table_columns.js";

/**
 * Return the view: its `element`, and `update`, which shows what has changed. `app` has `source`, `runs` and `chosen`;
 * `settings` are those of the address.
 */
export function runsView(app, settings) {
  const view = new RunsView(app, settings);
  return { element: view.element, update: () => view.renew() };
}

class RunsView {
  constructor(app, settings) {
    this.app = app;
    this.where = settings.get("where") ?? "";
    this.metric = settings.get("metric") || app.runs.judgedBy[0] || "";
    this.columns = settings.get("columns")?.split(",") ?? null;
    this.onlyDiffering = settings.get("differing") === "yes";
    this.isGrouped = settings.get("grouped") === "yes";
    const sort = settings.get("sort");
    this.sort = sort ? { id: sort.replace(/^-/, ""), descending: sort.startsWith("-") } : null;
    this.grid = new Grid("runs", {
      onSort: (id) => this.sortBy(id),
      onOpen: (entry) => go(`run/${entry.key}`),
      onChoose: (entry) => this.choose(entry),
      isChosen: (entry) => entry.keys.every((key) => app.chosen.has(key)),
      isTop: (entry) => entry.isTop,
    });
    this.problem = h("p", { class: "problem", role: "alert" });
    this.said = h("p", { class: "said", "aria-live": "polite" });
    this.bar = h("div", { class: "bar" });
    this.element = h("div", {}, h("h1", { class: "visually-hidden" }, "Runs"), this.bar, this.problem, this.said, this.grid.element);
    this.filter = h("input", { type: "search", value: this.where, placeholder: "val_loss < 0.2 and lr > 1e-3, or words", "aria-label": "filter: a condition, or words to look for", spellcheck: "false", oninput: () => this.setWhere(this.filter.value) });
    this.compare = button("Compare", () => go("compare", { runs: [...app.chosen] }), { class: "main" });
    this.fillBar();
    this.update();
  }

  fillBar() {
    const { runs } = this.app;
    const metrics = h("select", { onchange: (event) => this.set({ metric: event.target.value, columns: null }), "aria-label": "what best means" }, runs.judgedBy.map((name) => h("option", { value: name, selected: name === this.metric }, `${name} ${runs.directions[name] === "max" ? "(more is better)" : "(less is better)"}`)));
    const repeats = new Set(runs.configurations).size < runs.length;
    fill(
      this.bar,
      h("div", { class: "grow" }, this.filter),
      runs.judgedBy.length ? h("label", {}, "best by ", metrics) : null,
      repeats ? this.box("group repeats", "isGrouped", "runs that differ in nothing but their seeds become one row, with mean and standard deviation") : null,
      this.box("only what differs", "onlyDiffering", "leave out columns in which all runs are the same"),
      (this.columnMenu ??= columnMenu("Columns", { find: "find a column", columns: () => this.app.runs.columns.filter((column) => column.id !== "name"), chosen: () => this.ids(), choose: (ids) => this.set({ columns: ids }) })),
      this.compare,
    );
  }

  box(label, name, title) {
    return h("label", { title }, h("input", { type: "checkbox", checked: this[name], onchange: (event) => this.set({ [name]: event.target.checked }) }), label);
  }

  /** Show the runs as they are now: some have changed, or are new. */
  renew() {
    const { judgedBy } = this.app.runs;
    if (!judgedBy.includes(this.metric)) this.metric = judgedBy[0] ?? "";
    if (!this.bar.contains(document.activeElement)) this.fillBar(); // nobody is typing there
    this.update();
  }

  set(changes) {
    Object.assign(this, changes);
    this.update();
  }

  setWhere(text) {
    this.where = text;
    this.update();
  }

  sortBy(id) {
    const isSame = this.sort?.id === id;
    const prefersMost = this.app.runs.directions[id.replace(/^(best|metrics)\./, "")] === "max" || id === "started";
    if (!isSame) this.sort = { id, descending: prefersMost };
    else this.sort = this.sort.descending === prefersMost ? { id, descending: !prefersMost } : null;
    this.update();
  }

  choose(entry) {
    const { chosen } = this.app;
    const isChosen = entry.keys.every((key) => chosen.has(key));
    entry.keys.forEach((key) => (isChosen ? chosen.delete(key) : chosen.add(key)));
    this.showChosen();
    this.grid.draw(true);
  }

  ids() {
    const ids = this.columns ?? usualColumns(this.app.runs, this.metric);
    return ids.filter((id) => id === "curve" || this.app.runs.byId.has(id));
  }

  update() {
    const { app } = this;
    const rows = this.passing();
    const best = this.metric ? app.runs.best(this.metric, rows) : null;
    const entries = this.entries(rows, best);
    const ids = this.ids().filter((id) => !this.onlyDiffering || ["name", "curve"].includes(id) || differs(app.runs.byId.get(id), rows));
    const columns = ids.map((id) => gridColumn(id, { runs: app.runs, source: app.source, metric: this.metric, isGrouped: this.isGrouped }));
    const sorted = this.sort && app.runs.byId.has(this.sort.id) ? gridColumn(this.sort.id, { runs: app.runs, source: app.source, metric: this.metric, isGrouped: this.isGrouped }) : null;
    if (sorted) entries.sort(comparing(sorted.value, this.sort.descending));
    this.grid.show(columns, entries, this.sort);
    this.say(rows, best, entries);
    this.showChosen();
    remember("runs", { where: this.where, metric: this.metric === app.runs.judgedBy[0] ? "" : this.metric, columns: this.columns, sort: this.sort && `${this.sort.descending ? "-" : ""}${this.sort.id}`, differing: this.onlyDiffering && "yes", grouped: this.isGrouped && "yes" });
  }

  passing() {
    const all = Array.from({ length: this.app.runs.length }, (_, row) => row);
    try {
      const passes = condition(this.where, this.app.runs);
      this.problem.textContent = "";
      this.passed = all.filter(passes);
    } catch (error) {
      this.problem.textContent = error.message;
    }
    return this.passed ?? all;
  }

  entries(rows, best) {
    const { runs } = this.app;
    const groups = new Map();
    for (const row of rows) {
      const group = this.isGrouped ? runs.configurations[row] : row;
      if (groups.has(group)) groups.get(group).push(row);
      else groups.set(group, [row]);
    }
    return Array.from(groups.values(), (members) => ({ row: members[0], rows: members, key: runs.keys[members[0]], keys: members.map((row) => runs.keys[row]), label: runs.label(members[0]), isTop: best !== null && members.includes(best) }));
  }

  say(rows, best, entries) {
    const { runs } = this.app;
    const parts = [rows.length === runs.length ? count(rows.length, "run") : `${rows.length.toLocaleString("en")} of ${count(runs.length, "run")}`];
    if (entries.length < rows.length) parts.push(` in ${count(entries.length, "configuration")}`);
    if (best !== null) {
      const which = runs.directions[this.metric] === "max" ? "highest" : "lowest";
      parts.push(". The best, with the ", which, ` ${this.metric}, is `, h("strong", {}, h("a", { href: address(`run/${runs.keys[best]}`) }, runs.label(best))), `: ${short(runs.value(best, `best.${this.metric}`), 6)}`);
    }
    fill(this.said, parts, ".");
  }

  showChosen() {
    const { size } = this.app.chosen;
    this.compare.textContent = size ? `Compare ${size}` : "Compare";
    this.compare.disabled = size < 2;
    this.compare.title = size < 2 ? "choose two runs or more" : "compare the chosen runs";
  }
}

function differs(column, rows) {
  return rows.some((row) => String(column.values[row]) !== String(column.values[rows[0]]));
}
