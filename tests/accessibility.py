"""Looks for what keeps people from using the page, by axe-core, in each view: `python -m tests.accessibility`.

axe-core comes with a package from the Python registry. It is handed to the browser from outside, because the policy of
the page lets no other script in. Findings that axe calls serious or critical fail; a test has it look at some views.
"""

import math
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import axe_playwright_python
import msgspec
from playwright.sync_api import Page

import autotrack
from autotrack.journal.records import Environment
from tests.support.browser import open_page

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
_BAD = ("serious", "critical")

WIDE, NARROW = 1400, 390

_PATCH = """diff --git a/train.py b/train.py
--- a/train.py
+++ b/train.py
@@ -1,4 +1,5 @@
 # It trains
-def train(rate=0.1, name="slow"):
+# something, one would think.
+def train(rate=0.2, name="quick"):
     for epoch in range(3):
         print(epoch)
"""


class Finding(NamedTuple):
    """What axe says of a view."""

    impact: str
    text: str

    @property
    def is_bad(self) -> bool:
        """Whether it keeps people from using the page."""
        return self.impact in _BAD


def main() -> int:
    """Print all findings; return the exit code."""
    os.environ["AUTOTRACK_SIDECAR"] = os.environ["AUTOTRACK_ENVIRONMENT"] = os.environ["AUTOTRACK_OUTPUT"] = "off"
    os.environ["AUTOTRACK_QUIET"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        address, views = recorded(Path(folder))
        looks = [(width, scheme) for width in (WIDE, NARROW) for scheme in ("light", "dark")]
        found = [one for width, scheme in looks for one in findings(address, views, width=width, scheme=scheme)]
    print("\n".join(dict.fromkeys(one.text for one in found)) or "nothing was found")
    return int(any(one.is_bad for one in found))


def recorded(folder: Path) -> tuple[str, list[str]]:
    """Write a report of some runs; return its address, and the places in it to look at."""
    store = folder / "runs"
    _record(store)
    return autotrack.runs(store).report().write(folder / "report.html").as_uri(), list(_views(store))


def findings(address: str, views: Iterable[str], *, width: int, scheme: Any) -> Iterator[Finding]:
    """Yield what axe finds in each view."""
    with open_page(width=width) as page:
        page.emulate_media(color_scheme=scheme)
        for view in views:
            page.goto("about:blank")
            page.goto(address + view)
            page.locator("h1").first.wait_for(state="attached")
            page.wait_for_timeout(500)  # until what is seen is drawn
            for one in _run_axe(page):
                places = "; ".join(str(node["html"])[:140] for node in one["nodes"][:3])
                where = f"{view.partition('?')[0][:8]}, {scheme}, {width} pixels"
                yield Finding(one["impact"], f"{one['impact']}: {one['help']} ({one['id']}), {where}: {places}")


def _record(store: Path) -> None:
    with autotrack.start_run("sweep", to=store, experiment="e"):
        for number in range(2):
            with autotrack.start_run(f"part {number}", to=store, experiment="e", params={"lr": 0.1 * number}) as run:
                run.log({"train_loss": 0.1 * number}, step=0)
                _change_code(run.folder, number)
    for number in range(12):
        params = {"lr": 10.0**-number, "width": number % 3, "seed": number % 2}
        with autotrack.start_run(f"run {number}", to=store, experiment="e", params=params, tags={"t": "x"}) as run:
            for step in range(50):
                run.log(
                    {"val_loss": 1 / (step + number + 1), "train_loss": math.exp(-step)}, step=step, epoch=step // 10
                )
            run.log_plot("matrix", "confusion_matrix", {"labels": ["a", "b"], "matrix": [[5, 1], [2, 7]]})
            run.log_plot("importances", "importances", {"names": ["x", "y"], "values": [0.7, -0.3]})
            run.notice("disk", "it is nearly full")
    with autotrack.start_run("search", to=store, experiment="e") as run:
        run.log({"best_score": 1.0})
        for number in range(12):
            run.log_trial(number, {"C": 10.0**number}, {"mean_test_score": number / 12})


def _change_code(folder: Path, number: int) -> None:
    """Let it look as if there had been changes in the code that were not committed."""
    (folder / "environment").mkdir()
    (folder / "environment" / "changes.patch").write_text(_PATCH.replace("0.2", f"0.{number + 2}"))
    captured = Environment(time=time.time(), kind="git", files=["environment/changes.patch"])
    (folder / "journal" / "sidecar.jsonl").write_bytes(msgspec.json.encode(captured) + b"\n")


def _views(store: Path) -> Iterator[str]:
    keys = [run.id for run in autotrack.runs(store)]
    yield from (f"#run/{keys[-1]}", f"#run/{keys[-2]}", f"#compare?runs={keys[-2]},{keys[-3]}")
    yield from ("#runs", "#runs?grouped=yes&where=nothing+<+1", f"#run/{keys[0]}", f"#run/{keys[1]}")
    yield from (f"#compare?runs={keys[1]},{keys[2]},{keys[3]}", "#search?metric=val_loss", f"#search?of={keys[0]}")


def _run_axe(page: Page) -> list[dict[str, Any]]:
    page.evaluate(_axe())
    tags = {"runOnly": {"type": "tag", "values": _RULES}}
    found: list[dict[str, Any]] = page.evaluate("tags => axe.run(document, tags).then((r) => r.violations)", tags)
    return found


@cache
def _axe() -> str:
    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
