// The place in the page, which stands behind the # of its address: so each view has a link of its own.

// A page inside the cell of a notebook, or in a frame, has no address of its own; there the place is only remembered.
let hasAddress = location.protocol !== "about:";
let inMemory = "";
let keep = () => {};
let waiting = 0;
const soon = 150;

/**
 * Begin at a place, and hand every place that is shown to `keeper`, whose address it becomes part of: with `isStep`, if
 * it is one that people go back from.
 */
export function keepOutside(first, keeper) {
  hasAddress = false;
  inMemory = first;
  keep = keeper;
}

/** Show a place that the address outside names now, because somebody went back. */
export function comeFromOutside(place) {
  if (place === inMemory) return;
  inMemory = place;
  dispatchEvent(new Event("hashchange"));
}

/** Return the view and what is set in it, as in `#compare?runs=a,b&axis=epoch`. */
export function place() {
  const [view, settings] = (hasAddress && !waiting ? location.hash : inMemory).slice(1).split("?");
  return { view: decoded(view) || "runs", settings: new URLSearchParams(settings ?? "") };
}

/** Return what was encoded in an address; what nobody has encoded, as it is. */
export function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Return the address of a view. Settings that are null or empty are left out. */
export function address(view, settings = {}) {
  const kept = Object.entries(settings).filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false);
  const query = new URLSearchParams(kept.map(([name, value]) => [name, Array.isArray(value) ? value.join(",") : String(value)]));
  return `#${view.split("/").map(encodeURIComponent).join("/")}${query.size ? `?${query}` : ""}`;
}

/**
 * Keep settings of the view that is shown in its address, without a step in the history: soon, for a slider has many in
 * a second, of which browsers take only some.
 */
export function remember(view, settings) {
  inMemory = address(view, settings);
  clearTimeout(waiting);
  waiting = setTimeout(write, soon);
}

/** Keep some settings of the view that is shown, as `remember` does, beside the others that it has. */
export function rememberAlso(changes) {
  const { view, settings } = place();
  remember(view, { ...Object.fromEntries(settings), ...changes });
}

function write() {
  clearTimeout(waiting);
  waiting = 0;
  if (hasAddress) history.replaceState(null, "", inMemory);
  else keep(inMemory, { isStep: false });
}

/** Go to a view. */
export function go(view, settings) {
  goTo(address(view, settings));
}

/** Call a function when another view is to be shown, also when a link to one is followed. */
export function onMove(show) {
  addEventListener("hashchange", () => {
    clearTimeout(waiting); // what was to be written there is of another view
    waiting = 0;
    show();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#"]');
    if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    goTo(link.getAttribute("href"));
  });
}

function goTo(target) {
  clearTimeout(waiting);
  waiting = 0;
  inMemory = target;
  if (hasAddress) location.hash = target;
  else {
    keep(inMemory, { isStep: true });
    dispatchEvent(new Event("hashchange"));
  }
}
