"""Reads the params of a trainer's optimizers and schedulers."""

from collections.abc import Mapping
from typing import Any

from autotrack.integrations import as_plain, attempt
from autotrack_lightning.arguments import remembered_of
from autotrack_lightning.params import Params, settings_of

_SCHEDULER_STATE = ("optimizer", "optimizers", "last_epoch", "verbose", "schedulers", "_schedulers")


def optimizer_params(trainer: Any) -> Params:
    """Yield `(source, params)` for every optimizer, with those of every param group."""
    for index, optimizer in enumerate(trainer.optimizers):
        source = f"optimizer{index}" if index else "optimizer"
        with attempt(f"lightning params: {source}"):
            prefix = f"{source}." if index else ""
            yield source, {source: type(optimizer).__name__}
            for number, group in enumerate(optimizer.param_groups):
                label = f"{prefix}group{number}." if number else prefix
                yield source, {f"{label}{name}": as_plain(value) for name, value in _group(optimizer, group).items()}


def _group(optimizer: Any, group: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: value for name, value in group.items() if name not in ("params", "initial_lr")}
    # A scheduler has set the first rate by now; what the optimizer was made with is kept beside it.
    values["lr"] = group.get("initial_lr", group.get("lr"))
    if "max_momentum" in group:  # OneCycleLR and CyclicLR set the momentum, too
        given = getattr(optimizer, "defaults", {})
        values |= {name: given[name] for name in ("momentum", "betas") if name in values and name in given}
    values["parameters_in_group"] = sum(parameter.numel() for parameter in group["params"])
    return values


def scheduler_params(trainer: Any) -> Params:
    """Yield `(source, params)` for every learning-rate scheduler, with those of the schedulers within it."""
    for index, config in enumerate(trainer.lr_scheduler_configs):
        source = f"scheduler{index}" if index else "scheduler"
        with attempt(f"lightning params: {source}"):
            about = {name: getattr(config, name, None) for name in ("interval", "frequency", "monitor", "name")}
            about = {name: value for name, value in about.items() if name != "name" or value is not None}
            yield (
                source,
                {f"{source}.{name}": value for name, value in about.items()} | _scheduler(source, config.scheduler),
            )


def _scheduler(name: str, scheduler: Any) -> dict[str, Any]:
    held = {**settings_of(scheduler), **(remembered_of(scheduler) or {})}
    own = {key: value for key, value in held.items() if key.partition(".")[0] not in _SCHEDULER_STATE}
    params = {name: type(scheduler).__name__, **{f"{name}.{key}": value for key, value in own.items()}}
    for index, inner in enumerate(getattr(scheduler, "_schedulers", ())):
        params |= _scheduler(f"{name}.{index}", inner)
    return params
