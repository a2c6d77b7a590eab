"""Hooks around Lightning: what its own integration records is not recorded again from the writer.

A trainer sends everything logged with `self.log` through its logger connector, and learning rates through
LearningRateMonitor, from there to TensorBoardLogger and so to a writer. When the trainer has an AutotrackCallback,
that has recorded these values already. What the user sends to a logger or a writer directly counts.
"""

from collections.abc import Generator, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from autotrack.integrations import Outcome, Patch, flatten, is_autologging
from autotrack_tensorboard import binding, scope

_Running = Generator[None, Outcome, None]


@dataclass(eq=False, slots=True)
class _Work:
    """One thing that a trainer does, such as a fit; `elsewhere` is None if no integration records it."""

    trainer: Any
    elsewhere: scope.Elsewhere | None


_work: ContextVar[_Work | None] = ContextVar("autotrack_tensorboard_work", default=None)


def patches(module: Any) -> Iterable[Patch]:
    """Return the hooks for one of Lightning's modules."""
    if module.__name__.endswith(".trainer"):
        yield Patch(module.Trainer, "_run", _run)
        yield Patch(module._LoggerConnector, "log_metrics", _log_metrics, concerns=_has_loggers)
    elif module.__name__.endswith(".lr_monitor"):
        yield Patch(module.LearningRateMonitor, "on_train_batch_start", _log_rates)
        yield Patch(module.LearningRateMonitor, "on_train_epoch_start", _log_rates)
    else:
        yield Patch(module.TensorBoardLogger, "log_hyperparams", _log_hyperparams)


def is_recorded(trainer: Any) -> bool:
    """Whether the integration for Lightning records this trainer: it is on, or the user has given a callback."""
    if is_autologging("lightning"):
        return True
    return any(cls.__name__ == "AutotrackCallback" for callback in trainer.callbacks for cls in type(callback).__mro__)


def _run(trainer: Any, *_: Any, **__: Any) -> _Running:
    token = _work.set(_Work(trainer, _elsewhere(trainer)))
    yield
    _work.reset(token)


def _elsewhere(trainer: Any) -> scope.Elsewhere | None:
    return scope.Elsewhere() if is_recorded(trainer) else None


def _has_loggers(args: tuple[Any, ...], _kwargs: object) -> bool:
    return bool(args and args[0].trainer.loggers)


def _log_metrics(connector: Any, *_: Any, **__: Any) -> _Running:
    work, trainer = _work.get(), connector.trainer
    elsewhere = work.elsewhere if work is not None and work.trainer is trainer else _elsewhere(trainer)
    if elsewhere is None:
        return
    for writer in binding.waiting_writers():  # also if nothing is written to them
        if any(getattr(logger, "_experiment", None) is writer for logger in connector.trainer.loggers):
            binding.bind(writer)
    token = scope.elsewhere.set(elsewhere)
    yield
    scope.elsewhere.reset(token)


def _log_rates(_monitor: Any, trainer: Any = None, *_: Any, **__: Any) -> _Running:
    if trainer is None or not is_recorded(trainer):
        return
    token = scope.elsewhere.set(scope.Elsewhere(_is_rate))
    yield
    scope.elsewhere.reset(token)


def _log_hyperparams(logger: Any, params: Any = None, metrics: Any = None, *_: Any, **__: Any) -> _Running:
    """Record params that are sent to a logger, except those of the model, which are recorded with the training.

    Without metrics, Lightning writes an `hp_metric` of -1 to make TensorBoard show the params; it measures nothing.
    """
    token = scope.elsewhere.set(scope.Elsewhere() if metrics is None else None)
    outcome = yield
    scope.elsewhere.reset(token)
    if outcome.error is not None or logger._experiment is None:  # another rank than 0 writes nothing
        return
    work = _work.get()
    recorded = _params_of_model(work.trainer if work is not None else None)
    sent = flatten(params if isinstance(params, Mapping) else vars(params))
    new = {name: value for name, value in sent.items() if name not in recorded or recorded[name] != value}
    if new:
        binding.log_params(logger._experiment, new, can_wait=_is_of_trainers(logger))


def _is_of_trainers(logger: Any) -> bool:
    """Whether this is the logger of trainers, whose runs Lightning's integration starts, and not the one of Fabric."""
    homes = ("lightning.pytorch.", "pytorch_lightning.")
    return is_autologging("lightning") and any(cls.__module__.startswith(homes) for cls in type(logger).__mro__)


def _params_of_model(trainer: Any) -> dict[str, Any]:
    if trainer is None or not is_recorded(trainer):
        return {}
    owners = (trainer.lightning_module, trainer.datamodule)
    return flatten({name: value for owner in owners for name, value in getattr(owner, "hparams", {}).items()})


def _is_rate(tag: str) -> bool:
    return not tag.endswith(("-momentum", "-weight_decay"))  # LearningRateMonitor writes these on request
