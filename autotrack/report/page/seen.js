// What is drawn only when somebody sees it.

/** Call a function whenever an element comes near to what is seen, or leaves it; and when the page is printed. */
export function whenSeen(element, act) {
  new IntersectionObserver((entries) => act(entries.at(-1).isIntersecting), { rootMargin: "300px" }).observe(element);
  element.dataset.waits = "";
  element.addEventListener("print", () => act(true));
}

// One listener for all: it would hold each element that had one of its own.
matchMedia("print").addEventListener("change", () => {
  for (const one of document.querySelectorAll("[data-waits]")) one.dispatchEvent(new Event("print"));
});
