// The candidates of a search, or the folds of a validation, as a table that can be sorted.

import { button, h, refill, scrolling } from "./dom.js";
import { duration, number, short } from "./format.js";
import { comparing } from "./grid.js";

const mostShown = 500;

/** Return the table. `sorted` keeps by which column people sort it, for the next table of the same trials. */
export function trials(run, sorted = {}) {
  const params = varying(run.trials.map((trial) => trial.params ?? {}));
  const values = varying(run.trials.map((trial) => trial.values ?? {})).filter((name) => !/^split\d+_/.test(name));
  values.sort((one, other) => Number(!/^(mean_test|rank_test)/.test(one)) - Number(!/^(mean_test|rank_test)/.test(other)));
  const columns = [
    { label: "trial", value: (trial) => trial.number },
    ...params.map((name) => ({ label: name, value: (trial) => plain(trial.params?.[name]) })),
    ...values.map((name) => ({ label: name, isNumber: true, value: (trial) => number(trial.values?.[name]) })),
    { label: "status", value: (trial) => trial.status ?? "finished" },
    { label: "took", isNumber: true, value: (trial) => (trial.ended && trial.started ? trial.ended - trial.started : null), text: duration },
  ].filter((column) => column.label === "trial" || run.trials.some((trial) => column.value(trial) !== null));
  const score = values.find((name) => /^rank_test/.test(name)) ?? null;
  const named = (label) => columns.find((column) => column.label === label);
  const sort = { column: named(sorted.label) ?? named(score) ?? columns[0], descending: sorted.descending ?? false };
  const element = scrolling("table of trials");

  function draw() {
    const rows = [...run.trials].sort(comparing(sort.column.value, sort.descending)).slice(0, mostShown);
    const heads = columns.map((column) => {
      const isSorted = column === sort.column;
      return h("th", { scope: "col", class: column.isNumber ? "number" : null, "aria-sort": isSorted ? (sort.descending ? "descending" : "ascending") : null }, button(`${column.label}${isSorted ? (sort.descending ? " ↓" : " ↑") : ""}`, () => by(column), { dataset: { same: column.label } }));
    });
    const note = run.trials.length > mostShown ? h("p", { class: "note" }, `the first ${mostShown} of ${run.trials.length}`) : null;
    refill(element, h("table", { class: "facts tight" }, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows.map((trial) => h("tr", {}, columns.map((column) => h("td", { class: column.isNumber ? "number" : null }, h("bdi", {}, (column.text ?? short)(column.value(trial))))))))), note);
  }

  function by(column) {
    Object.assign(sort, { column, descending: sort.column === column && !sort.descending });
    Object.assign(sorted, { label: column.label, descending: sort.descending });
    draw();
  }

  draw();
  return element;
}

/** Return what the trials of a run are called together. */
export function titleOfTrials(run) {
  const kinds = new Set(run.trials.map((trial) => trial.kind ?? "candidate"));
  if (kinds.has("candidate")) return "Candidates of the search";
  return kinds.has("point") ? "Points of the curve" : "Folds";
}

function varying(mappings) {
  return [...new Set(mappings.flatMap(Object.keys))];
}

function plain(value) {
  if (value === undefined || value === null) return value === null ? "None" : null;
  return typeof value === "object" ? JSON.stringify(value) : value;
}
