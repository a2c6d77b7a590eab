// Colours code by its grammar. What comes of it are texts and elements, never HTML.

import { h } from "./dom.js";
import { hljs } from "./vendor/highlight.js";

const languages = { py: "python", pyi: "python", pyx: "python", json: "json", ipynb: "json", jsonl: "json", yaml: "yaml", yml: "yaml", toml: "ini", ini: "ini", cfg: "ini", sh: "bash", bash: "bash" };
const kinds = { keyword: "keyword", string: "string", regexp: "string", comment: "comment", doctag: "comment", number: "number", literal: "number", title: "name", section: "name", attr: "name", meta: "name" };

// It would take longer than anybody waits.
const mostCharacters = 300_000;
const longestLine = 5_000;

/** Takes what highlight.js finds, instead of making HTML of it: texts, each with what the innermost part is. */
class Pieces {
  constructor() {
    this.found = [];
    this.scopes = [];
  }

  addText(text) {
    this.found.push([text, this.scopes.at(-1)]);
  }

  startScope(scope) {
    this.scopes.push(scope);
  }

  endScope() {
    this.scopes.pop();
  }

  openNode(scope) {
    this.startScope(scope);
  }

  closeNode() {
    this.endScope();
  }

  __addSublanguage(inner) {
    this.found.push(...inner.found);
  }

  finalize() {}

  toHTML() {
    return "";
  }
}

hljs.configure({ __emitter: Pieces });

/** Return what the lines of a file look like, each as a list of texts and elements; null if its name tells no language. */
export function colouredLines(lines, name) {
  const language = languages[/\.(\w+)$/.exec(name)?.[1].toLowerCase()];
  const text = lines.join("\n");
  if (!language || text.length > mostCharacters || lines.some((line) => line.length > longestLine)) return null;
  const { _emitter: pieces, errorRaised } = hljs.highlight(text, { language, ignoreIllegals: true });
  return errorRaised ? null : split(pieces.found);
}

/** Return pieces as lines: a text in three quotes has several. */
function split(pieces) {
  const lines = [[]];
  for (const [text, scope] of pieces) {
    const kind = kinds[scope?.split(".")[0]];
    text.split("\n").forEach((part, at) => {
      if (at) lines.push([]);
      if (part) lines.at(-1).push(kind ? h("span", { class: `code-${kind}` }, part) : part);
    });
  }
  return lines;
}
