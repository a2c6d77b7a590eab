// What a search is drawn as: parallel coordinates, points, what matters, and a list of the best that are in range.

import { fill, h, refill } from "./dom.js";
import { section, table } from "./facts.js";
import { count, short } from "./format.js";
import { comparing } from "./grid.js";
import { parallel } from "./parallel.js";
import { scatter } from "./scatter.js";

const mostListed = 30;

/**
 * Draws `found`: `dimensions`, `labels`, `shares`, `others`, `open(item)` and `link(item)`, as the view has them, and `noun`,
 * which is what one of them is called.
 * `changed(ranges)` is called when others are chosen. `sections` are its parts.
 */
export class SearchDrawing {
  constructor(found, ranges, changed) {
    this.found = found;
    const { dimensions, labels, others, shares } = found;
    const open = (item) => this.found.open(item);
    this.list = h("div");
    this.importance = h("div", {}, importance(found));
    this.points = scatter(dimensions, labels, open, others, shares[0]?.param);
    this.lines = parallel(dimensions, labels, ranges, { open, changed: (passing, chosen) => {
      this.show(passing);
      changed(chosen);
    } });
    this.sections = [
      section("lines", "Parallel coordinates", this.lines),
      h("div", { class: "halves" }, section("points", "Scatter plot", this.points), section("importance", `What ${this.score.label} depends on`, this.importance)),
      section("passing", "In range, the best first", this.list),
    ];
  }

  get score() {
    return this.found.dimensions.at(-1);
  }

  /** Draw other items, with what is chosen now; returns false if they have other dimensions. */
  renew(found) {
    if (choices(found) !== choices(this.found)) return false;
    this.found = found;
    fill(this.importance, importance(found));
    this.points.renew(found.dimensions, found.labels, found.others);
    this.lines.renew(found.dimensions, found.labels);
    return true;
  }

  show(passing) {
    this.points.show(passing);
    const { found, score } = this;
    const best = [...passing].sort(comparing((item) => score.values[item], score.direction === "max")).slice(0, mostListed);
    const columns = [score, ...found.dimensions.slice(0, -1)];
    const rows = best.map((item) => [found.link(item), ...columns.map((one) => short(one.values[item]))]);
    refill(this.list, table([found.noun, ...columns.map((one) => one.label)], rows, columns.map((one, at) => (one.isNumber ? at + 1 : 0)).filter(Boolean)));
  }
}

const choices = ({ dimensions, others }) => JSON.stringify([dimensions.map((one) => one.id), others.map((one) => one.label)]);

function importance({ shares, dimensions, labels, noun }) {
  if (!shares.length) return h("p", { class: "muted" }, `With fewer than ten ${noun}s, or params that explain nothing, there is no telling.`);
  return [
    h("div", { class: "bars" }, shares.slice(0, 15).map(({ param, share }) => [h("span", { title: param }, param), h("span", {}, h("i", { style: { width: `${share * 75}%` } }), `${Math.round(share * 100)} %`)])),
    h("p", { class: "note" }, `the share of the variance of ${dimensions.at(-1).label} that each param explains by itself, over ${count(shares[0].runs, noun)}${shares[0].runs > labels.length ? ", those included that are not shown" : ""}; params that change together share it`),
  ];
}
