// Some runs side by side: why they differ, their curves, and everything in which they differ.

import { chart } from "./chart.js";
import { chartControls, chartSettings } from "./chart_controls.js";
import { axesOf } from "./curves.js";
import { button, h, scrolling } from "./dom.js";
import { copyable, diff, folded, section } from "./facts.js";
import { exact, moment, number, short } from "./format.js";
import { address, go, remember } from "./router.js";
import { lineStyle } from "./theme.js";
import { Zoom } from "./zoom.js";

const mostRuns = 24;
const mostCharts = 60;
const mostRows = 400;

/** Return a promise of the view of the runs that the address names; of the newest two, if it names none. */
export async function compareView(app, settings) {
  const shown = await read(app, settings);
  const drawn = shown.runs.length ? curves(shown.runs, settings, shown.keys, app.source) : null;
  const element = shown.runs.length ? await compared(app, shown.runs, drawn) : h("p", { class: "empty" }, "Choose runs in the table to compare them.");
  return {
    element,
    async update(keys) {
      if (!shown.keys.some((key) => keys.has(key))) return;
      drawn?.renew((await read(app, settings)).runs);
    },
  };
}

/** Read the runs that are compared. */
async function read(app, settings) {
  const named = (settings.get("runs") ?? "").split(",").filter((key) => app.runs.rows.has(key));
  const keys = (named.length ? named : app.runs.keys.slice(0, 2)).slice(0, mostRuns);
  keys.forEach((key) => app.chosen.add(key));
  const found = await Promise.all(keys.map(async (key) => ({ key, label: app.runs.label(app.runs.rows.get(key)), details: await app.source.details(key), curves: await app.source.curves(key) })));
  return { keys, runs: found.filter((run) => run.details) };
}

async function compared(app, runs, drawn) {
  const differences = [
    ["params", "Params", rows(runs, (details) => details.params.map((one) => [one.name, one.value]))],
    ["packages", "Packages", rows(runs, (details) => [["Python", details.environment.packages?.python], ...Object.entries(details.environment.packages?.versions ?? {})])],
    ["data", "Data", rows(runs, (details) => details.datasets.map((data) => [[data.role, data.name].filter(Boolean).join(" "), `${data.rows ?? "?"} rows, ${data.fingerprint?.slice(0, 12) ?? "no fingerprint"}`]))],
    ["hardware", "Machine", rows(runs, (details) => machine(details))],
    ["run", "Run", rows(runs, (details) => facts(details))],
  ];
  return h(
    "div",
    {},
    h("h1", { class: "visually-hidden" }, "Compare"),
    chips(app, runs),
    await causes(app, runs),
    drawn?.element,
    section("metrics", "Metrics", metricTable(app, runs)),
    differences.map(([id, title, found]) => differing(id, title, runs, found)),
    await code(app, runs),
    alike(runs, differences),
  );
}

function chips(app, runs) {
  const without = (key) => runs.map((run) => run.key).filter((one) => one !== key);
  return h("div", { class: "chips" }, runs.map(({ key, label, details }, index) => h("div", { class: "card chip" }, swatch(index), h("a", { href: address(`run/${key}`) }, h("bdi", {}, label)), h("span", { class: "muted" }, moment(details.started)), button("✕", () => {
    app.chosen.delete(key);
    go("compare", { runs: without(key) });
  }, { "aria-label": `leave out ${label}`, disabled: runs.length < 2 }))));
}

const swatch = (index) => h("span", { class: lineStyle(index).dash.length ? "swatch dashed" : "swatch", style: { "border-color": lineStyle(index).colour } });

/** Likely causes of the difference between the first two runs, as `autotrack compare` finds them. */
async function causes(app, runs) {
  if (runs.length < 2) return null;
  const [before, after] = [runs[0], runs[1]].sort((one, other) => one.details.started - other.details.started);
  const found = await app.source.comparison(before.key, after.key);
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

function curves(runs, settings, keys, source) {
  const names = [...new Set(runs.flatMap((run) => Object.keys(run.curves)))].filter((name) => !name.startsWith("system/") && runs.some((run) => run.curves[name]?.value.length > 1));
  if (!names.length) return null;
  const first = [...new Set(runs.flatMap((run) => run.details.judged_by))];
  const place = (name) => (first.includes(name) ? first.indexOf(name) : first.length);
  names.sort((one, other) => place(one) - place(other));
  const lines = (name, of = runs) => of.map((run, index) => ({ label: run.label, curve: run.curves[name], started: run.details.started, index, part: source.part ? (first, after) => source.part(run.key, name, first, after) : null })).filter((line) => line.curve);
  const shown = names.slice(0, mostCharts);
  const axes = axesOf(shown.flatMap((name) => lines(name).map((line) => line.curve)).filter((curve) => curve.value.length > 1));
  const chosen = chartSettings(settings, axes);
  const zoom = new Zoom();
  const charts = shown.map((name, at) => chart(name, lines(name), chosen, { height: at ? 200 : 280, zoom }));
  charts[0].classList.add("wide");
  const redraw = () => {
    charts.forEach((one) => one.redraw({ ...chosen }));
    remember("compare", { runs: keys, axis: chosen.axis === axes[0][0] ? "" : chosen.axis, log: chosen.log && "yes", smoothing: chosen.smoothing || "" });
  };
  const rest = names.length > shown.length ? h("p", { class: "note" }, `${names.length - shown.length} more metrics are in the table below`) : null;
  const element = section("curves", "Curves", h("div", { class: "bar" }, chartControls(axes, chosen, redraw)), h("div", { class: "charts" }, charts), rest);
  return { element, renew: (newer) => charts.forEach((one, at) => one.renew(lines(shown[at], newer))) };
}

function metricTable(app, runs) {
  const names = [...new Set(runs.flatMap((run) => [...run.details.judged_by, ...Object.keys(run.details.metrics)]))];
  const body = names.map((name) => {
    const values = runs.map((run) => (run.details.metrics[name] ? best(run.details.metrics[name]) : null));
    const finite = values.filter(Number.isFinite);
    const direction = app.runs.directions[name];
    const top = finite.length > 1 && direction ? Math[direction](...finite) : null;
    const arrow = { min: "less is better", max: "more is better" }[direction];
    return h("tr", {}, h("th", { scope: "row" }, bestName(name, runs), arrow ? [" ", h("span", { class: "note" }, arrow)] : null), values.map((value) => h("td", { class: value !== null && value === top ? "number best" : "number", title: exact(value) }, short(value, 6))));
  });
  return sideBySide("metrics", "metric", runs, body, true);
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
  const place = h("div");
  const same = found.length - differ.length;
  const show = (all) => place.replaceChildren(valueTable(id, title, runs, all ? found : differ));
  show(false);
  const box = same ? h("label", { class: "note" }, h("input", { type: "checkbox", onchange: (event) => show(event.target.checked) }), ` show the ${same} in which they are the same`) : null;
  return section(id, title, place, box);
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

function machine({ environment: { hardware = {} } }) {
  const kept = ["hostname", "os_name", "cpu_model", "cpu_cores_usable", "memory_bytes", "container_cpu_cores", "container_memory_bytes"];
  return [...kept.filter((name) => hardware[name] !== undefined).map((name) => [name, hardware[name]]), ["GPUs", (hardware.gpus ?? []).map((gpu) => gpu.name).join(", ")]];
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
async function code(app, runs) {
  if (runs.length < 2) return null;
  const [before, after] = [runs[0], runs[1]].sort((one, other) => one.details.started - other.details.started);
  const found = (await app.source.comparison(before.key, after.key))?.code ?? [];
  const patches = runs.map((run) => run.details.patch?.text ?? "");
  const parts = found.map((file) => [h("h3", {}, file.file), diff(file.diff)]);
  if (new Set(patches).size > 1) parts.push(...runs.map((run, at) => [h("h3", {}, `Not committed in ${run.label}`), patches[at] ? diff(patches[at]) : h("p", { class: "muted" }, "nothing")]));
  else if (patches[0]) parts.push(h("p", { class: "muted" }, "The same changes were not committed in all of them."));
  return parts.length ? section("code", "Code", parts) : null;
}
