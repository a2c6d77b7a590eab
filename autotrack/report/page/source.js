// Where the page has its runs from: the file it is in. The tab of TensorBoard has another source, `server.js`.

import { Runs } from "./runs.js";

/** All that a file holds. Every method answers with a promise, because a server takes time. */
export class FileSource {
  constructor(document) {
    this.document = document;
    this.title = document.title;
    this.made = document.made;
    this.isLive = this.isAway = false;
    this.runs = new Runs(document.table);
  }

  /** Return one run in full. */
  async details(key) {
    const details = this.document.details[key];
    const captured = details?.environment?.packages;
    if (captured && !captured.versions) captured.versions = this.document.packages[captured.digest] ?? {};
    return details ?? null;
  }

  /** Return a few values of a metric of a run. */
  async spark(key, metric) {
    return this.document.curves[key]?.[metric]?.value ?? [];
  }

  /** Return the curves of a run, by metric. */
  async curves(key) {
    return this.document.curves[key] ?? {};
  }

  /** Return, for the most common metrics, which params explain them. */
  async importances() {
    return this.document.importances;
  }

  /** Return why two runs differ, the earlier one first; null if that was not worked out. */
  async comparison(before, after) {
    return this.document.comparisons[`${before} ${after}`] ?? null;
  }
}

/** Return the document of a file: JSON, packed with gzip, written as base64. */
export async function unpacked(text) {
  const packed = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}
