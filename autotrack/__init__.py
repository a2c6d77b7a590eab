"""autotrack records training runs by itself; see README.md for the tour.

The public names are resolved on first use, so that `import autotrack` costs next to nothing.
"""

TYPE_CHECKING = False  # type checkers take it for True; importing it from typing costs more than all the rest
if TYPE_CHECKING:
    from autotrack.board import tensorboard as tensorboard
    from autotrack.catalog import RecordedRun as RecordedRun
    from autotrack.catalog import Runs as Runs
    from autotrack.catalog import load as load
    from autotrack.catalog import runs as runs
    from autotrack.context import current_run as current_run
    from autotrack.errors import AutotrackError as AutotrackError
    from autotrack.integration import autolog as autolog
    from autotrack.run import Run as Run
    from autotrack.start import start_run as start_run

__version__ = "0.1.0"

_HOMES = {
    "AutotrackError": "autotrack.errors",
    "RecordedRun": "autotrack.catalog",
    "Run": "autotrack.run",
    "Runs": "autotrack.catalog",
    "autolog": "autotrack.integration",
    "current_run": "autotrack.context",
    "load": "autotrack.catalog",
    "runs": "autotrack.catalog",
    "start_run": "autotrack.start",
    "tensorboard": "autotrack.board",
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
