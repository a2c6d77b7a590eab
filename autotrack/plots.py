"""Draws plots that were recorded as data: one in this process, or many in a process of their own."""

import io
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from autotrack import interpreter
from autotrack.drawing_process import WITHIN_SECONDS, Drawn, kept_process, read_drawn
from autotrack.journal.records import Plot, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHORT_SECONDS = 10.0
"""Plots of shorter runs are drawn only when somebody wants to see them, because one takes a second of a core."""

_MOST_BARS = 15
_MOST_NUMBERS = 12
_MOST_LABELS = 40
_LONGEST_LABEL = 24
_INCHES, _DOTS_PER_INCH = (4.5, 3.4), 150
"""Pages show plots about 330 pixels wide. Few inches make the letters large, and many dots make them sharp."""

_IN_ONE_PROCESS = 50


def draw_all(plots: Sequence[Plot]) -> Iterator[Drawn]:
    """Draw plots in another process, and yield their results in the same order.

    Matplotlib takes 50 MB, which are freed with that process. Up to fifty plots share a process, which has a minute.
    Plots that it does not get to have an `error`, and so have plots whose data is incomplete.
    """
    for first in range(0, len(plots), _IN_ONE_PROCESS):
        some = plots[first : first + _IN_ONE_PROCESS]
        drawn = iter(_draw_beside([plot for plot in some if plot.kind in _PAINTERS]))
        for plot in some:
            yield next(drawn) if plot.kind in _PAINTERS else Drawn()


def main() -> None:
    """Read lists of plots from standard input, each a line of JSON, and write a line for each plot."""
    for line in sys.stdin.buffer:
        for plot in msgspec.json.decode(line, type=list[Plot]):
            sys.stdout.buffer.write(msgspec.json.encode(_attempt(plot)) + b"\n")
            sys.stdout.buffer.flush()


def draw(plot: Plot) -> bytes | None:
    """Return a plot as a PNG; None for a kind that is not drawn.

    Incomplete data raises errors of many types, from Python or matplotlib.
    """
    paint = _PAINTERS.get(plot.kind)
    if paint is None:
        return None
    from matplotlib.backends.backend_agg import (
        FigureCanvasAgg,  # here, because it takes a second and 50 MB, and few runs have plots
    )
    from matplotlib.figure import Figure

    figure = Figure(figsize=_INCHES, dpi=_DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(plot.name if plot.step is None else f"{plot.name}, step {plot.step}")
    paint(axes, plot.data)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _attempt(plot: Plot) -> Drawn:
    try:
        return Drawn(png=draw(plot))
    except Exception as error:  # noqa: BLE001  its data may be anything, and the other plots have to be drawn
        return Drawn(error=f"{type(error).__name__}: {error}")


def _draw_beside(plots: list[Plot]) -> list[Drawn]:
    if not plots:
        return []
    if not interpreter.is_available():
        return [_attempt(plot) for plot in plots]
    if (kept := kept_process()) is not None:
        return kept.draw(plots)
    output = b""
    try:
        command = interpreter.command("autotrack.plots")
        given = msgspec.json.encode(plots) + b"\n"
        done = subprocess.run(command, input=given, capture_output=True, timeout=WITHIN_SECONDS, check=False)
        output, last = done.stdout, done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        why = f"the process that draws ended with exit code {done.returncode}: {last}"
    except subprocess.TimeoutExpired as error:
        output, why = error.stdout or b"", f"drawing took more than {WITHIN_SECONDS} seconds"
    except OSError as error:
        why = f"the process that draws could not be started: {error}"
    drawn = list(read_drawn(output))
    return [*drawn, *[Drawn(error=why)] * (len(plots) - len(drawn))]


def _confusion_matrix(axes: "Axes", data: Mapping[str, Any]) -> None:
    matrix, labels = [_numbers(row) for row in data["matrix"]], [_short(label) for label in data["labels"]]
    image = axes.imshow(matrix, cmap="Blues")
    if len(labels) <= _MOST_LABELS:
        size = 10 if len(labels) <= _MOST_NUMBERS else 5
        axes.set_xticks(range(len(labels)), labels, rotation=90 if max(map(len, labels)) > 3 else 0, fontsize=size)
        axes.set_yticks(range(len(labels)), labels, fontsize=size)
    if len(labels) <= _MOST_NUMBERS:
        _numbers_in_cells(axes, matrix)
    else:
        axes.figure.colorbar(image, ax=axes)
    axes.set(xlabel="predicted", ylabel="true")


def _numbers_in_cells(axes: "Axes", matrix: Sequence[Sequence[float]]) -> None:
    """Write each value where it is, as large as there is room for: 250 letters of one point fill a row."""
    longest = max(len(f"{value:.4g}") for row in matrix for value in row)
    size, middle = min(9.0, 250 / (len(matrix) * longest)), max(max(row) for row in matrix) / 2
    for y, row in enumerate(matrix):
        for x, value in enumerate(row):
            colour = "white" if value > middle else "black"
            axes.text(x, y, f"{value:.4g}", ha="center", va="center", color=colour, fontsize=size)


def _roc(axes: "Axes", data: Mapping[str, Any]) -> None:
    area = f"AUC {float(number(data['auc'])):.4f}" if data.get("auc") is not None else "ROC"
    axes.plot(_numbers(data["false_positive_rate"]), _numbers(data["true_positive_rate"]), label=area)
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey", label="chance")
    axes.set(xlabel="false positive rate", ylabel="true positive rate")
    axes.legend()


def _precision_recall(axes: "Axes", data: Mapping[str, Any]) -> None:
    axes.plot(_numbers(data["recall"]), _numbers(data["precision"]))
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))


def _calibration(axes: "Axes", data: Mapping[str, Any]) -> None:
    axes.plot(_numbers(data["predicted"]), _numbers(data["observed"]), marker="o", label="model")
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey", label="perfect")
    axes.set(xlabel="predicted probability", ylabel="observed share")
    axes.legend()


def _bars(axes: "Axes", data: Mapping[str, Any]) -> None:
    """The largest values first; of several rows, one a class, the mean size."""
    values = data["values"]
    several = bool(values) and isinstance(values[0], Sequence) and not isinstance(values[0], str)
    rows = [_numbers(row) for row in (values if several else [values])]
    sizes = [sum(map(abs, column)) / len(rows) if len(rows) > 1 else column[0] for column in zip(*rows, strict=True)]
    chosen = sorted(zip(data["names"], sizes, strict=True), key=lambda pair: -abs(pair[1]))[:_MOST_BARS]
    axes.barh(range(len(chosen)), [size for _, size in chosen])
    axes.set_yticks(range(len(chosen)), [_short(name) for name, _ in chosen])
    axes.invert_yaxis()
    shown = f"the {len(chosen)} largest of {len(sizes)}" if len(chosen) < len(sizes) else ""
    axes.set_xlabel(", ".join(filter(None, ("mean size over the classes" if len(rows) > 1 else "", shown))))


def _residuals(axes: "Axes", data: Mapping[str, Any]) -> None:
    axes.scatter(_numbers(data["predicted"]), _numbers(data["residual"]), s=8, alpha=0.5)
    axes.axhline(0, linestyle=":", color="grey")
    axes.set(xlabel="predicted", ylabel="true - predicted")


def _curve(axes: "Axes", data: Mapping[str, Any]) -> None:
    x = data["x"]
    is_numeric = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in x)
    axes.plot(_numbers(x) if is_numeric else [str(value) for value in x], _numbers(data["y"]), marker=".")
    axes.set(xlabel=str(data.get("x_name", "x")), ylabel=str(data.get("y_name", "y")))


def _histogram(axes: "Axes", data: Mapping[str, Any]) -> None:
    axes.stairs(_numbers(data["counts"]), _numbers(data["edges"]), fill=True)
    axes.set(xlabel="value", ylabel="count")


def _short(label: object) -> str:
    """Return a label that leaves room for the plot, although there are many labels."""
    text = str(label)
    return text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 1]}…"


def _numbers(values: Sequence[Any]) -> list[float]:
    return [float(number(value)) for value in values]


_PAINTERS: dict[str, Callable[["Axes", Mapping[str, Any]], None]] = {
    "confusion_matrix": _confusion_matrix,
    "roc": _roc,
    "precision_recall": _precision_recall,
    "calibration": _calibration,
    "importances": _bars,
    "coefficients": _bars,
    "residuals": _residuals,
    "curve": _curve,
    "histogram": _histogram,
}
