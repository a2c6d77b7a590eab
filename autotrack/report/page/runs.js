// All runs as columns: what the table, the search and the comparison look values up in.

import { number } from "./format.js";

const numeric = new Set(["started", "ended", "duration_seconds", "overhead_seconds", "trials", "epochs", "datasets", "plots", "artifacts", "notices"]);

/** One column: its `id`, such as `params.lr`, its `label`, and a value or null for each run. */
export class Column {
  constructor(group, name, values, weight = 0) {
    this.group = group;
    this.name = name;
    this.id = group ? `${group}.${name}` : name;
    this.values = values;
    this.weight = weight;
    const some = values.filter((value) => value !== null);
    this.isNumber = numeric.has(name) || group === "metrics" || group === "best" || (some.length > 0 && some.every((value) => typeof value === "number"));
    this.count = some.length;
  }

  /** How many different values there are. */
  get distinct() {
    return (this.distinctCount ??= new Set(this.values.filter((value) => value !== null).map(String)).size);
  }

  /** Whether the runs differ in it, a missing value being a difference as well. */
  get differs() {
    return this.distinct > 1 || (this.distinct === 1 && this.count < this.values.length);
  }
}

/** Return a table in which the runs of `changed` have replaced those with the same keys, or stand before all others. */
export function merged(table, changed) {
  const rows = new Map(table.keys.map((key, row) => [key, row]));
  const added = changed.keys.filter((key) => !rows.has(key));
  const keys = [...added, ...table.keys];
  const place = new Map(keys.map((key, row) => [key, row]));
  const columns = new Map();
  const columnOf = (column) => {
    const id = `${column.group} ${column.name}`;
    if (!columns.has(id)) columns.set(id, { ...column, at: undefined, values: new Array(keys.length).fill(null) });
    return columns.get(id).values;
  };
  for (const column of table.columns) {
    const values = columnOf(column);
    dense(column, table.keys.length).forEach((value, row) => (values[row + added.length] = value));
  }
  for (const { values } of columns.values()) changed.keys.forEach((key) => (values[place.get(key)] = null));
  for (const column of changed.columns) {
    const values = columnOf(column);
    dense(column, changed.keys.length).forEach((value, row) => (values[place.get(changed.keys[row])] = value));
  }
  const configurations = [...added.map(() => null), ...table.configurations];
  changed.keys.forEach((key, row) => (configurations[place.get(key)] = changed.configurations[row]));
  return {
    keys,
    columns: [...columns.values()],
    configurations,
    directions: { ...table.directions, ...changed.directions },
    judged_by: [...new Set([...table.judged_by, ...changed.judged_by])],
  };
}

/**
 * Return the columns without those that change together with an earlier one in these rows, as the number of weights of a
 * net does with its width. Columns of which each value is another one tell nothing of that, and stay.
 */
export function independent(columns, rows) {
  const seen = new Set();
  return columns.filter((column) => {
    const codes = new Map();
    const pattern = rows.map((row) => {
      const value = String(column.values[row]);
      if (!codes.has(value)) codes.set(value, codes.size);
      return codes.get(value);
    });
    const known = pattern.join();
    if (codes.size < rows.length && seen.has(known)) return false;
    seen.add(known);
    return true;
  });
}

/** Return the params to show first: those that differ, and are known to matter, of most runs. */
export function tellingParams(runs, rows, most) {
  const params = runs.columns.filter((column) => column.group === "params" && column.weight >= 0 && column.distinct > 1);
  params.sort((one, other) => other.weight - one.weight || other.count - one.count || other.distinct - one.distinct);
  const differing = params.slice(0, 8 * most).filter((column) => new Set(rows.map((row) => column.values[row]).filter((value) => value !== null)).size > 1);
  return independent(differing, rows).slice(0, most);
}

export class Runs {
  /** `table` is the part of that name of the JSON. */
  constructor(table) {
    this.keys = table.keys;
    this.directions = table.directions;
    this.judgedBy = table.judged_by;
    this.configurations = table.configurations;
    this.columns = table.columns.map((column) => new Column(column.group, column.name, dense(column, table.keys.length), column.weight));
    this.byId = new Map(this.columns.map((column) => [column.id, column]));
    this.rows = new Map(table.keys.map((key, row) => [key, row]));
    this.known = new Map();
  }

  /** Return what a function computes of these runs; it is called once for each name. */
  once(name, compute) {
    if (!this.known.has(name)) this.known.set(name, compute());
    return this.known.get(name);
  }

  get length() {
    return this.keys.length;
  }

  /** Return a value of a run, by its row and the id of the column; null if it has none. */
  value(row, id) {
    return this.byId.get(id)?.values[row] ?? null;
  }

  /** Return what a run is called: by its name, and the end of its key if another one has the same name. */
  label(row) {
    const names = (this.names ??= counted(this.byId.get("name")?.values ?? []));
    const name = this.value(row, "name") ?? this.keys[row];
    return names.get(name) > 1 ? `${name} (${this.keys[row].slice(0, 6)})` : name;
  }

  /** Return the row with the best value of a metric among rows; null if none has one. */
  best(metric, rows) {
    const values = this.byId.get(`best.${metric}`)?.values;
    const sign = this.directions[metric] === "max" ? -1 : 1;
    let best = null;
    for (const row of values ? rows : []) {
      const value = number(values[row]);
      if (value === null || Number.isNaN(value)) continue;
      if (best === null || sign * value < sign * number(values[best])) best = row;
    }
    return best;
  }
}

function dense(column, length) {
  if (!column.at) return column.values.map(restored);
  const values = new Array(length).fill(null);
  column.at.forEach((row, place) => (values[row] = restored(column.values[place])));
  return values;
}

function restored(value) {
  return value === "NaN" || value === "Infinity" || value === "-Infinity" ? number(value) : value;
}

function counted(values) {
  const found = new Map();
  for (const value of values) found.set(value, (found.get(value) ?? 0) + 1);
  return found;
}
