// The page: its head, and the view that its address names.

import { compareView } from "./compare_view.js";
import { button, fill, h } from "./dom.js";
import { moment } from "./format.js";
import { address, onMove, place } from "./router.js";
import { runView } from "./run_view.js";
import { runsView } from "./runs_view.js";
import { isDark, setTheme } from "./theme.js";

const views = [["runs", "Runs"], ["compare", "Compare"]];

/** Show the page in an element. `source` is where its runs come from. */
export function start(source, element) {
  const app = { source, runs: source.runs, chosen: new Set() };
  const nav = h("nav", { "aria-label": "views" });
  const main = h("main", { tabindex: "-1" });
  const theme = button(themeName(), () => setTheme(!isDark(), { keep: true }), { class: "theme", "aria-label": "dark or light" });
  document.addEventListener("theme", () => (theme.textContent = themeName()));
  fill(element, h("header", { class: "head" }, h("span", { class: "title" }, source.title), nav, h("span", { class: "made" }, source.made ? `as of ${moment(source.made)}` : ""), theme), main);
  document.title = source.title;

  async function show() {
    const { view, settings } = place();
    const current = view.split("/")[0];
    fill(nav, views.map(([id, title]) => h("a", { href: address(id, id === "compare" && app.chosen.size > 1 ? { runs: [...app.chosen] } : {}), "aria-current": id === current ? "page" : null }, title)));
    let content;
    try {
      content = await viewOf(app, view, settings);
    } catch (error) {
      console.error(error);
      content = h("p", { class: "empty error" }, `This cannot be shown: ${error.message}`);
    }
    fill(main, content);
    scrollTo(0, 0);
  }

  onMove(show);
  return show();
}

async function viewOf(app, view, settings) {
  if (!app.runs.length) return h("p", { class: "empty" }, "There are no runs here yet.");
  if (view.startsWith("run/")) return runView(app, view.slice(4), settings);
  if (view === "compare") return compareView(app, settings);
  return runsView(app, settings);
}

const themeName = () => (isDark() ? "☀" : "☾");
