// Dark or light, and the colours of curves: told apart by the colour-blind, and by dashes from the ninth on. They were
// searched for by a program, among those with enough contrast; `tests/report/test_colours.py` measures them.

const light = ["#0072b2", "#e0561b", "#00663d", "#a0307f", "#4b00a5", "#965aff", "#c37896", "#78965a"];
const dark = ["#5fb4ee", "#ff9a57", "#9be8b0", "#875aff", "#ffe100", "#e10087", "#96693c", "#00fff0"];
const dashes = [[], [8, 4], [2, 3], [10, 3, 2, 3]];

/** Call a function whenever the colours change, as long as an element is in the page. Nothing else holds the element. */
export function whenThemed(element, draw) {
  element.dataset.themed = "";
  element.addEventListener("theme", draw);
}

/** Light or dark, as the whole page is now. */
export function isDark() {
  return document.documentElement.dataset.theme === "dark";
}

/** Follow the system, or what was chosen before; TensorBoard sets it from outside. */
export function startTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = remembered();
  setTheme(chosen ? chosen === "dark" : system.matches);
  system.addEventListener("change", () => remembered() ?? setTheme(system.matches));
  let before = null;
  matchMedia("print").addEventListener("change", (event) => {
    if (event.matches) before = isDark();
    setTheme(event.matches ? false : before); // paper is light
  });
}

export function setTheme(isNowDark, { keep = false } = {}) {
  const { dataset, style } = document.documentElement;
  dataset.theme = isNowDark ? "dark" : "light";
  (isNowDark ? dark : light).forEach((value, at) => style.setProperty(`--curve-${at}`, value));
  if (keep) remember(isNowDark ? "dark" : "light");
  for (const element of document.querySelectorAll("[data-themed]")) element.dispatchEvent(new Event("theme"));
}

/** Return how the curve with this number is drawn, on the page or on white paper. */
export function lineStyle(index, { onPaper = false } = {}) {
  const colours = isDark() && !onPaper ? dark : light;
  return { colour: colours[index % colours.length], dash: dashes[Math.floor(index / colours.length) % dashes.length] };
}

/** Return the colour of the curve with this number for a style, which then changes with the theme. */
export function curveColour(index) {
  return `var(--curve-${index % light.length})`;
}

/** Return what a function draws with the colours for white paper. */
export function onPaper(draw) {
  const { dataset } = document.documentElement;
  const before = dataset.theme;
  dataset.theme = "light";
  try {
    return draw();
  } finally {
    dataset.theme = before;
  }
}

/** Return a colour of the style sheet by its name. */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function remembered() {
  try {
    return localStorage.getItem("autotrack-theme");
  } catch {
    return null; // a file may have no storage
  }
}

function remember(value) {
  try {
    localStorage.setItem("autotrack-theme", value);
  } catch {
    // the choice lasts as long as the page
  }
}
