// A patch, line by line: what was added and what was removed, where, and the code in colours.

import { colouredLines } from "./code_colours.js";
import { fill, h } from "./dom.js";
import { whenSeen } from "./seen.js";

const tags = { added: "ins", removed: "del" };
const signs = { "+": "added", "-": "removed", "\\": "muted" };

/** Return a unified diff of any number of files, such as git makes it, to be read; `label` says of what. */
export function diff(text, label) {
  const parts = partsOf(text.replace(/\n$/, "").split("\n"));
  return h("div", { class: "diff mono", tabindex: "0", role: "region", "aria-label": label }, parts.map((part) => (part.lines ? hunk(part) : h("span", { class: kindOfHead(part.head) }, part.head))));
}

/** Return the lines that stand before and between hunks, as `{ head }`, and the hunks, as `{ name, lines }`. */
function partsOf(texts) {
  const parts = [];
  let [name, lines, old, now] = ["", [], [0, 0], [0, 0]]; // of both sides: the next line, and how many are to come
  for (const text of texts) {
    const isInside = old[1] > 0 || now[1] > 0 || (lines.length > 0 && text.startsWith("\\"));
    const place = isInside ? null : /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(text);
    if (isInside) {
      const kind = signs[text[0]] ?? null;
      lines.push({ text, kind, at: kind === "muted" ? "" : kind === "removed" ? old[0] : now[0] });
      if (kind === "added" || kind === null) now = [now[0] + 1, now[1] - 1];
      if (kind === "removed" || kind === null) old = [old[0] + 1, old[1] - 1];
      continue;
    }
    lines = [];
    name = /^(?:\+\+\+|---) (?!\/dev\/null|patch\/)(?:[ab]\/)?([^\t]+)/.exec(text)?.[1] ?? name;
    parts.push({ head: text });
    if (!place) continue;
    [old, now] = [[Number(place[1]), Number(place[2] ?? 1)], [Number(place[3]), Number(place[4] ?? 1)]];
    parts.push({ name, lines });
  }
  return parts;
}

function kindOfHead(line) {
  if (line.startsWith("diff --git")) return "file";
  if (line.startsWith("@@")) return "place";
  return /^(\+\+\+|---|index |new file|deleted file|old mode|new mode|similarity|rename|copy)/.test(line) ? "muted" : null;
}

/** Return the lines of a hunk. They get their colours when somebody sees them: a patch may have thousands. */
function hunk({ name, lines }) {
  const shown = lines.map(({ text, kind, at }) => h(tags[kind] ?? "span", { class: kind, dataset: { at } }, h("b", {}, text.slice(0, 1)), text.slice(1)));
  const element = h("div", {}, shown);
  let isWaiting = true;
  whenSeen(element, (isSeen) => {
    if (!isSeen || !isWaiting) return;
    isWaiting = false;
    colours(lines, name).forEach((pieces, at) => pieces && fill(shown[at], shown[at].firstChild, pieces));
  });
  return element;
}

/** Return what each line looks like behind its sign. Both sides are read as code of their own; null where there is none. */
function colours(lines, name) {
  const found = lines.map(() => null);
  for (const other of ["added", "removed"]) {
    const places = lines.map((_, at) => at).filter((at) => lines[at].text && ![other, "muted"].includes(lines[at].kind));
    colouredLines(places.map((at) => lines[at].text.slice(1)), name)?.forEach((pieces, at) => (found[places[at]] = pieces));
  }
  return found;
}
