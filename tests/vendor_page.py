"""Fetches what the page is drawn with from its registry, once: `python -m tests.vendor_page`.

The files are kept in the repository, so that nothing is fetched or built when autotrack is installed or used. To take
another version, change the lines below, run this, look at the page, and run its tests.

uPlot was chosen over the others that were looked at:

- It draws 100,000 points on a canvas in less than a tenth of a second at first (75 ms in Chromium on a busy machine),
  and then pans them without a pause.
- It has 51 kB, and each report carries it; the smallest build of ECharts 6.1 has 500 kB, that with parallel
  coordinates 1.1 MB, and the smallest of Plotly 4.1 1.2 MB.
- It makes no HTML of texts, adds no style elements and evaluates nothing, so it works under the strictest policy.

It has no parallel coordinates; those are some hundred lines of our own on a canvas, where ECharts would bring them.

highlight.js colours code. With the languages that projects are written and configured in it has 31 kB. Prism would
have 19, but its last version is of March 2025, and highlight.js is kept up. Both would make HTML of code; what
highlight.js finds is taken from it before, piece by piece (`code_colours.js`).
"""

import re
from pathlib import Path

from tests.support.npm import files_of

UPLOT = "1.6.32"
UPLOT_SHA512 = "KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw=="

HIGHLIGHT = "11.12.0"
HIGHLIGHT_SHA512 = "KvOKXODaiFmId9xaq3xc5xCL66wVLUuOngDbO9B/kewbFTqdGbn2nJxNhN3H5R1cgDTVj6R8vH0zgiNDEGjpDw=="
LANGUAGES = ("python", "json", "yaml", "ini", "bash")
"""What it calls `ini` is TOML as well."""

FOLDER = Path(__file__).parents[1] / "autotrack" / "report" / "page" / "vendor"


def main() -> None:
    """Write the vendored files anew."""
    FOLDER.mkdir(exist_ok=True)
    _fetch_uplot()
    _fetch_highlight()


def _fetch_uplot() -> None:
    names = ("dist/uPlot.iife.min.js", "dist/uPlot.min.css", "LICENSE")
    script, style, licence = files_of("uplot", UPLOT, UPLOT_SHA512, *names)
    said = _said("uPlot", UPLOT, "MIT")
    _write("uPlot.js", f"{said}{script.rstrip()}\nexport {{ uPlot }};\n")
    _write("uPlot.css", f"{said}{style.strip()}\n")
    _write("uPlot.LICENSE", licence)


def _fetch_highlight() -> None:
    names = ("es/core.min.js", *(f"languages/{name}.min.js" for name in LANGUAGES), "LICENSE")
    core, *languages, licence = files_of("@highlightjs/cdn-assets", HIGHLIGHT, HIGHLIGHT_SHA512, *names)
    core, count = re.subn(r"export\{(\w+) as default\};\s*$", r"const hljs = \1;", core)
    assert count == 1, "its core is exported in another way"
    script = "\n".join(part.strip() for part in (core, *languages))
    _write("highlight.js", f"{_said('highlight', HIGHLIGHT, 'BSD-3-Clause')}{script}\nexport {{ hljs }};\n")
    _write("highlight.LICENSE", licence)


def _said(name: str, version: str, licence: str) -> str:
    return (
        f"/*! {name} {version}, {licence}: see {name}.LICENSE. Fetched by tests/vendor_page.py, not to be edited. */\n"
    )


def _write(name: str, text: str) -> None:
    (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
