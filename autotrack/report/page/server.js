// Where the tab of TensorBoard has its runs from: a server that is asked again and again, as long as somebody looks.

import { merged, Runs } from "./runs.js";

const soon = 30;

/** `home` is the address below which the server answers. */
export class ServerSource {
  constructor(home) {
    this.home = home;
    this.title = "Runs";
    this.made = null;
    this.isLive = true;
    this.isAway = false;
    this.againAfter = 3;
    this.version = "";
    this.table = { keys: [], columns: [], configurations: [], directions: {}, judged_by: [] };
    this.runs = new Runs(this.table);
    this.waiting = new Map();
    this.sparks = new Map();
  }

  /**
   * Ask again and again for what has changed since the last `refresh`. `changed(keys)` is called when something has, and
   * `answered()` when the server, which had not answered, does so again, or the other way round.
   */
  follow(changed, answered) {
    const again = async () => {
      const wasAway = this.isAway;
      try {
        const keys = isLookedAt() ? await this.refresh() : null;
        if (keys) await changed(keys);
      } catch (error) {
        console.info(`autotrack: ${error.message}`);
      }
      if (this.isAway !== wasAway) answered();
      setTimeout(again, this.againAfter * 1000);
    };
    setTimeout(again, this.againAfter * 1000);
  }

  /** Ask for what has changed. Returns the keys of those runs, or null if there is nothing new. */
  async refresh() {
    const answer = await this.ask("runs", { since: this.version }).catch((error) => {
      this.isAway = true; // it has ended, or is started anew
      throw error;
    });
    this.isAway = false;
    this.made = answer.made;
    this.againAfter = answer.again_after;
    if (answer.version === this.version) return null;
    this.version = answer.version;
    this.table = answer.table ?? merged(this.table, answer.changed);
    this.runs = new Runs(this.table);
    const keys = new Set((answer.table ?? answer.changed).keys);
    for (const known of this.sparks.keys()) if (keys.has(known.split(" ")[0])) this.sparks.delete(known);
    return keys;
  }

  async ask(path, settings) {
    const response = await fetch(new URL(`${path}?${new URLSearchParams(settings)}`, this.home));
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error ?? response.statusText);
    return answer;
  }

  async details(key) {
    return this.ask("run", { key });
  }

  async curves(key) {
    return this.ask("curves", { key });
  }

  /** Return the points of a curve from one place to before another one. */
  async part(key, metric, first, after) {
    return this.ask("part", { key, metric, first, after });
  }

  async importances() {
    return this.ask("importances", {});
  }

  async comparison(before, after) {
    return this.ask("comparison", { before, after });
  }

  /** Return a few values of a metric of a run. What is asked for at about the same time becomes one request. */
  spark(key, metric) {
    const known = `${key} ${metric}`;
    if (!this.sparks.has(known)) this.sparks.set(known, this.askForSpark(key, metric));
    return this.sparks.get(known);
  }

  askForSpark(key, metric) {
    if (!this.waiting.has(metric)) {
      const keys = [];
      const answer = new Promise((done) => setTimeout(done, soon)).then(() => {
        this.waiting.delete(metric);
        return this.ask("sparks", { metric, keys: keys.join(",") });
      });
      this.waiting.set(metric, { keys, answer });
    }
    const { keys, answer } = this.waiting.get(metric);
    keys.push(key);
    return answer.then((found) => found[key] ?? [], () => []);
  }
}

/** Whether the page is in front: TensorBoard hides the tabs that are not. */
function isLookedAt() {
  return document.visibilityState === "visible" && document.documentElement.clientWidth > 0;
}
