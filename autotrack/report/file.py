"""One file with runs in it, which opens in any browser, asks nothing of anybody, and can be mailed or kept."""

import base64
import gzip
import hashlib
import html
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from autotrack import settings
from autotrack.format import human_bytes
from autotrack.journal.files import write_atomically
from autotrack.journal.outputs import REPORT_MARK
from autotrack.readers.query.names import Name
from autotrack.readers.recorded_run import RecordedRun
from autotrack.report.bundle import script, style
from autotrack.report.document import Watch, document_of
from autotrack.report.encoding import encoded

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
{mark}
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<noscript>This page needs JavaScript. The runs that it shows are JSON, packed with gzip, as base64.</noscript>
<div id="page"></div>
<script type="application/gzip" id="runs">{data}</script>
<script>{script}</script>
</body>
</html>
"""


class Report:
    """Runs as one page. In a notebook, it is shown below the cell.

    Args:
        runs: The runs, in any order.
        names: The names that they have, as in `Runs.where`.
        title: The title of the page; by default, the experiment of the runs, or how many they are.
        whole: All runs of the store that these were chosen from, among which they are ranked; by default, these.
        watch: Is given the runs, and passes them on one by one, so it can show the progress.

    Attributes:
        path: Where it was written; None if it was not.
    """

    def __init__(
        self,
        runs: Sequence[RecordedRun],
        names: Collection[Name],
        *,
        title: str | None = None,
        whole: Sequence[RecordedRun] | None = None,
        watch: Watch = iter,
    ) -> None:
        wanted = settings.resolve().metric
        document = document_of(
            runs, names, title=title or title_of(runs), wanted=wanted, whole=whole or runs, watch=watch
        )
        self.path: Path | None = None
        self._count = len(runs)
        self._page = page_of(document)

    def __repr__(self) -> str:
        runs = f"{self._count} run{'' if self._count == 1 else 's'}"
        return f"<Report of {runs}{f' in {self.path}' if self.path else ''}, {human_bytes(len(self._page))}>"

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write it into a file, which replaces one that is there. Raises `OSError`."""
        self.path = Path(path).expanduser()
        write_atomically(self.path, self._page.encode())
        return self.path

    def _repr_html_(self) -> str:
        """Return the page in a frame, which keeps it and the notebook apart."""
        return (
            '<iframe sandbox="allow-scripts allow-downloads" style="width: 100%; height: 720px; border: 0" '
            f'srcdoc="{html.escape(self._page)}"></iframe>'
        )


def title_of(runs: Sequence[RecordedRun]) -> str:
    """Return what runs are called together."""
    experiments = {run.experiment for run in runs}
    return experiments.pop() if len(experiments) == 1 else f"{len(runs)} runs"


def page_of(document: dict[str, Any]) -> str:
    """Return the page that shows a document.

    Its policy lets nothing run but the script that is in it, known by its checksum, lets nothing be loaded, and lets
    no text become HTML. All texts of runs are packed into the data, in which no character can be taken for markup.
    """
    packed = gzip.compress(encoded(document), mtime=0)
    code = script("file_page")
    return _PAGE.format(
        mark=REPORT_MARK,
        policy=_policy(code, style()),
        title=html.escape(str(document["title"])),
        style=style(),
        data=base64.b64encode(packed).decode(),
        script=code,
    )


def _policy(code: str, sheet: str) -> str:
    rules = {
        "default-src": "'none'",
        "script-src": _digest(code),
        "style-src": _digest(sheet),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
