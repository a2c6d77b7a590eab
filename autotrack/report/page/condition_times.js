// Dates and durations as people write them in conditions.

import { ConditionError } from "./condition_syntax.js";

const units = { s: 1, sec: 1, second: 1, m: 60, min: 60, minute: 60, h: 3600, hour: 3600, d: 86400, day: 86400, w: 604800, week: 604800 };
const days = { tomorrow: -1, today: 0, yesterday: 1 };

/** Return the first instant of a moment, and the first one after it, in seconds since 1970. */
export function momentOf(text) {
  const words = text.trim();
  if (words in days) return wholeDay(new Date(), -days[words]);
  const ago = /^(.+)\bago$/.exec(words);
  if (ago) {
    const instant = Date.now() / 1000 - durationOf(ago[1]);
    return [instant, instant + 1];
  }
  const month = /^(\d{4})-(\d{2})$/.exec(words);
  if (month) return [at(new Date(month[1], month[2] - 1, 1)), at(new Date(month[1], month[2], 1))];
  const day = /^(\d{4})-?(\d{2})-?(\d{2})$/.exec(words);
  if (day) return wholeDay(new Date(day[1], day[2] - 1, day[3]), 0);
  const instant = at(new Date(words.replace(" ", "T")));
  if (Number.isNaN(instant)) throw new ConditionError(`${words} is no date; write it as in "2026-11-25", "2026-11-25 14:07" or "2 days ago"`);
  return [instant, instant + (/\d:\d\d:\d\d/.test(words) ? 1 : 60)];
}

/** Return how many seconds a duration has, such as `1 min 15 s`, `2h` or `1:30:00`. */
export function durationOf(text) {
  const words = text.trim().toLowerCase();
  const clock = /^(?:(\d+):)?(\d{1,2}):(\d{2})$/.exec(words);
  if (clock) return Number(clock[1] ?? 0) * 3600 + Number(clock[2]) * 60 + Number(clock[3]);
  if (words && !Number.isNaN(Number(words))) return Number(words);
  let total = 0;
  const rest = words.replace(/(\d+(?:\.\d+)?)\s*([a-z]+)\s*/g, (whole, amount, unit) => {
    const seconds = units[unit] ?? units[unit.replace(/s$/, "")];
    if (seconds === undefined) return whole;
    total += Number(amount) * seconds;
    return "";
  });
  if (rest || !words) throw new ConditionError(`${text} is no duration; write it as in "90 s", "1 min 15 s" or "2 h"`);
  return total;
}

function wholeDay(date, later) {
  const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate() + later];
  return [at(new Date(year, month, day)), at(new Date(year, month, day + 1))];
}

const at = (date) => date.getTime() / 1000;
