// What conditions mean, as in `autotrack ls --where`: a run that lacks a name of a condition does not pass it.

import { ConditionError, parse } from "./condition_syntax.js";
import { durationOf, momentOf } from "./condition_times.js";

const groups = ["params", "metrics", "best", "tags", "git"];
const shortGroups = ["params", "metrics", "tags"];
const times = new Set(["started", "ended"]);
const durations = new Set(["duration_seconds", "overhead_seconds"]);
const turned = { "<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!=" };

/**
 * Return a function that says whether the run in a row passes. What is no condition but one word or a few is looked for
 * in names, experiments and tags. Raises `ConditionError`.
 */
export function condition(text, runs) {
  const words = text.trim();
  if (!words) return () => true;
  if (!/[<>=()"'[\]]|\b(in|is|contains|matches|and|or|not)\b/i.test(words)) return anywhere(words, runs);
  const meaning = built(parse(words), runs);
  return (row) => Boolean(meaning(row));
}

function anywhere(words, runs) {
  const wanted = words.toLowerCase();
  const looked = runs.columns.filter((column) => column.group === "tags" || ["name", "experiment", "status", "note"].includes(column.id));
  return (row) => runs.keys[row].startsWith(wanted) || looked.some((column) => String(column.values[row] ?? "").toLowerCase().includes(wanted));
}

/** Return a function that computes the value of a tree for a row; null if something is missing. */
function built(tree, runs) {
  switch (tree.kind) {
    case "value":
      return () => tree.value;
    case "list": {
      const items = tree.items.map((item) => built(item, runs));
      return (row) => items.map((item) => item(row));
    }
    case "name":
      return column(tree, runs);
    case "not":
      return computed([tree.part], runs, (value) => !value);
    case "and":
    case "or":
      return joined(tree.parts.map((part) => built(part, runs)), tree.kind === "or");
    case "compute":
      return computed([tree.left, tree.right], runs, (left, right) => compute(tree.sign, left, right));
    case "contains":
      return computed([tree.left, tree.right], runs, (value, part) => String(value).toLowerCase().includes(String(part).toLowerCase()));
    case "matches": {
      const pattern = expression(tree.right);
      return computed([tree.left], runs, (value) => pattern.test(String(value).slice(0, 10_000)));
    }
    default:
      return comparison(tree, runs);
  }
}

function comparison({ sign, left, right }, runs) {
  if (isNone(left) || isNone(right)) {
    const value = built(isNone(right) ? left : right, runs);
    return (row) => (value(row) === null) === (sign === "==");
  }
  if (isField(left, times) && isText(right)) return ofTime(sign, built(left, runs), momentOf(right.value));
  if (isField(right, times) && isText(left)) return ofTime(turned[sign], built(right, runs), momentOf(left.value));
  const [one, other] = [inSeconds(left, right), inSeconds(right, left)];
  return computed([one, other], runs, (first, second) => compare(sign, first, second));
}

function inSeconds(side, other) {
  return isText(side) && isField(other, durations) ? { kind: "value", value: durationOf(side.value) } : side;
}

function ofTime(sign, time, [first, after]) {
  return (row) => {
    const at = time(row);
    if (at === null) return null;
    if (sign === "==" || sign === "!=") return (first <= at && at < after) === (sign === "==");
    return sign === "<=" ? at < after : order(sign, at, first);
  };
}

function computed(trees, runs, compute) {
  const parts = trees.map((tree) => built(tree, runs));
  return (row) => {
    const values = parts.map((part) => part(row));
    return values.includes(null) ? null : compute(...values);
  };
}

/** Return `or`, which one true part decides, or `and`, which one false part decides, even if others are missing. */
function joined(parts, decisive) {
  return (row) => {
    let isMissing = false;
    for (const part of parts) {
      const value = part(row);
      if (value === null) isMissing = true;
      else if (Boolean(value) === decisive) return decisive;
    }
    return isMissing ? null : !decisive;
  };
}

function compare(sign, left, right) {
  if (sign === "in" || sign === "not in") {
    const isIn = Array.isArray(right) ? right.some((item) => equal(left, item)) : String(right).includes(String(left));
    return isIn === (sign === "in");
  }
  if (sign === "==" || sign === "!=") return equal(left, right) === (sign === "==");
  if (typeof left === "string" && typeof right === "string") return order(sign, left, right);
  const [one, other] = [asNumber(left), asNumber(right)];
  return one === null || other === null ? null : order(sign, one, other);
}

function equal(left, right) {
  if (typeof left === "string" && typeof right === "string") return left === right;
  if (typeof left === "string" || typeof right === "string") {
    const [text, other] = typeof left === "string" ? [left, right] : [right, left];
    return typeof other === "boolean" ? text.toLowerCase() === String(other) : asNumber(text) === other;
  }
  return Number(left) === Number(right) || (Number.isNaN(left) && Number.isNaN(right));
}

function order(sign, left, right) {
  return { "<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right }[sign];
}

function compute(sign, left, right) {
  if (sign === "+" && typeof left === "string" && typeof right === "string") return left + right;
  if (typeof left === "string" || typeof right === "string") return null;
  const value = { "+": left + right, "-": left - right, "*": left * right, "/": left / right }[sign];
  return sign === "/" && Number(right) === 0 ? null : value;
}

function asNumber(value) {
  if (typeof value !== "string") return Number(value);
  return value.trim() && !Number.isNaN(Number(value)) ? Number(value) : null;
}

function expression(tree) {
  if (!isText(tree)) throw new ConditionError("after 'matches' comes a regular expression in quotes");
  try {
    return new RegExp(tree.value, "u");
  } catch (error) {
    throw new ConditionError(`this is no regular expression (${error.message})`);
  }
}

/** Return the values of the column that a name means. */
function column(tree, runs) {
  const [group, ...rest] = tree.path;
  const written = tree.path.join(".");
  const isFull = groups.includes(group) && rest.length > 0;
  const named = isFull ? [`${group}.${rest.join(".")}`] : runs.byId.has(written) && !written.includes(".") ? [written] : meantBy(written, runs);
  if (named.length > 1) throw new ConditionError(`${written} may be ${named.join(" or ")}; write which`, tree.begin, tree.end);
  const found = runs.byId.get(named[0]);
  if (!found) throw new ConditionError(`no run has ${written}${proposal(written, runs)}`, tree.begin, tree.end);
  return (row) => found.values[row];
}

function meantBy(written, runs) {
  return shortGroups.map((group) => `${group}.${written}`).filter((id) => runs.byId.has(id));
}

function proposal(written, runs) {
  const last = written.split(".").at(-1).toLowerCase();
  const alike = runs.columns.filter((one) => one.name.toLowerCase().includes(last) || (one.name.length > 2 && last.includes(one.name.toLowerCase())));
  return alike.length ? `; did you mean ${alike.slice(0, 3).map((one) => one.id).join(" or ")}?` : "; texts are in quotes";
}

const isNone = (tree) => tree.kind === "value" && tree.value === null;
const isText = (tree) => tree.kind === "value" && typeof tree.value === "string";
const isField = (tree, fields) => tree.kind === "name" && tree.path.length === 1 && fields.has(tree.path[0]);
