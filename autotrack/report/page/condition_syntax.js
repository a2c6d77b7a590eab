// Conditions as people write them in `autotrack ls --where`, as a tree. `conditions.js` says what they mean.

/** A condition that cannot be understood, with the place in the text that it is about. */
export class ConditionError extends Error {
  constructor(message, begin = 0, end = begin) {
    super(message);
    this.begin = begin;
    this.end = end;
  }
}

const patterns = [
  ["space", /\s+/y],
  ["number", /(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y],
  ["text", /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/y],
  ["word", /[\p{L}_][\p{L}\p{N}_]*/uy],
  ["sign", /<=|>=|==|!=|<>|[<>=()[\],.+\-*/]/y],
];
const lowered = new Set(["and", "or", "not", "in", "is", "null", "none", "true", "false", "contains", "matches", "missing"]);
const values = { true: true, false: false, none: null, null: null, missing: null, nan: NaN, inf: Infinity };

/** Return the tree of a condition. Raises `ConditionError`. */
export function parse(text) {
  const reader = new Reader(text, tokens(text));
  const tree = reader.either();
  if (reader.next.kind !== "end") throw new ConditionError("this is not understood here", reader.next.begin, reader.next.end);
  return tree;
}

function tokens(text) {
  const found = [];
  let at = 0;
  while (at < text.length) {
    const [kind, word] = nextToken(text, at);
    if (kind !== "space") {
      const name = kind === "word" && lowered.has(word.toLowerCase()) ? word.toLowerCase() : word;
      found.push({ kind, word: name, begin: at, end: at + word.length });
    }
    at += word.length;
  }
  return [...found, { kind: "end", word: "", begin: text.length, end: text.length }];
}

function nextToken(text, at) {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) return [kind, match[0]];
  }
  throw new ConditionError("this character is not understood", at, at + 1);
}

/** Reads one rule of the grammar after the other, those that bind least first. */
class Reader {
  constructor(text, found) {
    this.text = text;
    this.tokens = found;
    this.at = 0;
  }

  get next() {
    return this.tokens[this.at];
  }

  takes(...words) {
    if (this.next.kind === "text" || !words.includes(this.next.word)) return null;
    return this.tokens[this.at++].word;
  }

  expect(word) {
    if (!this.takes(word)) throw new ConditionError(`here should be ${word}`, this.next.begin, this.next.end);
  }

  either() {
    return this.joined("or", () => this.both());
  }

  both() {
    return this.joined("and", () => this.negated());
  }

  joined(word, read) {
    const parts = [read()];
    while (this.takes(word)) parts.push(read());
    return parts.length === 1 ? parts[0] : { kind: word, parts };
  }

  negated() {
    return this.takes("not") ? { kind: "not", part: this.negated() } : this.comparison();
  }

  comparison() {
    const tests = [];
    let left = this.looked();
    for (let sign = this.sign(); sign; sign = this.sign()) {
      const right = this.looked();
      tests.push({ kind: "compare", sign, left, right });
      left = right;
    }
    return tests.length > 1 ? { kind: "and", parts: tests } : (tests[0] ?? left);
  }

  sign() {
    const word = this.takes("<", "<=", ">", ">=", "==", "=", "!=", "<>", "in", "is");
    if (word === "is") return this.takes("not") ? "!=" : "==";
    if (word) return { "=": "==", "<>": "!=" }[word] ?? word;
    if (this.next.word !== "not" || this.tokens[this.at + 1]?.word !== "in") return null;
    this.at += 2;
    return "not in";
  }

  looked() {
    let left = this.sum();
    for (let word = this.takes("contains", "matches"); word; word = this.takes("contains", "matches")) {
      left = { kind: word, left, right: this.sum() };
    }
    return left;
  }

  sum() {
    return this.computed(["+", "-"], () => this.product());
  }

  product() {
    return this.computed(["*", "/"], () => this.operand());
  }

  computed(signs, read) {
    let left = read();
    for (let sign = this.takes(...signs); sign; sign = this.takes(...signs)) left = { kind: "compute", sign, left, right: read() };
    return left;
  }

  operand() {
    if (this.takes("-")) return { kind: "compute", sign: "-", left: { kind: "value", value: 0 }, right: this.operand() };
    const token = this.next;
    this.at += 1;
    if (token.kind === "number") return { kind: "value", value: Number(token.word) };
    if (token.kind === "text") return { kind: "value", value: token.word.slice(1, -1).replace(/\\(.)/g, "$1") };
    if (token.word === "(" || token.word === "[") return this.list(token.word === "(" ? ")" : "]");
    if (token.kind === "word") return token.word.toLowerCase() in values ? { kind: "value", value: values[token.word.toLowerCase()] } : this.name(token);
    const what = token.kind === "end" ? "something is missing at the end" : "this is not understood here";
    throw new ConditionError(what, token.begin, token.end);
  }

  list(closing) {
    const items = [];
    let isList = closing === "]";
    while (!this.takes(closing)) {
      items.push(this.either());
      if (this.takes(",")) isList = true;
      else {
        this.expect(closing);
        break;
      }
    }
    return isList ? { kind: "list", items } : items[0];
  }

  name(first) {
    const path = [first.word];
    let end = first.end;
    for (;;) {
      if (this.takes(".")) path.push(this.part("word").word);
      else if (this.takes("[")) {
        path.push(this.part("text").word.slice(1, -1));
        this.expect("]");
      } else break;
      end = this.tokens[this.at - 1].end;
    }
    return { kind: "name", path, begin: first.begin, end };
  }

  part(kind) {
    const token = this.next;
    if (token.kind !== kind) throw new ConditionError("odd names are written as in params['a/b']", token.begin, token.end);
    this.at += 1;
    return token;
  }
}
