// Makes elements. Whatever is text becomes a text node, never HTML: names and outputs of runs come from anybody.

const steering =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\p{Surrogate}/gu;

/** Return a text in which control characters, and what turns the direction of text round, can be seen. */
export function printable(text) {
  return String(text).replace(steering, (found) => {
    const code = found.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/**
 * Return an element. Attributes whose names begin with "on" are listeners; `class`, `dataset` and `style` are what they
 * are called; null and false leave an attribute out. Children are elements, texts, lists of them, or null.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  setAll(element, attributes);
  append(element, children);
  return element;
}

/** Return an SVG element, as `h` does. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  setAll(element, attributes);
  append(element, children);
  return element;
}

/** Replace what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** Do as `fill` does, and keep the focus on the element that has the same `data-same` as the one that had it. */
export function refill(element, ...children) {
  const focus = focusIn(element);
  fill(element, ...children);
  focus(element);
  return element;
}

/** Return what gives the focus to the part of another element that has the same `data-same` as the part that has it now. */
export function focusIn(element) {
  const same = element.contains(document.activeElement) ? document.activeElement.dataset.same : undefined;
  return (other) => same !== undefined && other.querySelector(`[data-same="${CSS.escape(same)}"]`)?.focus({ preventScroll: true });
}

/** Return a button of which the label is a text or an element. */
export function button(label, onclick, attributes = {}) {
  return h("button", { type: "button", onclick, ...attributes }, label);
}

/** Return a part of the page that scrolls by itself where it is too wide; keys can scroll it, too. */
export function scrolling(label, ...content) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, content);
}

function setAll(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.entries(value).forEach(([key, one]) => element.style.setProperty(key, one));
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "value" || name === "checked" || name === "indeterminate") element[name] = value;
    else element.setAttribute(name, value === true ? "" : printable(value));
  }
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(printable(child)));
  }
}
