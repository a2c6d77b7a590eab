"""Looks for what keeps people from using the page, by axe-core, in each view: `python -m tests.accessibility`.

axe-core is fetched from its registry each time: it is larger than the page. It is handed to the browser from outside,
because the policy of the page lets no other script in. Findings that axe calls serious or critical fail.
"""

import math
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

import autotrack
from tests.support.browser import open_page
from tests.support.npm import files_of

VERSION = "4.14.1"
SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
_BAD = ("serious", "critical")
_WIDTHS = (1400, 390)


def main() -> int:
    """Print all findings; return the exit code."""
    (axe,) = files_of("axe-core", VERSION, SHA512, "axe.min.js")
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "runs"
        _record(store)
        address = autotrack.runs(store).report().write(Path(folder) / "report.html").as_uri()
        found = [finding for width in _WIDTHS for finding in _findings(address, axe, width, _views(store))]
    print("\n".join(dict.fromkeys(text for _, text in found)) or "nothing was found")
    return int(any(impact in _BAD for impact, _ in found))


def _record(store: Path) -> None:
    os.environ["AUTOTRACK_SIDECAR"] = os.environ["AUTOTRACK_ENVIRONMENT"] = os.environ["AUTOTRACK_OUTPUT"] = "off"
    os.environ["AUTOTRACK_QUIET"] = "1"
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


def _views(store: Path) -> Iterator[str]:
    keys = [run.id for run in autotrack.runs(store)]
    yield from ("#runs", "#runs?grouped=yes&where=nothing+<+1", f"#run/{keys[0]}", f"#run/{keys[1]}")
    yield from (f"#compare?runs={keys[1]},{keys[2]},{keys[3]}", "#search?metric=val_loss", f"#search?of={keys[0]}")


def _findings(address: str, axe: str, width: int, views: Iterator[str]) -> Iterator[tuple[str, str]]:
    with open_page(width=width) as page:
        for view in views:
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
                page.goto("about:blank")
                page.goto(address + view)
                page.locator("h1").first.wait_for(state="attached")
                page.wait_for_timeout(500)  # until what is seen is drawn
                for one in _run_axe(page, axe):
                    places = "; ".join(str(node["html"])[:140] for node in one["nodes"][:3])
                    where = f"{view.partition('?')[0][:8]}, {scheme}, {width} pixels"
                    yield one["impact"], f"{one['impact']}: {one['help']} ({one['id']}), {where}: {places}"


def _run_axe(page: Page, axe: str) -> list[dict[str, Any]]:
    page.evaluate(axe)
    tags = {"runOnly": {"type": "tag", "values": _RULES}}
    found: list[dict[str, Any]] = page.evaluate("tags => axe.run(document, tags).then((r) => r.violations)", tags)
    return found


if __name__ == "__main__":
    sys.exit(main())
