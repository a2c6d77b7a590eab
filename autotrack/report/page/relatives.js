// The runs that belong to a run: what it is part of, resumes or repeats, the other way round, and the runs within it.

import { h } from "./dom.js";
import { section } from "./facts.js";
import { count, duration } from "./format.js";
import { comparing } from "./grid.js";
import { address, place, rememberAlso } from "./router.js";
import { tellingParams } from "./runs.js";
import { sortedTable } from "./sorted_table.js";
import { statusClass } from "./table_columns.js";

const relations = [["parent", "part of", null], ["resumed_from", "resumed from", "resumed by"], ["reproduces", "repeats", "repeated by"]];
const mostNamed = 5;
const mostParams = 8;
const mostCompared = 12;

/** Return a line with links to the runs that a run comes from, and to those that come from it; null without any. */
export function relatives(run, runs) {
  const found = relations.flatMap(([field, to, from]) => [[to, run[field] ? [run[field]] : []], [from, from ? keysWith(runs, field, run) : []]]);
  const named = found.filter(([, keys]) => keys.length);
  return named.length ? h("div", { class: "line" }, named.map(([said, keys]) => h("span", {}, h("span", { class: "muted" }, `${said} `), links(keys, runs)))) : null;
}

/** Whether a run is one of those: what is shown of it may have changed with it. */
export function isRelative(run, key, runs) {
  const row = runs.rows.get(key);
  return relations.some(([field]) => run[field] === key || runs.value(row, field) === run.id);
}

/** Return the section of the runs that are part of a run, such as those of a sweep; null without any. */
export function children(run, runs) {
  const keys = keysWith(runs, "parent", run);
  if (!keys.length) return null;
  const rows = keys.map((key) => runs.rows.get(key));
  const metric = runs.judgedBy.find((name) => rows.some((row) => runs.value(row, `best.${name}`) !== null));
  const score = { label: metric, isNumber: true, value: (row) => runs.value(row, `best.${metric}`) };
  const columns = [
    { label: "run", value: (row) => runs.label(row), cell: (row) => link(runs.keys[row], runs) },
    { label: "status", value: (row) => runs.value(row, "status"), cell: (row) => h("span", { class: `status ${statusClass(runs.value(row, "status"))}` }, runs.value(row, "status")) },
    { label: "took", isNumber: true, value: (row) => runs.value(row, "duration_seconds"), text: duration },
    ...(metric ? [score] : []),
    ...tellingParams(runs, rows, mostParams).map((column) => ({ label: column.name, isNumber: column.isNumber, value: (row) => column.values[row] })),
  ];
  const isMostBest = runs.directions[metric] === "max";
  const best = metric ? [...rows].sort(comparing(score.value, isMostBest)) : rows;
  const where = `parent == ${JSON.stringify(run.id)}`;
  const ways = h("p", { class: "said" }, `${count(rows.length, "run")}: `, h("a", { href: address("runs", { where }) }, "in the table"), rows.length > 1 ? [" · ", h("a", { href: address("search", { where, metric }) }, "as a search"), " · ", h("a", { href: address("compare", { runs: best.slice(0, mostCompared).map((row) => runs.keys[row]) }) }, rows.length > mostCompared ? `compare the best ${mostCompared}` : "compare them")] : null);
  const sort = place().settings.get("children") || (metric ? `${isMostBest ? "-" : ""}${metric}` : "run");
  return section("children", "Runs in it", ways, sortedTable("table of the runs in it", columns, rows, { sort, changed: (children) => rememberAlso({ children }) }));
}

function keysWith(runs, field, run) {
  const values = runs.byId.get(field)?.values ?? [];
  return runs.keys.filter((_, row) => values[row] === run.id);
}

function links(keys, runs) {
  const more = keys.length > mostNamed ? ` and ${keys.length - mostNamed} more` : "";
  return [keys.slice(0, mostNamed).map((key, at) => [at ? ", " : "", link(key, runs)]), more];
}

/** Return a link to a run; of one that is not here, what it is known by. */
function link(key, runs) {
  return runs.rows.has(key) ? h("a", { href: address(`run/${key}`) }, h("bdi", {}, runs.label(runs.rows.get(key)))) : h("span", { class: "mono", title: "this run is not here" }, key);
}
