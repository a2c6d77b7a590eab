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
"""

from pathlib import Path

from tests.support.npm import files_of

VERSION = "1.6.32"
SHA512 = "KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw=="

FOLDER = Path(__file__).parents[1] / "autotrack" / "report" / "page" / "vendor"


def main() -> None:
    """Write the vendored files anew."""
    names = ("dist/uPlot.iife.min.js", "dist/uPlot.min.css", "LICENSE")
    script, style, licence = files_of("uplot", VERSION, SHA512, *names)
    said = f"/*! uPlot {VERSION}, MIT: see uPlot.LICENSE. Fetched by tests/vendor_page.py, not to be edited. */\n"
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "uPlot.js").write_text(f"{said}{script.rstrip()}\nexport {{ uPlot }};\n", encoding="utf-8")
    (FOLDER / "uPlot.css").write_text(f"{said}{style.strip()}\n", encoding="utf-8")
    (FOLDER / "uPlot.LICENSE").write_text(licence, encoding="utf-8")


if __name__ == "__main__":
    main()
