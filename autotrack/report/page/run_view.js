// The view of one run: what came of it, and everything that was recorded.

import { diff } from "./diff.js";
import { fill, focusIn, h } from "./dom.js";
import { copyable, facts, folded, section, table } from "./facts.js";
import { amount, bytes, duration, exact, moment, number, short } from "./format.js";
import { log } from "./log.js";
import { plots } from "./plots.js";
import { isDrawnOfPoints, pointCurves } from "./point_curves.js";
import { children, isRelative, relatives } from "./relatives.js";
import { address, place, rememberAlso } from "./router.js";
import { RunCharts } from "./run_charts.js";
import { statusClass } from "./table_columns.js";
import { tablesSection } from "./tables.js";
import { curveColour } from "./theme.js";
import { titleOfTrials, trials } from "./trials.js";

/** Return a promise of the view of the run with this key: its `element`, and `update`, which shows what is new. */
export async function runView(app, key, settings) {
  const view = new RunView(app, key, settings);
  await view.load();
  return view;
}

class RunView {
  constructor(app, key, settings) {
    Object.assign(this, { app, key, settings });
    this.element = h("div", { class: "run" });
  }

  async load() {
    const [run, curves] = [await this.app.source.details(this.key), await this.app.source.curves(this.key)];
    if (!run) return fill(this.element, h("p", { class: "empty" }, "There is no such run here. ", h("a", { href: "#runs" }, "All runs")));
    this.run = run;
    this.charts = new RunCharts(run, curves, this.key, this.settings, this.app.source);
    const sections = this.parts(this.charts);
    const jump = (one) => (event) => (event.preventDefault(), one.scrollIntoView());
    const links = sections.slice(1).map((one) => h("a", { href: `#${one.id}`, onclick: jump(one) }, one.querySelector("h2").textContent));
    return fill(this.element, h("nav", { class: "contents", "aria-label": "parts of this run" }, links), h("div", {}, sections));
  }

  parts(charts) {
    return parts.map((part) => part(this.run, charts, this.app.runs)).filter(Boolean);
  }

  /** Show what is new, if this run or one that belongs to it has changed, without a change to what somebody looks at. */
  async update(keys) {
    if (keys.has(this.key)) {
      const [run, curves] = [await this.app.source.details(this.key), await this.app.source.curves(this.key)];
      if (!this.charts?.renew(run, curves)) {
        this.settings = place().settings;
        return this.load(); // there are new metrics
      }
      this.run = run;
    } else if (!this.run || ![...keys].some((key) => isRelative(this.run, key, this.app.runs))) return undefined;
    const newer = this.parts({});
    const olderOf = (one) => this.element.querySelector(`[data-part="${one.dataset.part}"]`);
    if (newer.some((one) => !olderOf(one))) return this.load(); // the run has failed, say, and has a traceback now
    for (const one of newer) {
      const older = olderOf(one);
      if (one.querySelector(".charts") || older.querySelector(".charts")) renewTables(older, one);
      else if (older.textContent !== one.textContent && !isInUse(older)) replaceAlike(older, one);
    }
    return undefined;
  }
}

/** Whether somebody types in a part of the view, or looks at what was found there. */
function isInUse(part) {
  const { activeElement } = document;
  return (part.contains(activeElement) && activeElement.dataset.same === undefined) || Boolean(part.querySelector('input[type="search"]')?.value);
}

/** Replace a part of the view by a newer one, which is as far unfolded and scrolled; what was at its end stays there. */
function replaceAlike(older, newer) {
  const pairs = (selector) => [...older.querySelectorAll(selector)].map((one, at) => [one, newer.querySelectorAll(selector)[at]]).filter(([, other]) => other);
  for (const [one, other] of pairs("details")) other.open = one.open;
  const scrolled = pairs(".log, .diff, .scroll").map(([one, other]) => [other, one.scrollLeft, one.scrollTop, one.scrollTop > 0 && one.scrollTop + one.clientHeight >= one.scrollHeight - 2]);
  const focus = focusIn(older);
  older.replaceWith(newer);
  focus(newer);
  for (const [one, left, top, isAtEnd] of scrolled) one.scrollTo(left, isAtEnd ? one.scrollHeight : top);
}

/** Show newer numbers beside the charts, which stay: they show newer points themselves. */
function renewTables(older, newer) {
  for (const kind of ["dl.numbers", "table.facts"]) older.querySelector(kind)?.replaceWith(...[newer.querySelector(kind)].filter(Boolean));
}

function headline(run, _, runs) {
  const [judge] = run.judged_by;
  const summary = [
    h("span", { class: `status ${statusClass(run.status)}` }, run.status),
    run.duration_seconds === null ? null : h("span", {}, `took ${duration(run.duration_seconds)}`),
    h("span", { class: "muted" }, `started ${moment(run.started)}`),
    h("span", { class: "muted" }, Object.entries(run.frameworks).map(([name, version]) => `${name} ${version}`).join(", ")),
  ];
  const tags = Object.entries(run.tags).map(([name, value]) => h("span", { class: "pill" }, `${name}: ${value}`));
  return h(
    "header",
    { class: "card verdict", "data-part": "verdict" },
    h("p", { class: "muted" }, h("a", { href: address("runs", { where: `experiment == ${JSON.stringify(run.experiment)}` }) }, h("bdi", {}, run.experiment))),
    h("h1", {}, h("bdi", {}, run.name)),
    h("div", { class: "line" }, summary),
    run.standing ? h("p", { class: "line rank" }, run.standing) : judge ? h("p", { class: "line rank" }, `${judge} ${short(number(run.metrics[judge].best?.value ?? run.metrics[judge].last.value))}`) : null,
    run.since ? h("p", { class: "since" }, run.since) : null,
    relatives(run, runs),
    run.error ? h("p", { class: "line error" }, run.error) : null,
    run.stop_reason ? h("p", { class: "line" }, `stopped early: ${run.stop_reason}`) : null,
    run.registered?.length ? h("div", { class: "line" }, run.registered.map((one) => h("span", { class: "pill" }, h("bdi", {}, versionName(one))))) : null,
    tags.length ? h("div", { class: "line" }, tags) : null,
    run.texts.note ? h("p", { class: "line" }, run.texts.note) : null,
  );
}

function metrics(run, charts) {
  const names = Object.keys(run.metrics);
  if (!names.length) return null;
  const main = run.judged_by.slice(0, 4).map((name) => figure(name, run.metrics[name]));
  return section(
    "metrics",
    "Metrics",
    main.length ? h("dl", { class: "numbers" }, main) : null,
    charts.element,
    h("h3", {}, "All metrics"),
    table(["metric", "last", "best", "at", "points", "source"], names.map((name) => metricRow(name, run.metrics[name])), [1, 2, 4], { withoutEmpty: true }),
  );
}

function figure(name, metric) {
  const point = metric.best ?? metric.last;
  return h("div", {}, h("dt", {}, name), h("dd", {}, short(number(point.value), 5), h("small", {}, (metric.count ?? 0) < 2 ? "the only value" : metric.best ? `best ${where(point)}` : "last")));
}

function metricRow(name, metric) {
  const best = metric.best && (metric.count ?? 0) > 1 ? metric.best : null;
  return [name, short(number(metric.last.value), 6), best ? short(number(best.value), 6) : "", best ? where(best) : "", String(metric.count ?? 0), metric.source ?? ""];
}

function where(point) {
  if (point.epoch !== undefined && point.epoch !== null) return `in epoch ${point.epoch}`;
  return point.step !== undefined && point.step !== null ? `at step ${point.step}` : "";
}

function trialsSection(run) {
  const sort = place().settings.get("trials") ?? "";
  return run.trials.length ? section("trials", titleOfTrials(run), pointCurves(run), trials(run, { sort, changed: (trials) => rememberAlso({ trials }) })) : null;
}

function plotsSection(run) {
  const shown = run.plots.filter((plot) => !isDrawnOfPoints(run, plot));
  return shown.length ? section("plots", "Plots", plots(shown)) : null;
}

/** The params that somebody gave, or that differ from their default; then all others, by their source. */
function params(run) {
  if (!run.params.length) return null;
  const set = run.params.filter((one) => !one.is_default);
  const given = set.some((one) => one.is_given) ? set.filter((one) => one.is_given) : set;
  const left = run.params.filter((one) => one.is_default);
  const groups = Map.groupBy(set.filter((one) => !given.includes(one)), (one) => one.sources[0] ?? "");
  return section(
    "params",
    "Params",
    given.length ? paramTable(given) : null,
    Array.from(groups, ([source, rows]) => folded(`${source || "others"} (${rows.length})`, paramTable(rows))),
    left.length ? folded(`left at their default (${left.length})`, paramTable(left)) : null,
  );
}

function paramTable(params) {
  const rows = params.map((one) => [one.name, exact(one.value), one.sources.join(", "), one.is_default ? "" : (asShown[one.default] ?? one.default)]);
  return table(["param", "value", "source", "default"], rows, [], { withoutEmpty: true });
}

const asShown = { True: "true", False: "false", None: "none" };

function load(run, charts) {
  const names = Object.keys(run.system).sort();
  if (!names.length) return null;
  const rows = names.map((name) => [name, amount(name, run.system[name].mean), amount(name, run.system[name].max)]);
  const whole = table(["load", "mean", "most"], rows, [1, 2]);
  return section("load", "System load", charts.load, charts.load ? folded("over the whole run", whole) : whole);
}

const rest = "everything else";

/** Where the time of the run went, as far as it was measured. */
function timeSpent(run) {
  const { parts, total, note } = run.time_spent ?? { parts: [] };
  if (!parts.length) return null;
  const share = (seconds) => `${Math.round((100 * seconds) / total)} %`;
  const bar = h("div", { class: "shares", role: "img", "aria-label": parts.map(([name, seconds]) => `${name} ${share(seconds)}`).join(", ") }, parts.map(([, seconds], index) => h("span", { style: { width: `${(100 * seconds) / total}%`, background: curveColour(index) } })));
  const rows = parts.map(([name, seconds], index) => [h("span", {}, h("span", { class: "dot", style: { background: curveColour(index) } }), " ", name), duration(seconds), share(seconds)]);
  return section("time", "Where the time went", bar, table(["part", "took", "share"], rows, [1, 2]), h("p", { class: "note" }, [note, parts.some(([name]) => name === rest) ? `${rest} is what was not measured, such as setting up, tests, and code between epochs` : ""].filter(Boolean).join("; ")));
}

function traceback(run) {
  return run.traceback ? section("traceback", "Traceback", h("div", { class: "from-end" }, copyable(run.traceback))) : null;
}

function output(run) {
  const parts = [];
  if (run.output?.text) {
    const isCut = run.output.bytes > run.output.text.length + 2000;
    parts.push(log(run.output.text, isCut ? `the end of ${bytes(run.output.bytes)}` : ""));
  }
  return parts.length ? section("output", "Output", parts) : null;
}

function environment(run) {
  const { git, hardware, packages, process, ...others } = run.environment;
  const versions = Object.entries(packages?.versions ?? {});
  const parts = [
    facts([
      ["command", run.argv.join(" ")],
      ["folder", run.cwd],
      ["commit", git?.commit && `${git.commit}${git.branch ? ` (${git.branch})` : ""}`],
      ["not committed", [...(git?.changed ?? []), ...(git?.untracked ?? [])].join(", ")],
      ["Python", packages?.python ?? run.python],
      ["machine", [hardware?.hostname, hardware?.cpu_model, hardware?.memory_bytes && bytes(hardware.memory_bytes)].filter(Boolean).join(", ")],
      ["GPUs", (hardware?.gpus ?? []).map((gpu) => gpu.name).join(", ")],
      ["system", Object.entries(run.system_facts).map(([name, value]) => `${name} ${value}`).join(", ")],
      ["run folder", run.folder],
      ["cost of autotrack", run.overhead_seconds === null ? null : duration(run.overhead_seconds)],
    ]),
  ];
  if (run.patch?.text) parts.push(h("h3", {}, "Changes that were not committed"), diff(run.patch.text, "changes that were not committed"));
  if (versions.length) parts.push(folded(`${versions.length} packages`, table(["package", "version"], versions)));
  const more = { hardware, process, git, ...others };
  const rows = Object.entries(more).flatMap(([kind, values]) => Object.entries(values ?? {}).map(([name, value]) => [`${kind}.${name}`, exact(value)]));
  if (rows.length) parts.push(folded("everything that was captured", table(["fact", "value"], rows)));
  return section("environment", "Code and environment", parts);
}

function datasets(run) {
  if (!run.datasets.length) return null;
  const rows = run.datasets.map((data) => [[data.role, data.name].filter(Boolean).join(" "), [data.kind, data.dtype, (data.shape ?? []).join(" × ")].filter(Boolean).join(", "), data.rows === null || data.rows === undefined ? "" : data.rows.toLocaleString("en"), data.fingerprint ? `${data.fingerprint.slice(0, 12)} (${Math.round((data.covered ?? 0) * 100)} % of it)` : "", Object.entries(data.shared_rows ?? {}).map(([role, rows]) => `${rows} with ${role}`).join(", ")]);
  const schemas = run.datasets.filter((data) => Object.keys(data.schema ?? {}).length).map((data) => folded(`schema of ${[data.role, data.name].filter(Boolean).join(" ")}`, facts(Object.entries(data.schema))));
  return section("data", "Data sets", table(["data", "what", "rows", "fingerprint", "rows in common"], rows, [2]), schemas);
}

function files(run) {
  if (!run.artifacts.length) return null;
  const rows = run.artifacts.map((file) => [file.path, [file.kind, ...(file.roles ?? [])].join(", "), bytes(file.bytes ?? 0), where(file), Object.entries(file.metrics ?? {}).map(([name, value]) => `${name} ${short(number(value))}`).join(", ")]);
  return section("files", "Checkpoints and files", table(["file", "kind", "size", "saved", "metrics"], rows, [2], { withoutEmpty: true }));
}

/** The models that were kept, the versions they have become, and what such a version comes from. */
function models(run) {
  const [kept, versions] = [run.models ?? [], run.registered ?? []];
  if (!kept.length && !versions.length) return null;
  const weights = (one) => [one.weights ?? "last", where(one)].filter(Boolean).join(" ");
  const measures = (one) => Object.entries(one.metrics ?? {}).map(([name, value]) => `${name} ${short(number(value))}`).join(", ");
  const loaders = (one) => Object.keys(one.flavors ?? {}).join(", ");
  const registered = versions.map((one) => [versionName(one), weights(one), measures(one), `${moment(one.registered)} by ${one.by}`, one.description]);
  return section(
    "models",
    "Models",
    kept.length ? table(["folder", "weights", "metrics", "loaded by"], kept.map((one) => [one.path, weights(one), measures(one), loaders(one)]), [], { withoutEmpty: true }) : null,
    registered.length ? [h("h3", {}, "Registered as"), table(["version", "weights", "metrics", "registered", "description"], registered)] : null,
    versions.map((one) => folded(`where ${one.name}/${one.version} comes from`, lineage(run, one))),
  );
}

function versionName(one) {
  return [`${one.name}/${one.version}`, ...one.aliases.map((alias) => `@${alias}`)].join(" ");
}

function lineage(run, one) {
  const uncommitted = [...(one.code.changed ?? []), ...(one.code.untracked ?? [])].length;
  return facts([
    ["run", run.name],
    ["command", run.argv.join(" ")],
    ["code", [one.code.commit ?? one.code.kept_in, one.code.branch && `(${one.code.branch})`, uncommitted && `${uncommitted} uncommitted files`].filter(Boolean).join(" ")],
    ["data", one.datasets.map((data) => [data.role, data.name, data.fingerprint?.slice(0, 12)].filter(Boolean).join(" ")).join(", ")],
    ["packages", Object.entries(one.packages).map(([name, version]) => `${name} ${version}`).join(", ")],
    ["runs before it", one.runs_before.length ? h("span", {}, one.runs_before.map((other) => [`${other.how} `, h("a", { href: address(`run/${other.id}`) }, other.id), " "])) : null],
    ["files", one.folder],
    ["tags", Object.entries(one.tags).map(([name, value]) => `${name}=${value}`).join(", ")],
  ]);
}

function texts(run) {
  const shown = Object.entries(run.texts).filter(([name]) => !["note", "changes"].includes(name));
  return shown.length ? section("texts", "Texts", shown.map(([name, text]) => [h("h3", {}, name), h("pre", { class: "log" }, text)])) : null;
}

function notices(run) {
  const rows = [...run.notices.map((notice) => [notice.about, notice.message]), ...run.left_out.map((text) => ["not read", text])];
  return rows.length ? section("notices", "Notices", table(["about", "what autotrack says"], rows)) : null;
}

function repeat(run) {
  if (!run.repeat.length) return null;
  const [command, ...byHand] = run.repeat;
  return section("repeat", "To repeat it", h("p", { class: "said" }, "In a fresh folder, with the recorded code and packages:"), copyable(command), byHand.length ? [h("p", { class: "said", style: { "margin-top": "10px" } }, "By hand:"), copyable(byHand.join("\n"))] : null);
}

const parts = [headline, traceback, metrics, (run, _, runs) => children(run, runs), trialsSection, plotsSection, load, timeSpent, params, output, environment, datasets, models, files, tablesSection, texts, notices, repeat];
