// The page in a file of its own, with its runs in it.

import { start } from "./app.js";
import { FileSource, unpacked } from "./source.js";
import { startTheme } from "./theme.js";

startTheme();
unpacked(document.getElementById("runs").textContent).then((found) => start(new FileSource(found), document.getElementById("page")));
