"""What a script sends straight to the loggers of a trainer, past `self.log`: metrics and hyperparameters.

While a trainer is at work, that belongs to its run; afterwards to the run it had last. Hyperparameters that were sent
before wait for the run that is to come. What goes to TensorBoard is left to the integration for TensorBoard, if that
is switched on: it hears what goes to the writer of a logger as well.
"""

import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextvars import ContextVar
from types import FrameType, ModuleType
from typing import Any

from torch.utils.weak import WeakIdKeyDictionary

import autotrack
from autotrack.integrations import Hook, Outcome, Patch, attempt, flatten, is_autologging, log_numbers

_Running = Generator[None, Outcome, None]

_watched: dict[int, "WatchedLoggers"] = {}
"""The loggers of trainers that are at work, by identity."""

_runs: Any = WeakIdKeyDictionary()
"""The run of a logger's trainer, once that has finished its work."""

_waiting: Any = WeakIdKeyDictionary()
"""Hyperparameters that were sent to a logger before there was a run."""

sent_by_lightning: ContextVar[bool | None] = ContextVar("autotrack_sent_by_lightning", default=None)
"""True while a trainer sends something to its loggers, or a logger to itself; otherwise None."""

_patched: set[tuple[type, str]] = set()
"""The methods of Lightning's own loggers, which are hooked into as long as autologging is on."""


class WatchedLoggers:
    """The loggers of a trainer that is at work: what is sent to them is recorded, once even if all of them get it.

    `log` takes the metrics, and the step that was given.
    """

    def __init__(self, trainer: Any, run: autotrack.Run, log: Callable[[Mapping[str, Any], int | None], None]) -> None:
        self._trainer = trainer
        self._run = run
        self._log = log
        self._loggers = list(trainer.loggers)
        self._last: dict[str, tuple[Any, Any, int]] = {}
        known = set(_patched) if is_autologging("lightning") else set()
        self._patches = list(_patches_of(map(type, self._loggers), known))
        for patch in self._patches:
            patch.apply()
        for logger in self._loggers:
            _watched[id(logger)] = self
            if sent := _waiting.pop(logger, None):
                run.log_params(sent, "logger")

    def end(self) -> None:
        """The trainer has finished its work."""
        for patch in self._patches:
            patch.revert()
        for logger in self._loggers:
            _watched.pop(id(logger), None)
            _runs[logger] = self._run

    def log_metrics(self, logger: Any, metrics: Mapping[str, Any], step: int | None) -> None:
        """Record metrics that were sent to one of the loggers, unless another has got the same."""
        new = {}
        for name, value in metrics.items():
            last = self._last.get(name)
            if last is None or last[2] == id(logger) or last[0] != step or not _are_equal(last[1], value):
                new[name] = value
                self._last[name] = (step, value, id(logger))
        if new and not _is_recorded_by_writer(logger):
            self._log(new, step)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Record hyperparameters that were sent to one of the loggers, except those that the model has anyway."""
        owners = (self._trainer.lightning_module, getattr(self._trainer, "datamodule", None))
        of_model = {name: value for owner in owners for name, value in flatten(getattr(owner, "hparams", {})).items()}
        new = {name: value for name, value in params.items() if name not in of_model or of_model[name] != value}
        self._run.log_params(new, "logger")


def patches(module: ModuleType) -> Iterator[Patch]:
    """Return the hooks into the loggers of `lightning.pytorch` or `pytorch_lightning`."""
    loggers = (one for one in vars(sys.modules[f"{module.__name__}.loggers"]).values() if isinstance(one, type))
    own: set[tuple[type, str]] = set()
    yield from _patches_of(loggers, own)
    _patched.update(own)
    connector = sys.modules[f"{module.__name__}.trainer.trainer"]._LoggerConnector
    yield Patch(connector, "log_metrics", _sent_by_trainer, concerns=_is_sent_by_user)


def _patches_of(kinds: Iterable[type], known: set[tuple[type, str]]) -> Iterator[Patch]:
    """Yield the hooks into these classes of loggers that are not `known`, and make them known."""
    hooks: dict[str, Hook] = {"log_metrics": _log_metrics, "log_hyperparams": _log_hyperparams}
    for kind in kinds:
        for name, hook in hooks.items():
            owner = next((cls for cls in kind.__mro__ if name in vars(cls)), None)
            if owner is not None and (owner, name) not in known:
                known.add((owner, name))
                yield Patch(owner, name, hook, concerns=_is_sent_by_user)


def _is_sent_by_user(_args: object, _kwargs: object) -> bool:
    return sent_by_lightning.get() is None


def _sent_by_trainer(*_args: Any, **_kwargs: Any) -> _Running:
    """Hook around the metrics that a trainer sends to its loggers: they are recorded where they come from."""
    token = sent_by_lightning.set(True)
    yield
    sent_by_lightning.reset(token)


def _log_metrics(logger: Any, metrics: Any = None, step: Any = None, *_: Any, **__: Any) -> _Running:
    token = sent_by_lightning.set(True)  # it may pass them on to a base class
    outcome = yield
    sent_by_lightning.reset(token)
    if outcome.error is not None or not isinstance(metrics, Mapping):
        return
    if (watched := _watched.get(id(logger))) is not None:
        watched.log_metrics(logger, metrics, step)
    elif (run := _runs.get(logger)) is not None and not _is_recorded_by_writer(logger):
        log_numbers(run, metrics, step)


def _log_hyperparams(logger: Any, params: Any = None, *_: Any, **__: Any) -> _Running:
    token = sent_by_lightning.set(True)
    outcome = yield
    sent_by_lightning.reset(token)
    if outcome.error is not None or params is None or _is_recorded_by_writer(logger) or _is_called_by_trainer():
        return
    sent = flatten(params if isinstance(params, Mapping) else vars(params))
    if (watched := _watched.get(id(logger))) is not None:
        watched.log_params(sent)
    elif (run := _runs.get(logger)) is not None:
        with attempt("lightning logger", run=run):
            run.log_params(sent, "logger")
    else:
        _waiting[logger] = {**(_waiting.get(logger) or {}), **sent}


def _is_called_by_trainer() -> bool:
    """Whether it is the trainer that sends the hyperparameters of its model, which are recorded as the model's."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "_log_hyperparams" and frame.f_globals["__name__"].endswith(".loggers.utilities"):
            return True
        frame = frame.f_back
    return False


def _is_recorded_by_writer(logger: Any) -> bool:
    return is_autologging("tensorboard") and any(cls.__name__ == "TensorBoardLogger" for cls in type(logger).__mro__)


def _are_equal(one: Any, other: Any) -> bool:
    """Whether two values are the same; without comparing tensors, which could wait for a device."""
    return one is other or (isinstance(one, (int, float)) and isinstance(other, (int, float)) and one == other)
