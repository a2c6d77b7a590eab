// The page: its head, and the view that its address names.

import { compareView } from "./compare_view.js";
import { button, fill, h } from "./dom.js";
import { moment } from "./format.js";
import { address, onMove, place } from "./router.js";
import { runView } from "./run_view.js";
import { runsView } from "./runs_view.js";
import { searchView } from "./search_view.js";
import { isDark, setTheme, whenThemed } from "./theme.js";

const views = [["runs", "Runs"], ["compare", "Compare"], ["search", "Search"]];

/** Show the page in an element. `source` is where its runs come from. */
export async function start(source, element) {
  const app = new App(source);
  fill(element, app.head, app.main);
  document.title = source.title;
  onMove(() => app.move());
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
    whenThemed(theme, () => (theme.textContent = themeName()));
    this.head = h("header", { class: "head" }, h("span", { class: "title" }, source.title), this.nav, this.made, theme);
  }

  get runs() {
    return this.source.runs;
  }

  /** Go where the address leads now, with the focus, so that keys go on from there. */
  async move() {
    await this.show();
    if (document.activeElement === document.body) this.main.focus({ preventScroll: true });
  }

  /** Show the view that the address names. */
  async show() {
    const { view, settings } = place();
    const asked = (this.asked = {});
    const current = view.split("/")[0];
    const chosen = this.chosen.size > 1 ? { runs: [...this.chosen] } : {};
    fill(this.nav, views.map(([id, title]) => h("a", { href: address(id, id === "compare" ? chosen : {}), "aria-current": id === current ? "page" : null }, title)));
    this.showMade();
    this.main.setAttribute("aria-busy", "true");
    const shown = await this.viewOf(view, settings).catch((error) => {
      console.error(error);
      return { element: h("p", { class: "empty error" }, `This cannot be shown: ${error.message}`) };
    });
    if (this.asked !== asked) return; // another view was asked for meanwhile
    this.view = shown;
    fill(this.main, shown.element);
    this.main.removeAttribute("aria-busy");
    scrollTo(0, 0);
  }

  /** Show what has changed: runs with these keys. */
  async update(keys) {
    this.showMade();
    await (this.view.update ? this.view.update(keys) : this.show());
  }

  showMade() {
    const { made, isLive, isAway } = this.source;
    this.made.textContent = made ? `${isAway ? "no answer from TensorBoard, " : ""}as of ${moment(made, { withSeconds: isLive })}` : "";
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
