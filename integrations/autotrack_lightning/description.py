"""What is recorded once per training or evaluation: params, data, model."""

from typing import Any

import autotrack
from autotrack.integrations import attempt
from autotrack_lightning import optimizers, params


class Configured:
    """What the script has configured, read when a fit starts: later, callbacks and checkpoints have changed it.

    StochasticWeightAveraging adds an epoch of its own, and a checkpoint brings the state of the optimizers it was
    saved with, in which a scheduler may have changed the momentum.
    """

    def __init__(self, trainer: Any) -> None:
        self.limits = params.limits(trainer)
        self.optimizers = list(optimizers.optimizer_params(trainer)) if trainer.ckpt_path else None


def describe_training(run: autotrack.Run, trainer: Any, module: Any, configured: Configured) -> None:
    """Record everything that determines a training."""
    _log_params(run, params.training_params(trainer, module, configured.limits))
    _log_params(run, iter(configured.optimizers or optimizers.optimizer_params(trainer)))
    _log_params(run, optimizers.scheduler_params(trainer))
    _log_params(run, params.callback_params(trainer))
    for stage in ("train", "validate"):
        _log_params(run, params.data_params(stage, getattr(trainer, params.LOADERS[stage])))
    for stage in ("train", "validate"):
        _describe_data(run, trainer, stage)
    with attempt("lightning model summary"):
        run.log_text("model_summary", params.model_summary(module))


def describe_evaluation(run: autotrack.Run, trainer: Any, module: Any, stage: str, *, is_trained: bool) -> None:
    """Record what an evaluation works with; `is_trained` says that the run has the model's training already."""
    if not is_trained:
        _log_params(run, params.evaluation_params(trainer, module))
    _log_params(run, params.data_params(stage, getattr(trainer, params.LOADERS[stage])))
    if trainer.ckpt_path:
        name = "evaluated_checkpoint" if is_trained else "checkpoint"  # of its own, it is no setting
        run.log_params({name: str(trainer.ckpt_path)}, stage)
    _describe_data(run, trainer, stage)


def _log_params(run: autotrack.Run, by_source: params.Params) -> None:
    for source, values in by_source:
        with attempt(f"lightning params: {source}", run=run):
            run.log_params(values, source)


def _describe_data(run: autotrack.Run, trainer: Any, stage: str) -> None:
    with attempt(f"lightning data: {stage}"):
        for name, loader in params.loaders_by_name(getattr(trainer, params.LOADERS[stage])).items():
            run.log_dataset(stage, loader, name or None)
