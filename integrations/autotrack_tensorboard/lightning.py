"""Hooks around Lightning: what its own integration records is not recorded again from the writer.

A trainer sends everything logged with `self.log` through its logger connector, and learning rates through
LearningRateMonitor, from there to TensorBoardLogger and so to a writer. When the trainer has an AutotrackCallback,
that has recorded these values already. What the user sends to a logger or a writer directly counts.
"""

from collections.abc import Generator, Iterable, Mapping
from contextvars import ContextVar
from typing import Any

from autotrack.integrations import Outcome, Patch, flatten
from autotrack_tensorboard import binding, scope

_Running = Generator[None, Outcome, None]

_trainer: ContextVar[Any] = ContextVar("autotrack_tensorboard_trainer", default=None)


def patches(module: Any) -> Iterable[Patch]:
    """Return the hooks for one of Lightning's modules."""
    if module.__name__.endswith(".trainer"):
        yield Patch(module.Trainer, "_run", _work)
        yield Patch(module._LoggerConnector, "log_metrics", _log_metrics)
    elif module.__name__.endswith(".lr_monitor"):
        yield Patch(module.LearningRateMonitor, "on_train_batch_start", _log_rates)
        yield Patch(module.LearningRateMonitor, "on_train_epoch_start", _log_rates)
    else:
        yield Patch(module.TensorBoardLogger, "log_hyperparams", _log_hyperparams)


def is_recorded(trainer: Any) -> bool:
    """Whether the trainer has a callback of autotrack's, from the user or from autolog."""
    return any(cls.__name__ == "AutotrackCallback" for callback in trainer.callbacks for cls in type(callback).__mro__)


def _work(trainer: Any, *_: Any, **__: Any) -> _Running:
    token = _trainer.set(trainer)
    yield
    _trainer.reset(token)


def _log_metrics(connector: Any, *_: Any, **__: Any) -> _Running:
    if not is_recorded(connector.trainer):
        return
    token = scope.is_recorded_elsewhere.set(_always)
    yield
    scope.is_recorded_elsewhere.reset(token)


def _log_rates(_monitor: Any, trainer: Any = None, *_: Any, **__: Any) -> _Running:
    if trainer is None or not is_recorded(trainer):
        return
    token = scope.is_recorded_elsewhere.set(_is_rate)
    yield
    scope.is_recorded_elsewhere.reset(token)


def _log_hyperparams(logger: Any, params: Any = None, metrics: Any = None, *_: Any, **__: Any) -> _Running:
    """Record params that are sent to a logger, except those of the model, which are recorded with the training.

    Without metrics, Lightning writes an `hp_metric` of -1 to make TensorBoard show the params; it measures nothing.
    """
    token = scope.is_recorded_elsewhere.set(_always if metrics is None else None)
    outcome = yield
    scope.is_recorded_elsewhere.reset(token)
    if outcome.error is not None or logger._experiment is None:  # another rank than 0 writes nothing
        return
    recorded = _params_of_model(_trainer.get())
    sent = flatten(params if isinstance(params, Mapping) else vars(params))
    new = {name: value for name, value in sent.items() if name not in recorded or recorded[name] != value}
    if new and (run := binding.run_of(logger._experiment)) is not None:
        run.log_params(new, "tensorboard")


def _params_of_model(trainer: Any) -> dict[str, Any]:
    if trainer is None or not is_recorded(trainer):
        return {}
    owners = (trainer.lightning_module, trainer.datamodule)
    return flatten({name: value for owner in owners for name, value in getattr(owner, "hparams", {}).items()})


def _always(_: str) -> bool:
    return True


def _is_rate(tag: str) -> bool:
    return not tag.endswith(("-momentum", "-weight_decay"))  # LearningRateMonitor writes these on request
