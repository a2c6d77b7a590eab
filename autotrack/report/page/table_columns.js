// The columns of the table of runs: which there are at first, and what stands in them.

import { h } from "./dom.js";
import { duration, exact, moment, short } from "./format.js";
import { address } from "./router.js";
import { tellingParams } from "./runs.js";
import { sparkline } from "./sparkline.js";

const labels = { name: "run", started: "started", duration_seconds: "took", curve: "curve" };
const mostDiffering = 6;
const spreadWidth = 76;
const narrow = 600;

// At first, the table has no metrics of fewer than one run of so many.
const rarest = 5;

/** Return the ids of the columns that are shown as long as nobody has chosen others. */
export function usualColumns(runs, metric) {
  return runs.once(`usual columns ${metric}`, () => chosenFor(runs, metric));
}

function chosenFor(runs, metric) {
  const isThere = (id) => runs.byId.has(id);
  const having = (name) => runs.byId.get(`best.${name}`)?.count ?? 0;
  const others = runs.judgedBy.filter((name) => name !== metric && having(name) * rarest >= runs.length).slice(0, 2);
  const params = tellingParams(runs, runs.keys.map((_, row) => row), mostDiffering);
  return [
    "name",
    ...(runs.byId.get("experiment")?.differs ? ["experiment"] : []),
    "status",
    "started",
    "duration_seconds",
    ...(metric ? [`best.${metric}`, "curve"] : []),
    ...params.map((column) => column.id),
    ...others.map((name) => `best.${name}`).filter(isThere),
    ...runs.columns.filter((column) => column.group === "tags" && column.differs).slice(0, 3).map((column) => column.id),
    ...["note", "error"].filter(isThere),
  ];
}

/** Return a column for the grid. Entries are `{ row, rows, label, key }`; groups have several rows. */
export function gridColumn(id, { runs, source, metric, isGrouped = false }) {
  const column = runs.byId.get(id);
  const isNumber = id !== "started" && id !== "curve" && (column?.isNumber ?? false);
  const value = (entry) => (entry.rows.length > 1 && isMeasured(column) ? mean(entry, column) : (column?.values[entry.row] ?? null));
  return {
    id,
    label: labelOf(id, column, runs),
    title: titleOf(id, column, runs, metric),
    isNumber,
    width: widthOf(id, column, labelOf(id, column, runs), isGrouped && isMeasured(column) && column.group !== ""),
    value,
    cell: (entry) => cell(id, entry, { column, value, source, metric, runs }),
  };
}

function labelOf(id, column, runs) {
  const arrow = { min: " ▾", max: " ▴" }[runs.directions[column?.name]] ?? "";
  if (column?.group === "best") return `${isAnother(column, runs) ? "best " : ""}${column.name}${arrow}`;
  if (column?.group === "metrics") return `${column.name}, last`;
  return labels[id] ?? column?.name ?? id;
}

/** Whether the best value of a metric is not always the last one, which its short name in a condition means. */
function isAnother(column, runs) {
  const last = runs.byId.get(`metrics.${column.name}`)?.values;
  return runs.once(`best is another ${column.name}`, () => column.values.some((value, row) => value !== null && value !== (last?.[row] ?? null)));
}

function titleOf(id, column, runs, metric) {
  if (id === "curve") return `the curve of ${metric}`;
  if (column?.group !== "best") return `sort by ${id}`;
  return `best ${column.name}: ${runs.directions[column.name] === "max" ? "more" : "less"} is better; sort by it`;
}

function widthOf(id, column, label, hasSpread) {
  const fixed = { name: 220, status: 112, started: 150, duration_seconds: 96, curve: 118, experiment: 128, note: 220, error: 260 };
  if (id === "name" && innerWidth < narrow) return 190;
  if (fixed[id]) return fixed[id];
  const longest = (column?.values ?? []).slice(0, 200).reduce((most, value) => Math.max(most, short(value).length), 3);
  return Math.max(76, Math.min(260, Math.max(longest * 8.4 + (hasSpread ? spreadWidth : 0), label.length * 7.8 + 36) + 24));
}

function cell(id, entry, { column, value, source, metric, runs }) {
  const shown = value(entry);
  if (id === "name") return nameCell(entry, metric);
  if (id === "curve") return sparkline(source.spark(entry.key, metric), `the curve of ${metric} of ${entry.label}`);
  if (shown === null) return "";
  if (id === "status") return h("span", { class: `status ${statusClass(shown)}`, title: runs.value(entry.row, "error") }, shown);
  if (id === "started" || id === "ended") return moment(shown);
  if (id.endsWith("_seconds") && !column.group) return duration(shown);
  const text = short(shown);
  const spread = entry.rows.length > 1 && isMeasured(column) ? deviation(entry, column) : null;
  return h("bdi", { title: text === exact(shown) ? null : exact(shown) }, spread === null ? text : `${text} ± ${short(spread, 2)}`);
}

function nameCell(entry) {
  const link = h("a", { href: address(`run/${entry.key}`), dataset: { same: entry.key }, title: entry.label }, h("bdi", {}, entry.label));
  const marks = [entry.isTop ? h("span", { class: "pill best" }, "best") : null, entry.rows.length > 1 ? h("span", { class: "pill" }, `${entry.rows.length} runs`) : null];
  return h("span", { class: "named" }, link, marks);
}

export function statusClass(status) {
  return ["finished", "failed", "killed", "interrupted", "running", "pruned"].includes(status) ? status : "other";
}

const isMeasured = (column) => column?.group === "best" || column?.group === "metrics" || column?.name === "duration_seconds";
const finite = (entry, column) => entry.rows.map((row) => column.values[row]).filter(Number.isFinite);

function mean(entry, column) {
  const values = finite(entry, column);
  return values.length ? values.reduce((total, value) => total + value, 0) / values.length : null;
}

function deviation(entry, column) {
  const values = finite(entry, column);
  if (values.length < 2) return null;
  const middle = mean(entry, column);
  return Math.sqrt(values.reduce((total, value) => total + (value - middle) ** 2, 0) / (values.length - 1));
}
