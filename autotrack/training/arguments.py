"""Checks what people pass to the methods that log: a mistake is answered with the value and what is expected."""

import operator
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from autotrack.journal.records import TrialKind, TrialStatus

PLOT_KINDS = (
    "confusion_matrix", "roc", "precision_recall", "calibration", "importances", "coefficients", "residuals", "curve",
    "histogram",
)  # fmt: skip
"""The kinds that `autotrack.plots` draws."""


def index_of(name: str, value: Any) -> int:
    """Return a step or an epoch. Raises `TypeError` if it is no integer."""
    try:
        return int(operator.index(value))  # of True, the index is True
    except TypeError:
        raise TypeError(f"{name} is {value!r:.100}; expected an integer") from None


def step_of(value: Any) -> int | None:
    """Return a step, or None where there is none. Raises `TypeError` if it is no integer."""
    return None if value is None else index_of("step", value)


def text_of(name: str, value: Any, example: str) -> str:
    """Return a text. Raises `TypeError` if it is anything else."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is {value!r:.100}; expected text, such as {example!r}")
    return str.__str__(value)


def kind_of_plot(value: Any) -> str:
    """Return the kind of a plot. Raises `TypeError` if it is no text, and `ValueError` if nobody can draw it."""
    kind = text_of("kind", value, "curve")
    if kind not in PLOT_KINDS:
        raise ValueError(f"kind is {kind!r:.100}; expected one of {', '.join(PLOT_KINDS)}")
    return kind


def values_by_name(method: str, values: Any, example: str) -> Mapping[Any, Any]:
    """Return the values. Raises `TypeError` if they have no names."""
    if not isinstance(values, Mapping):
        raise TypeError(f"{method} was given {values!r:.100}; give it names and values, such as {example}")
    return values


def wrong_metrics(values: Any, stage: Any) -> TypeError:
    """Return what is wrong with metrics that have no names, or else with their stage."""
    if not hasattr(values, "values"):
        return TypeError(f"log was given {values!r:.100}; give it names and values, such as {{'loss': 0.1}}")
    return TypeError(f"stage is {stage!r:.100}; expected text, such as 'train'")


def check_names(names: Iterable[Any]) -> None:
    """Raise `TypeError` if what names a metric is neither text nor a number."""
    for name in names:
        if not isinstance(name, (str, int, float)):
            raise TypeError(f"the name of a metric is {name!r:.100}; expected text, such as 'loss'")


class _AboutTrial(msgspec.Struct, forbid_unknown_fields=True):
    kind: TrialKind = "candidate"
    status: TrialStatus = "finished"
    error: str | None = None
    started: float | None = None
    ended: float | None = None


def fields_of_trial(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the further fields of a trial. Raises `TypeError` for a wrong name or value."""
    plain = {name: float(value) if isinstance(value, float) else value for name, value in about.items()}
    for name, value in plain.items():
        try:
            msgspec.convert({name: value}, _AboutTrial)
        except (msgspec.ValidationError, UnicodeEncodeError) as error:
            reason = f"{str(error).partition(' - ')[0]:.200}"
            raise TypeError(
                f"log_trial was given {name}={value!r:.100}: {reason}; it takes kind ('candidate', 'fold', 'point'), "
                f"status ('finished', 'failed' or 'pruned'), error (text), started and ended (seconds since 1970)"
            ) from None
    return plain
