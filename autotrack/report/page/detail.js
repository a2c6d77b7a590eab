// More points of the part of a curve that is seen, where a long curve was thinned out.

import { places } from "./curves.js";

const worthIt = 1.3;

/**
 * Ask for the points of a line between two places of an axis, if there are more than those it has. `line.part(first,
 * after)` promises them. Returns whether `line.curve` has more points now; `line.whole` is what it was at first.
 */
export async function refine(line, axis, low, high) {
  const whole = line.whole ?? line.curve;
  if (!line.part || !whole.place || whole.count <= whole.value.length) return false;
  const [first, after] = seen(whole, axis, line.started, low, high);
  const drawn = line.curve.place.filter((place) => place >= first && place < after).length;
  if (after - first <= worthIt * drawn) return false;
  const wanted = [Math.max(first - (after - first), 0), Math.min(after + (after - first), whole.count)];
  const part = await line.part(...wanted);
  const finer = spliced(whole, part, ...wanted);
  if (finer.value.length <= line.curve.value.length && inside(finer, first, after) <= worthIt * drawn) return false;
  Object.assign(line, { whole, curve: finer, detail: [part, ...wanted] });
  return true;
}

/** Take over the points of an older line that was refined, as long as the curve has only grown since. */
export function keepDetail(line, older) {
  if (!older?.detail || !line.curve.place || line.curve.count < older.whole.count) return line;
  return { ...line, whole: line.curve, curve: spliced(line.curve, ...older.detail), detail: older.detail };
}

const inside = (curve, first, after) => curve.place.filter((place) => place >= first && place < after).length;

/** Return from which point to before which one a curve is seen; one beyond each edge belongs to it. */
function seen(curve, axis, started, low, high) {
  const x = places(curve, axis, started);
  let [first, last] = [0, x.length - 1];
  while (first < last && !(x[first + 1] > low)) first += 1;
  while (last > first && !(x[last - 1] < high)) last -= 1;
  return [curve.place[first], curve.place[last] + 1];
}

function spliced(whole, part, first, after) {
  const [left, right] = [whole.place.findIndex((place) => place >= first), whole.place.findIndex((place) => place >= after)];
  const begin = left < 0 ? whole.place.length : left;
  const end = right < 0 ? whole.place.length : right;
  const column = (name) => (whole[name] && part[name] ? [...whole[name].slice(0, begin), ...part[name], ...whole[name].slice(end)] : null);
  return { ...whole, step: column("step"), epoch: column("epoch"), time: column("time"), value: column("value"), place: column("place") };
}
