"""What is recorded once per training or evaluation: params, data, model."""

from typing import Any

import autotrack
from autotrack.integrations import attempt
from autotrack_lightning import params


def describe_training(run: autotrack.Run, trainer: Any, module: Any) -> None:
    """Record everything that determines a training."""
    _log_params(run, params.training_params(trainer, module))
    for stage in ("train", "validate"):
        _describe_data(run, trainer, stage)
    with attempt("lightning model summary"):
        run.log_text("model_summary", params.model_summary(module))


def describe_evaluation(run: autotrack.Run, trainer: Any, module: Any, stage: str, *, is_trained: bool) -> None:
    """Record what an evaluation works with; `is_trained` says that the run has the model's training already."""
    if is_trained:
        _log_params(run, params.data_params(stage, getattr(trainer, params.LOADERS[stage])))
    else:
        _log_params(run, params.evaluation_params(trainer, module, stage))
    if trainer.ckpt_path:
        run.log_params({"checkpoint": str(trainer.ckpt_path)}, stage)
    _describe_data(run, trainer, stage)


def _log_params(run: autotrack.Run, by_source: params.Params) -> None:
    for source, values in by_source:
        run.log_params(values, source)


def _describe_data(run: autotrack.Run, trainer: Any, stage: str) -> None:
    with attempt(f"lightning data: {stage}"):
        for name, loader in params.loaders_by_name(getattr(trainer, params.LOADERS[stage])).items():
            run.log_dataset(stage, loader, name or None)
