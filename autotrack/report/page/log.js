// What a run has printed, with a search in it.

import { fill, h } from "./dom.js";

const mostMarked = 2000;

/** Return the text, and above it the field that finds words in it: enter goes to the next one, with shift back. */
export function log(text, note) {
  const shown = h("pre", { class: "log", tabindex: "0", role: "region", "aria-label": "what was printed" }, text);
  const found = h("span", { class: "muted", "aria-live": "polite" });
  let [marks, at] = [[], 0];
  const search = h("input", { type: "search", placeholder: "find in the output", "aria-label": "find in the output", oninput: () => find(), onkeydown: (event) => event.key === "Enter" && go(event.shiftKey ? -1 : 1) });

  function find() {
    fill(shown, marked(text, search.value));
    marks = [...shown.querySelectorAll("mark")];
    at = 0;
    go(0);
  }

  function go(by) {
    marks[at]?.classList.remove("current");
    at = (at + by + marks.length) % Math.max(marks.length, 1);
    marks[at]?.classList.add("current");
    marks[at]?.scrollIntoView({ block: "nearest" });
    const most = marks.length === mostMarked ? "the first " : "";
    found.textContent = !search.value ? "" : marks.length ? `${(at + 1).toLocaleString("en")} of ${most}${marks.length.toLocaleString("en")}` : "not found";
  }

  return [h("div", { class: "bar" }, search, found, note ? h("span", { class: "note" }, note) : null), shown];
}

/** Return a text with the places marked at which something stands, upper or lower case being the same. */
function marked(text, wanted) {
  if (!wanted) return text;
  const parts = text.split(new RegExp(`(${wanted.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")})`, "giu"));
  const rest = parts.splice(2 * mostMarked + 1).join("");
  return [...parts.map((part, at) => (at % 2 ? h("mark", {}, part) : part)), rest];
}
