// What is drawn only when somebody sees it.

/** Call a function whenever an element comes near to what is seen, or leaves it; and when the page is printed. */
export function whenSeen(element, act) {
  new IntersectionObserver((entries) => act(entries.at(-1).isIntersecting), { rootMargin: "300px" }).observe(element);
  whenPrinted(element, () => act(true));
}

/** Call a function when the page is printed, and afterwards. */
export function whenPrinted(element, act) {
  element.dataset.printed = "";
  element.addEventListener("print", act);
}

// One listener for all: it would hold each element that had one of its own.
matchMedia("print").addEventListener("change", () => {
  for (const one of document.querySelectorAll("[data-printed]")) one.dispatchEvent(new Event("print"));
});
