// The tables that a run has logged.

import { h } from "./dom.js";
import { section, table } from "./facts.js";
import { exact, number, short } from "./format.js";

/** Return the section; null without any. */
export function tablesSection(run) {
  return run.tables.length ? section("tables", "Tables", run.tables.map(shown)) : null;
}

function shown({ name, step, columns, rows, count }) {
  const places = columns.map((_, at) => at);
  const areNumbers = places.filter((at) => at > 0 && rows.every((row) => isNumber(row[at])));
  const cells = rows.map((row) => places.map((at) => (row[at] === null || row[at] === undefined ? "" : areNumbers.includes(at) ? short(number(row[at]), 6) : exact(row[at]))));
  const note = count > rows.length ? h("p", { class: "note" }, `the first ${rows.length} of ${count.toLocaleString("en")} rows`) : null;
  return [h("h3", {}, h("bdi", {}, name), step === null ? null : h("span", { class: "note" }, ` at step ${step}`)), table(columns, cells, areNumbers), note];
}

const isNumber = (value) => value === null || typeof value === "number" || ["NaN", "Infinity", "-Infinity"].includes(value);
