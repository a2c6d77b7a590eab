// What the search view draws: dimensions, each with a value for every run or candidate, and where values lie on them.

import { moment, number, short } from "./format.js";
import { namesIn } from "./trials.js";

const mostTexts = 60;

// From this ratio of the largest to the smallest value on, an axis is logarithmic.
const logFrom = 50;

/** One dimension of some items. `values` has one for each, null where it is missing. */
export class Dimension {
  constructor(id, label, values, direction = null) {
    this.id = id;
    this.label = label;
    this.direction = direction;
    this.write = id === "started" || id === "ended" ? (value) => moment(value) : (value) => short(value, 3);
    this.values = values.map((value) => (value !== null && typeof value === "object" ? JSON.stringify(value) : value));
    const some = this.values.filter((value) => value !== null);
    this.isNumber = some.length > 0 && some.every((value) => typeof value === "number");
    this.texts = this.isNumber ? [] : [...new Set(some.map(String))].sort().slice(0, mostTexts);
    this.range = this.isNumber ? rangeOf(some.filter(Number.isFinite)) : [0, Math.max(this.texts.length - 1, 1)];
    this.isLog = this.isNumber && this.range[0] > 0 && this.range[1] / this.range[0] >= logFrom;
  }

  /** How far a range is moved by a key: from one text to the next, or a twentieth of the axis. */
  get step() {
    return this.isNumber ? 0.05 : 1 / Math.max(this.texts.length - 1, 1);
  }

  /** Return where an item lies, from 0 to 1; null if it has no value. */
  share(item) {
    this.shares ??= this.values.map((value) => this.shareOf(value));
    return this.shares[item];
  }

  /** Return where a value lies. */
  shareOf(value) {
    if (value === null || value === undefined) return null;
    if (!this.isNumber) {
      const at = this.texts.indexOf(String(value));
      return at < 0 ? null : this.texts.length === 1 ? 0.5 : at / (this.texts.length - 1);
    }
    if (!Number.isFinite(value)) return null;
    const [low, high] = this.range.map((one) => this.scaled(one));
    return high > low ? (this.scaled(value) - low) / (high - low) : 0.5;
  }

  scaled(value) {
    return this.isLog ? Math.log10(value) : value;
  }

  /** Return the marks of the axis: `[where from 0 to 1, text]`. */
  marks() {
    if (!this.isNumber) {
      const step = Math.ceil(this.texts.length / 12);
      return this.texts.map((text, at) => [this.texts.length === 1 ? 0.5 : at / (this.texts.length - 1), text]).filter((_, at) => at % step === 0);
    }
    return [0, 0.25, 0.5, 0.75, 1].map((share) => [share, this.write(this.at(share))]);
  }

  /** Return the value at a place from 0 to 1. */
  at(share) {
    if (!this.isNumber) return this.texts[Math.round(share * (this.texts.length - 1))];
    const [low, high] = this.range.map((one) => this.scaled(one));
    const value = low + (high - low) * share;
    return this.isLog ? 10 ** value : value;
  }
}

function rangeOf(values) {
  return values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
}

/** Return the dimensions of the runs in rows, of the columns with these ids. */
export function ofRuns(runs, rows, ids) {
  return ids.map((id) => {
    const column = runs.byId.get(id);
    return new Dimension(id, column.name, rows.map((row) => column.values[row]), runs.directions[column.name] ?? null);
  });
}

const notDrawn = new Set(["name", "error", "note", "entry_point", "parent", "resumed_from", "reproduces", "host", "python"]);

/** Return the columns of runs that a drawing can show. */
export function drawable(runs) {
  return runs.columns.filter((column) => column.distinct > 1 && !notDrawn.has(column.id) && (column.isNumber || column.distinct <= mostTexts));
}

/** Return what else may be chosen of runs for a drawing: `{ label, make }`, where `make` returns the dimension. */
export function othersOfRuns(runs, rows, known) {
  const columns = drawable(runs).filter((column) => !known.includes(column.id));
  return columns.map((column) => ({ label: column.id, make: () => ofRuns(runs, rows, [column.id])[0] }));
}

/** Return the dimensions of the candidates of a search: of their `params`, of their `values`, and of the `score`. */
export function ofTrials(trials, score) {
  const ofParam = (name) => new Dimension(name, name, trials.map((trial) => (trial.params?.[name] === null ? "None" : (trial.params?.[name] ?? null))));
  const ofValue = (name) => new Dimension(name, name, trials.map((trial) => number(trial.values?.[name])), directionOf(name));
  const params = namesIn(trials, "params");
  const values = namesIn(trials, "values").filter((name) => name !== score && !params.includes(name) && !/^split\d+_/.test(name));
  const differ = (dimension) => new Set(dimension.values).size > 1;
  const result = ofValue(score);
  result.direction ??= "max";
  return { params: params.map(ofParam).filter(differ), values: values.map(ofValue).filter((one) => one.isNumber && differ(one)), score: result };
}

function directionOf(name) {
  if (/loss|error|rank|time/.test(name)) return "min";
  return /score|acc/.test(name) && !name.startsWith("std_") ? "max" : null;
}
