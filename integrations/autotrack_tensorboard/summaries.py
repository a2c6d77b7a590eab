"""Records what a writer has made of its arguments: the `Summary` that goes into its event file.

Whatever had to be copied from a device, computed or encoded has been, by the writer; nothing is done twice. The
format is TensorBoard's `summary.proto`, and the `plugin_data.proto` of its plugins.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

import autotrack
from autotrack_tensorboard import thinning
from autotrack_tensorboard.thinning import Thinning

MOST_BINS = 30
"""How many bins a histogram is kept in at most. TensorBoard shows as many."""

_PNG = b"\x89PNG"
_PLURALS = {"histogram": "histograms", "image": "images", "figure": "figures", "curve": "precision-recall curves"}
_thinning: WeakKeyDictionary[autotrack.Run, Thinning] = WeakKeyDictionary()


class EncodedPicture:
    """A finished PNG that takes the place of a Pillow image or a matplotlib figure."""

    def __init__(self, png: bytes) -> None:
        self._png = png

    def save(self, path: Path, **_: Any) -> None:
        """Write it to a file, as `PIL.Image.Image.save` does."""
        path.write_bytes(self._png)

    savefig = save


def record(run: autotrack.Run, kind: str, tag: str, summary: Any, step: int) -> None:
    """Add a summary to the run if its kind is recorded; `kind` is a key of `RECORDERS`."""
    if kind != "text" and not _thinning.setdefault(run, Thinning()).keeps(kind, tag):
        run.notice(
            "tensorboard",
            f"of the {_PLURALS[kind]} that were written not all are recorded: of a name the first {thinning.FIRST}, "
            f"then ever fewer and at most one a second, and {thinning.MOST} in all; the writer's own file has all",
        )
        return
    for value in summary.value:
        RECORDERS[kind](run, tag, value, step)


def _record_text(run: autotrack.Run, tag: str, value: Any, step: int) -> None:
    run.log_text(tag, value.tensor.string_val[0].decode(errors="replace"), step)


def _record_image(run: autotrack.Run, tag: str, value: Any, step: int) -> None:
    if value.image.encoded_image_string.startswith(_PNG):
        run.log_image(_file_name(tag, "image"), EncodedPicture(value.image.encoded_image_string), step)


def _record_figure(run: autotrack.Run, tag: str, value: Any, step: int) -> None:
    if value.image.encoded_image_string.startswith(_PNG):
        run.log_figure(_file_name(tag, "figure"), EncodedPicture(value.image.encoded_image_string), step)


def _record_histogram(run: autotrack.Run, tag: str, value: Any, step: int) -> None:
    edges, counts = rebin(value.histo.min, value.histo.max, value.histo.bucket_limit, value.histo.bucket)
    run.log_plot(tag, "histogram", {"edges": edges, "counts": counts}, step)


def _record_curve(run: autotrack.Run, tag: str, value: Any, step: int) -> None:
    # The rows are true and false positives, true and false negatives, precision and recall; a column is a threshold.
    rows = np.asarray(value.tensor.float_val).reshape(6, -1)
    run.log_plot(tag, "precision_recall", {"recall": rows[5], "precision": rows[4]}, step)


RECORDERS: dict[str, Callable[[autotrack.Run, str, Any, int], None]] = {
    "text": _record_text,
    "image": _record_image,
    "figure": _record_figure,
    "histogram": _record_histogram,
    "curve": _record_curve,
}


def rebin(lowest: float, highest: float, limits: Any, counts: Any) -> tuple[Any, Any]:
    """Put the buckets of a `HistogramProto` into at most `MOST_BINS` bins of equal width, `lowest` to `highest`.

    `limits` are the right ends of the buckets. A bucket that reaches over an edge is shared out by width, so that
    counts may have fractions; their sum stays. Returns the edges, one more than there are counts, and the counts.
    """
    limits, counts = np.asarray(limits, dtype=float), np.asarray(counts, dtype=float)
    if not lowest < highest:  # all values are equal; the bin is as wide as that of numpy.histogram
        return np.array([lowest - 0.5, highest + 0.5]), np.array([counts.sum()])
    edges = np.linspace(lowest, highest, min(MOST_BINS, max(int((counts > 0).sum()), 1)) + 1)
    ends = np.concatenate([[lowest], np.clip(limits, lowest, highest)])
    up_to_edge = np.interp(edges, ends, np.concatenate([[0.0], counts.cumsum()]))
    up_to_edge[0], up_to_edge[-1] = 0.0, counts.sum()
    return edges, np.diff(up_to_edge)


def _file_name(tag: str, otherwise: str) -> str:
    """Return the path for a tag, which may be any text, but must stay in its folder as a path."""
    parts = [part for part in re.split(r"[/\\]", tag.replace("\0", "")) if part not in ("", ".", "..")]
    return "/".join(parts) or otherwise
