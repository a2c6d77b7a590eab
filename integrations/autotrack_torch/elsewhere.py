"""Whether what happens here is recorded by the integration of another framework, which the loop is a part of."""

import sys
from types import FrameType

import autotrack
from autotrack.integrations import is_autologging

OURS = ("user", "tensorboard", "torch")
"""Who may have started a run that loops add to: a person, a writer that the loop writes to, or an earlier step."""

_FRAMEWORKS = {
    "lightning.pytorch": "lightning",
    "pytorch_lightning": "lightning",
    "keras": "keras",
    "sklearn": "sklearn",
    "skorch": "sklearn",
}
"""By the package that trains: the integration that records it."""

_packages: dict[str, str | None] = {}  # by the name of a module


def is_run_of_another() -> bool:
    """Whether the run that is being recorded in this thread was started by another integration."""
    run = autotrack.current_run()
    return run is not None and run.started_by not in OURS


def is_at_work() -> bool:
    """Whether a training of another integration is under way in this thread.

    Mostly its run tells. Where it adds to a run of a person, or tries learning rates without one, the frames do.
    """
    if is_run_of_another():
        return True
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__")
        integration = _packages[name] if name in _packages else _integration_of(name)
        if integration is not None and is_autologging(integration):
            return True
        frame = frame.f_back
    return False


def _integration_of(name: object) -> str | None:
    found = None
    if isinstance(name, str):
        parts = name.split(".")
        found = _FRAMEWORKS.get(".".join(parts[:2])) or _FRAMEWORKS.get(parts[0])
        _packages[name] = found
    return found
