"""autotrack records training runs by itself; see README.md for the tour.

The public names are resolved on first use, so that `import autotrack` costs next to nothing.
"""

from autotrack.version import __version__

TYPE_CHECKING = False  # type checkers take it for True; importing it from typing costs more than all the rest
if TYPE_CHECKING:
    from autotrack.errors import AutotrackError as AutotrackError
    from autotrack.models.loading import load_model as load_model
    from autotrack.readers.catalog import load as load
    from autotrack.readers.catalog import runs as runs
    from autotrack.readers.recorded_run import RecordedRun as RecordedRun
    from autotrack.readers.runs import Runs as Runs
    from autotrack.readers.tensorboard import tensorboard as tensorboard
    from autotrack.sidecar.sync_runs import sync as sync
    from autotrack.training.autolog import autolog as autolog
    from autotrack.training.flushing import flush as flush
    from autotrack.training.run import Run as Run
    from autotrack.training.run import current_run as current_run
    from autotrack.training.start import start_run as start_run


_HOMES = {
    "AutotrackError": "autotrack.errors",
    "RecordedRun": "autotrack.readers.recorded_run",
    "Run": "autotrack.training.run",
    "Runs": "autotrack.readers.runs",
    "autolog": "autotrack.training.autolog",
    "current_run": "autotrack.training.run",
    "flush": "autotrack.training.flushing",
    "load": "autotrack.readers.catalog",
    "load_model": "autotrack.models.loading",
    "runs": "autotrack.readers.catalog",
    "start_run": "autotrack.training.start",
    "sync": "autotrack.sidecar.sync_runs",
    "tensorboard": "autotrack.readers.tensorboard",
}

__all__ = [  # noqa: PLE0604  the names below are resolved by __getattr__
    "__version__",
    *_HOMES,
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'autotrack' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
