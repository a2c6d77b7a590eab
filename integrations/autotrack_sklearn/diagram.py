"""Keeps the diagram of an estimator in the run folder, as scikit-learn shows it in notebooks."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from autotrack.integrations import RunFiles
from autotrack_sklearn.estimator_kinds import refitted
from autotrack_sklearn.params import parts_of
from autotrack_sklearn.recording import Recording

_COUNTERS = ("_CONTAINER_ID_COUNTER", "_ESTIMATOR_ID_COUNTER")
"""They number the diagrams in the user's notebook."""


def keep_diagram(recording: Recording) -> None:
    """Keep the diagram of an estimator that is made of others; of a single one it would show nothing but its params.

    Of a search, that is the model which it refitted. Drawing takes 10 to 20 ms.
    """
    estimator = refitted(recording.subject)
    if estimator is None or not any(hasattr(part, "fit") for part in parts_of(estimator)):
        return
    from sklearn.utils import estimator_html_repr  # a script that fits single estimators does without it

    with _restored_counters(sys.modules.get(estimator_html_repr.__module__)):
        text = estimator_html_repr(estimator)
    path = recording.run.folder / "artifacts" / recording.prefix.rstrip("/") / "estimator.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    RunFiles(recording.run).record(path, kind="structure")


@contextmanager
def _restored_counters(module: ModuleType | None) -> Iterator[None]:
    counters = [counter for name in _COUNTERS if (counter := getattr(module, name, None)) is not None]
    before = [counter.count for counter in counters]
    try:
        yield
    finally:
        for counter, count in zip(counters, before, strict=True):
            counter.count = count
