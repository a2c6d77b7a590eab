// The page as a tab of TensorBoard, in a frame of its own.

import { start } from "./app.js";
import { h } from "./dom.js";
import { keepOutside } from "./router.js";
import { ServerSource } from "./server.js";
import { setTheme } from "./theme.js";

const setting = "p.autotrack.at=";

/** TensorBoard calls this when the tab is opened for the first time. */
export async function render() {
  const styles = ["page/vendor/uPlot.css", "page/page.css"].map((href) => h("link", { rel: "stylesheet", href }));
  document.head.append(h("meta", { charset: "utf-8" }), ...styles);
  document.documentElement.lang = "en";
  document.documentElement.dataset.within = "tensorboard";
  const element = h("div", { id: "page" }, h("p", { class: "empty" }, "Reading runs …"));
  document.body.append(element);
  followTheme();
  followAddress();
  const source = new ServerSource();
  try {
    await source.refresh();
  } catch (error) {
    element.textContent = `The runs cannot be read: ${error.message}`;
    return;
  }
  const app = await start(source, element);
  source.follow((keys) => app.update(keys));
}

/** Be dark or light as TensorBoard is. */
function followTheme() {
  const { body } = parent.document;
  const follow = () => setTheme(body.classList.contains("dark-mode"));
  new MutationObserver(follow).observe(body, { attributes: true, attributeFilter: ["class"] });
  follow();
}

/** Keep the place in the address of TensorBoard, so that it can be passed on. */
function followAddress() {
  const outside = parent.location.hash.split("&").find((part) => part.startsWith(setting));
  keepOutside(outside ? decodeURIComponent(outside.slice(setting.length)) : "", (place) => {
    const others = parent.location.hash.split("&").filter((part) => !part.startsWith(setting));
    if (others[0] !== "#autotrack") return;
    parent.history.replaceState(parent.history.state, "", `${others.join("&")}&${setting}${encodeURIComponent(place)}`);
  });
}
