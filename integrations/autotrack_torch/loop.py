"""The training loop that is being recorded, for all who want to know its run, step, epoch or model."""

import threading
import weakref
from typing import Any

import torch

import autotrack
from autotrack.integrations import RunOptions


class Loop:
    """A training by a loop of the user's: everything recorded of it goes to one run.

    Models, optimizers and data loaders are only ever held weakly.
    """

    def __init__(self, run: autotrack.Run, options: RunOptions, *, is_own: bool) -> None:
        self.run = run
        self.is_own = is_own
        """Whether the run was started for this loop; otherwise it is one of a person's, or of a writer."""

        self.step = -1
        """The number of the last step that was made, from 0; -1 before the first one."""

        self.epoch: int | None = None
        """The number of the epoch, as the script counts it; None where it has none."""

        self.every_n_steps = options.settings.log_every_n_steps or 1
        self._models: list[weakref.ref[torch.nn.Module]] = []

    @property
    def model(self) -> torch.nn.Module | None:
        """The model that is trained, the first one of several; None if it was not found, or lives no more."""
        return next(iter(self.models), None)

    @property
    def models(self) -> list[torch.nn.Module]:
        """All models that are trained and still live, in the order of their first steps."""
        return [model for reference in self._models if (model := reference()) is not None]

    def add_model(self, model: torch.nn.Module) -> None:
        """Note that this model is trained, too."""
        if all(model is not other for other in self.models):
            self._models.append(weakref.ref(model))


class _Current(threading.local):
    """The loop of this thread: two threads may train at the same time."""

    loop: Any = None


_current = _Current()


def current_loop() -> Loop | None:
    """Return the loop that is recorded in this thread, or None before the first step and after the end of the run."""
    loop: Loop | None = _current.loop
    return loop if loop is not None and loop.run.status == "running" else None


def set_current_loop(loop: Loop | None) -> None:
    """Make this the loop that is recorded in this thread."""
    _current.loop = loop
