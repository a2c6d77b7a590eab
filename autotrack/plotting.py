"""Draws plots that are recorded as data."""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from autotrack.records import Plot, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_BARS = 30
_MOST_NUMBERS = 20


def draw(plot: Plot) -> bytes | None:
    """Return a plot as a PNG; None for a kind that is not drawn.

    What its data lacks raises what Python or matplotlib raise, of many types.
    """
    paint = _PAINTERS.get(plot.kind)
    if paint is None:
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # takes a second and 50 MB; few runs have plots
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.8), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(plot.name if plot.step is None else f"{plot.name}, step {plot.step}")
    paint(axes, plot.data)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _confusion_matrix(axes: "Axes", data: Mapping[str, Any]) -> None:
    matrix, labels = [_numbers(row) for row in data["matrix"]], [str(label) for label in data["labels"]]
    image = axes.imshow(matrix, cmap="Blues")
    axes.figure.colorbar(image, ax=axes)
    if len(labels) <= 2 * _MOST_NUMBERS:
        axes.set_xticks(range(len(labels)), labels, rotation=90 if max(map(len, labels)) > 3 else 0)
        axes.set_yticks(range(len(labels)), labels)
    if len(labels) <= _MOST_NUMBERS:
        middle = max(max(row) for row in matrix) / 2
        for y, row in enumerate(matrix):
            for x, value in enumerate(row):
                colour = "white" if value > middle else "black"
                axes.text(x, y, f"{value:.4g}", ha="center", va="center", color=colour, fontsize=8)
    axes.set(xlabel="predicted", ylabel="true")


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
    axes.barh([str(name) for name, _ in chosen], [size for _, size in chosen])
    axes.invert_yaxis()
    axes.tick_params(axis="y", labelsize=8)
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
