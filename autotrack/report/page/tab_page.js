// The page as a tab of TensorBoard, in a frame of its own.

import { start } from "./app.js";
import { fill, h } from "./dom.js";
import { comeFromOutside, decoded, keepOutside } from "./router.js";
import { ServerSource } from "./server.js";
import { setTheme, startTheme } from "./theme.js";

const setting = "p.autotrack.at=";

/** TensorBoard calls this when the tab is opened for the first time. */
export async function render() {
  const home = document.baseURI;
  document.querySelector("base")?.remove(); // links lead to the page, not to the folder of its script
  document.head.append(h("meta", { charset: "utf-8" }), h("link", { rel: "stylesheet", href: new URL("page.css", home).href }));
  document.documentElement.lang = "en";
  const element = h("div", { id: "page" }, h("p", { class: "empty" }, "Reading runs …"));
  document.body.append(element);
  if (parent === window) startTheme(); // a link was opened in a window of its own
  else {
    followTheme();
    followAddress();
  }
  const source = new ServerSource(home);
  await firstOf(source, element);
  const app = await start(source, element);
  source.follow((keys) => app.update(keys), () => app.showMade());
}

/** Read the runs for the first time; where that fails, say why, and try again. */
async function firstOf(source, element) {
  while (!source.made) {
    try {
      await source.refresh();
    } catch (error) {
      fill(element, h("p", { class: "empty error" }, `The runs cannot be read: ${error.message}`));
      await new Promise((done) => setTimeout(done, source.againAfter * 1000));
    }
  }
}

/** Be dark or light as TensorBoard is. */
function followTheme() {
  document.documentElement.dataset.within = "tensorboard";
  const { body } = parent.document;
  const follow = () => setTheme(body.classList.contains("dark-mode"));
  new MutationObserver(follow).observe(body, { attributes: true, attributeFilter: ["class"] });
  follow();
}

/** Keep the place in the address of TensorBoard, so that it can be passed on, and gone back from. */
function followAddress() {
  const parts = () => parent.location.hash.split("&");
  const isShown = () => parts()[0] === "#autotrack";
  const placeOutside = () => decoded(parts().find((part) => part.startsWith(setting))?.slice(setting.length) ?? "");
  keepOutside(placeOutside(), (place, { isStep }) => {
    if (!isShown()) return;
    const others = parts().filter((part) => !part.startsWith(setting));
    const address = `${others.join("&")}&${setting}${encodeURIComponent(place)}`;
    parent.history[isStep ? "pushState" : "replaceState"](parent.history.state, "", address);
  });
  parent.addEventListener("popstate", () => isShown() && comeFromOutside(placeOutside()));
}
