// The candidates of a search, or the folds of a validation, as a table that can be sorted.

import { duration, number } from "./format.js";
import { sortedTable } from "./sorted_table.js";

/** Return the table. `sort` and `changed` are as in `sortedTable`; at first, the best candidate is on top. */
export function trials(run, { sort, changed }) {
  const params = namesIn(run.trials, "params");
  const values = namesIn(run.trials, "values").filter((name) => !/^split\d+_/.test(name));
  values.sort((one, other) => Number(!/^(mean_test|rank_test)/.test(one)) - Number(!/^(mean_test|rank_test)/.test(other)));
  const columns = [
    { label: "trial", value: (trial) => trial.number },
    ...params.map((name) => ({ label: name, isNumber: run.trials.every((trial) => ["number", "undefined"].includes(typeof trial.params?.[name])), value: (trial) => plain(trial.params?.[name]) })),
    ...values.map((name) => ({ label: name, isNumber: true, value: (trial) => number(trial.values?.[name]) })),
    { label: "status", value: (trial) => trial.status ?? "finished" },
    { label: "took", isNumber: true, value: (trial) => (trial.ended && trial.started ? trial.ended - trial.started : null), text: duration },
  ].filter((column) => column.label === "trial" || run.trials.some((trial) => column.value(trial) !== null));
  const rank = values.find((name) => /^rank_test/.test(name));
  return sortedTable("table of trials", columns, run.trials, { sort: sort || rank || "trial", changed });
}

/** Return what the trials of a run are called together. */
export function titleOfTrials(run) {
  const kinds = new Set(run.trials.map((trial) => trial.kind ?? "candidate"));
  if (kinds.has("candidate")) return "Candidates of the search";
  return kinds.has("point") ? "Points of the curve" : "Folds";
}

/** Return the names of the params, or of the values, that some of the trials have. */
export function namesIn(trials, kind) {
  return [...new Set(trials.flatMap((trial) => Object.keys(trial[kind] ?? {})))];
}

function plain(value) {
  if (value === undefined || value === null) return value === null ? "None" : null;
  return typeof value === "object" ? JSON.stringify(value) : value;
}
