// The page: its head, and the view that its address names.

import { compareView } from "./compare_view.js";
import { button, fill, h } from "./dom.js";
import { moment } from "./format.js";
import { address, onMove, place } from "./router.js";
import { runView } from "./run_view.js";
import { runsView } from "./runs_view.js";
import { searchView } from "./search_view.js";
import { isDark, setTheme } from "./theme.js";

const views = [["runs", "Runs"], ["compare", "Compare"], ["search", "Search"]];

/** Show the page in an element. `source` is where its runs come from. */
export async function start(source, element) {
  const app = new App(source);
  fill(element, app.head, app.main);
  document.title = source.title;
  onMove(() => app.show());
  await app.show();
  return app;
}

class App {
  constructor(source) {
    this.source = source;
    this.chosen = new Set();
    this.nav = h("nav", { "aria-label": "views" });
    this.main = h("main", { tabindex: "-1" });
    this.made = h("span", { class: "made" });
    const theme = button(themeName(), () => setTheme(!isDark(), { keep: true }), { class: "theme", "aria-label": "dark or light" });
    document.addEventListener("theme", () => (theme.textContent = themeName()));
    this.head = h("header", { class: "head" }, h("span", { class: "title" }, source.title), this.nav, this.made, theme);
  }

  get runs() {
    return this.source.runs;
  }

  /** Show the view that the address names. */
  async show() {
    const { view, settings } = place();
    const current = view.split("/")[0];
    const chosen = this.chosen.size > 1 ? { runs: [...this.chosen] } : {};
    fill(this.nav, views.map(([id, title]) => h("a", { href: address(id, id === "compare" ? chosen : {}), "aria-current": id === current ? "page" : null }, title)));
    this.showMade();
    try {
      this.view = await this.viewOf(view, settings);
    } catch (error) {
      console.error(error);
      this.view = { element: h("p", { class: "empty error" }, `This cannot be shown: ${error.message}`) };
    }
    fill(this.main, this.view.element);
    scrollTo(0, 0);
  }

  /** Show what has changed: runs with these keys. */
  update(keys) {
    this.showMade();
    if (this.view.update) this.view.update(keys);
    else this.show();
  }

  showMade() {
    this.made.textContent = this.source.made ? `as of ${moment(this.source.made, { withSeconds: this.source.isLive })}` : "";
  }

  async viewOf(view, settings) {
    if (!this.runs.length) return { element: h("p", { class: "empty" }, "There are no runs here yet.") };
    if (view.startsWith("run/")) return runView(this, view.slice(4), settings);
    if (view === "compare") return compareView(this, settings);
    if (view === "search") return searchView(this, settings);
    return runsView(this, settings);
  }
}

const themeName = () => (isDark() ? "☀" : "☾");
