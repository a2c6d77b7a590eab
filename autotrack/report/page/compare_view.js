// Some runs side by side: why they differ, their curves, and everything in which they differ.

import { chart } from "./chart.js";
import { chartControls, chartSettings } from "./chart_controls.js";
import { axesOf } from "./curves.js";
import { diff } from "./diff.js";
import { button, fill, h, scrolling } from "./dom.js";
import { copyable, folded, section } from "./facts.js";
import { exact, moment, number, short } from "./format.js";
import { address, go, place, remember } from "./router.js";
import { swatch } from "./swatch.js";
import { Zoom } from "./zoom.js";

const mostRuns = 24;
const mostCharts = 60;
const mostRows = 400;

/** Return a promise of the view of the runs that the address names; of the newest two, if it names none. */
export async function compareView(app, settings) {
  const named = (settings.get("runs") ?? "").split(",").filter((key) => app.runs.rows.has(key));
  const keys = (named.length ? named : app.runs.keys.slice(0, 2)).slice(0, mostRuns);
  keys.forEach((key) => app.chosen.add(key));
  const runs = (await Promise.all(keys.map((key) => read(app, key)))).filter((run) => run.details);
  if (!runs.length) return { element: h("p", { class: "empty" }, "Choose runs in the table to compare them.") };
  const element = h("div");
  let drawn = null;
  const draw = async (chosen) => {
    drawn = curves(runs, chosen, keys, app.source);
    fill(element, await compared(app, runs, drawn));
  };
  await draw(settings);
  return {
    element,
    async update(changed) {
      if (!runs.some((run) => changed.has(run.key))) return;
      await Promise.all(runs.map(async (run) => changed.has(run.key) && Object.assign(run, await read(app, run.key))));
      if (drawn.renew(runs)) element.querySelector("#metrics").replaceWith(metricSection(app, runs));
      else await draw(place().settings); // there are new metrics
    },
  };
}

async function read(app, key) {
  const [details, curves] = await Promise.all([app.source.details(key), app.source.curves(key)]);
  return { key, label: app.runs.label(app.runs.rows.get(key)), details, curves };
}

async function compared(app, runs, drawn) {
  const pair = runs.length > 1 ? [runs[0], runs[1]].sort((one, other) => one.details.started - other.details.started) : null;
  const comparison = pair && (await app.source.comparison(pair[0].key, pair[1].key));
  const differences = [
    ["params", "Params", rows(runs, (details) => details.params.map((one) => [one.name, one.value]))],
    ["packages", "Packages", rows(runs, (details) => [["Python", details.environment.packages?.python], ...Object.entries(details.environment.packages?.versions ?? {})])],
    ["data", "Data", rows(runs, (details) => details.datasets.map((data) => [[data.role, data.name].filter(Boolean).join(" "), `${data.rows ?? "?"} rows, ${data.fingerprint?.slice(0, 12) ?? "no fingerprint"}`]))],
    ["hardware", "Machine", rows(runs, (details) => machine(details))],
    ["run", "Run", rows(runs, (details) => facts(details))],
  ];
  return [
    h("h1", { class: "visually-hidden" }, "Compare"),
    chips(app, runs),
    pair && causes(runs, pair, comparison),
    drawn.element,
    metricSection(app, runs),
    differences.map(([id, title, found]) => differing(id, title, runs, found)),
    pair && code(runs, comparison?.code ?? []),
    alike(runs, differences),
  ];
}

function chips(app, runs) {
  const without = (key) => runs.map((run) => run.key).filter((one) => one !== key);
  return h("div", { class: "chips" }, runs.map(({ key, label, details }, index) => h("div", { class: "card chip" }, swatch(index), h("a", { href: address(`run/${key}`) }, h("bdi", {}, label)), h("span", { class: "muted" }, moment(details.started)), button("✕", () => {
    app.chosen.delete(key);
    go("compare", { runs: without(key) });
  }, { "aria-label": `leave out ${label}`, disabled: runs.length < 2 }))));
}

/** Likely causes of the difference between the first two runs, as `autotrack compare` finds them. */
function causes(runs, [before, after], found) {
  const title = runs.length === 2 ? "Likely causes of the difference" : `Likely causes of the difference between ${before.label} and ${after.label}`;
  if (!found) return section("causes", title, h("p", { class: "muted" }, "These were not worked out for this pair when the file was made. This command does:"), copyable(`autotrack compare ${before.details.id.slice(0, 8)} ${after.details.id.slice(0, 8)}`));
  const value = (run) => run.details.metrics[found.metric];
  const told = found.metric && value(before) && value(after) ? h("p", { class: "said" }, h("strong", {}, bestName(found.metric, [before, after])), ` ${short(best(value(before)))} in ${before.label}, ${short(best(value(after)))} in ${after.label}`, found.parting ? `; ${found.parting}` : "", ". The longer the bar, the likelier the cause.") : null;
  const items = found.causes.slice(0, 8).map((cause) => h("li", {}, h("span", { class: "sure", role: "img", "aria-label": `${Math.round(cause.confidence * 100)} of 100`, title: `how sure: ${Math.round(cause.confidence * 100)} of 100` }, h("span", { style: { width: `${cause.confidence * 100}%` } })), h("span", {}, h("strong", {}, cause.cause), " ", h("span", { class: "pill" }, cause.kind), h("div", { class: "muted" }, cause.evidence))));
  return section("causes", title, told, items.length ? h("ul", { class: "causes" }, items) : h("p", { class: "muted" }, found.problem ?? "Nothing differs that was recorded."));
}

function best(metric) {
  return number((metric.best ?? metric.last).value);
}

/** A metric by its name, as `best loss` where its best value is not always the last one. */
function bestName(name, runs) {
  const isAnother = (metric) => metric && number(metric.last.value) !== best(metric);
  return runs.some((run) => isAnother(run.details.metrics[name])) ? `best ${name}` : name;
}

/** Return the section of the curves, and `renew`, which draws newer ones; it returns false if there are others to draw. */
function curves(runs, settings, keys, source) {
  const names = drawnMetrics(runs);
  if (!names.length) return { element: null, renew: (newer) => !drawnMetrics(newer).length };
  const first = [...new Set(runs.flatMap((run) => run.details.judged_by))];
  const rank = (name) => (first.includes(name) ? first.indexOf(name) : first.length);
  names.sort((one, other) => rank(one) - rank(other));
  const lines = (name, of = runs) => of.map((run, index) => ({ label: run.label, curve: run.curves[name], started: run.details.started, index, part: source.part ? (first, after) => source.part(run.key, name, first, after) : null })).filter((line) => line.curve);
  const shown = names.slice(0, mostCharts);
  const axes = axesOf(shown.flatMap((name) => lines(name).map((line) => line.curve)).filter((curve) => curve.value.length > 1));
  const chosen = chartSettings(settings, axes);
  const zoom = new Zoom();
  const charts = shown.map((name, at) => chart(name, lines(name), chosen, { height: at ? 200 : 280, zoom }));
  const redraw = () => {
    charts.forEach((one) => one.redraw({ ...chosen }));
    remember("compare", { runs: keys, axis: chosen.axis === axes[0][0] ? "" : chosen.axis, log: chosen.log && "yes", smoothing: chosen.smoothing || "" });
  };
  const rest = names.length > shown.length ? h("p", { class: "note" }, `${names.length - shown.length} more metrics are in the table below`) : null;
  const element = section("curves", "Curves", h("div", { class: "bar" }, chartControls(axes, chosen, redraw)), charts[0], h("div", { class: "charts others" }, charts.slice(1)), rest);
  const renew = (newer) => {
    if (drawnMetrics(newer).some((name) => !names.includes(name))) return false;
    charts.forEach((one, at) => one.renew(lines(shown[at], newer)));
    return true;
  };
  return { element, renew };
}

function drawnMetrics(runs) {
  const names = [...new Set(runs.flatMap((run) => Object.keys(run.curves)))];
  return names.filter((name) => !name.startsWith("system/") && runs.some((run) => run.curves[name]?.value.length > 1));
}

function metricSection(app, runs) {
  const names = [...new Set(runs.flatMap((run) => [...run.details.judged_by, ...Object.keys(run.details.metrics)]))];
  const body = names.map((name) => {
    const values = runs.map((run) => (run.details.metrics[name] ? best(run.details.metrics[name]) : null));
    const finite = values.filter(Number.isFinite);
    const direction = app.runs.directions[name];
    const top = finite.length > 1 && direction ? Math[direction](...finite) : null;
    const arrow = { min: "less is better", max: "more is better" }[direction];
    return h("tr", {}, h("th", { scope: "row" }, bestName(name, runs), arrow ? [" ", h("span", { class: "note" }, arrow)] : null), values.map((value) => h("td", { class: value !== null && value === top ? "number best" : "number", title: exact(value) }, short(value, 6))));
  });
  return section("metrics", "Metrics", sideBySide("metrics", "metric", runs, body, true));
}

function sideBySide(title, head, runs, body, areNumbers = false) {
  const heads = runs.map((run, index) => h("th", { scope: "col", class: areNumbers ? "number" : null }, swatch(index), " ", h("bdi", {}, run.label)));
  return scrolling(`${title}, side by side`, h("table", { class: "facts" }, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, head), heads)), h("tbody", {}, body)));
}

/** Return the names and the values of all runs: `[name, values, whether they differ]`. */
function rows(runs, read) {
  const found = runs.map((run) => new Map(read(run.details)));
  const names = [...new Set(found.flatMap((one) => [...one.keys()]))];
  return names.map((name) => {
    const values = found.map((one) => one.get(name));
    return [name, values, new Set(values.map((value) => JSON.stringify(value))).size > 1];
  });
}

function differing(id, title, runs, found) {
  const differ = found.filter(([, , isDifferent]) => isDifferent);
  if (!differ.length) return null;
  const holder = h("div");
  const same = found.length - differ.length;
  const show = (all) => fill(holder, valueTable(id, title, runs, all ? found : differ));
  show(false);
  const box = same ? h("label", { class: "note" }, h("input", { type: "checkbox", onchange: (event) => show(event.target.checked) }), ` show the ${same === 1 ? "one" : same} in which they are the same`) : null;
  return section(id, title, holder, box);
}

/** What is the same in all runs, folded. */
function alike(runs, differences) {
  const same = differences.filter(([, , found]) => found.length && !found.some(([, , isDifferent]) => isDifferent));
  if (!same.length) return null;
  return section("same", "No difference", same.map(([id, title, found]) => folded(`${title} (${found.length})`, valueTable(id, title, runs, found))));
}

function valueTable(id, title, runs, found) {
  const row = ([name, values, isDifferent]) => h("tr", { class: isDifferent ? null : "same" }, h("th", { scope: "row" }, h("bdi", {}, name)), values.map((value) => h("td", {}, value === undefined ? h("span", { class: "muted" }, "—") : h("bdi", {}, exact(value)))));
  return sideBySide(title, id === "packages" ? "package" : "name", runs, found.slice(0, mostRows).map(row));
}

function machine({ environment: { hardware = {} }, system_facts }) {
  const kept = ["hostname", "cpu_model", "cpu_cores_usable", "memory_bytes", "container_cpu_cores", "container_memory_bytes"];
  return [...kept.filter((name) => hardware[name] !== undefined).map((name) => [name, hardware[name]]), ["GPUs", (hardware.gpus ?? []).map((gpu) => gpu.name).join(", ")], ...Object.entries(system_facts)];
}

function facts(details) {
  const { git } = details.environment;
  return [
    ["status", details.status],
    ["duration in seconds", details.duration_seconds],
    ["command", details.argv.join(" ")],
    ["commit", git?.commit],
    ["branch", git?.branch],
    ["not committed", [...(git?.changed ?? []), ...(git?.untracked ?? [])].join(", ")],
    ["frameworks", Object.entries(details.frameworks).map(([name, version]) => `${name} ${version}`).join(", ")],
    ...Object.entries(details.tags).map(([name, value]) => [`tag ${name}`, value]),
  ];
}

/** The source files that differ, and the changes that were not committed, where they are not the same. */
function code(runs, found) {
  const patches = runs.map((run) => run.details.patch?.text ?? "");
  const parts = found.map((file) => [h("h3", {}, file.file), diff(file.diff, `differences in ${file.file}`)]);
  if (new Set(patches).size > 1) parts.push(...runs.map((run, at) => [h("h3", {}, `Not committed in ${run.label}`), patches[at] ? diff(patches[at], `not committed in ${run.label}`) : h("p", { class: "muted" }, "nothing")]));
  else if (patches[0]) parts.push(h("p", { class: "muted" }, "The same changes were not committed in all of them."));
  return parts.length ? section("code", "Code", parts) : null;
}
