"""The learning rates that steps were made with, under the names that LearningRateMonitor gives them."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from autotrack.integrations import attempt


class LearningRates:
    """Reads the rates of a trainer's optimizers at the only moment when they are certain: right after a step.

    Before that, a hook, `optimizer_step` or the training step itself may still change them; after that, a scheduler
    does. Until `detach`, torch tells us of every step of every optimizer.
    """

    def __init__(self, trainer: Any) -> None:
        self._trainer = trainer
        self._at_start: dict[int, list[Any]] = {}  # both by the identity of an optimizer's list of param groups
        self._in_step: dict[int, list[Any]] = {}
        self._in_step_before: dict[int, list[Any]] = {}
        self._names: list[tuple[Any, list[str]]] = []
        self._named: list[tuple[int, int]] = []
        self._handle = register_optimizer_step_post_hook(self._note)

    def detach(self) -> None:
        """Listen to optimizers no more."""
        self._handle.remove()

    def batch_starts(self, *, is_recorded: bool) -> None:
        """Begin a batch. If it is to be recorded, the rates of optimizers that make no step in it are read now."""
        self._in_step, self._in_step_before = {}, self._in_step
        self._at_start = {}
        if is_recorded:
            for optimizer in self._trainer.optimizers:
                groups = getattr(optimizer, "optimizer", optimizer).param_groups
                self._at_start[id(groups)] = _rates(groups)

    def _note(self, optimizer: Any, _args: Any, _kwargs: Any) -> None:
        try:  # no clock and no other call: torch comes here with every step of any optimizer
            groups = optimizer.param_groups
            self._in_step[id(groups)] = _rates(groups)
        except Exception:  # it must not stop the training
            with attempt("lightning learning rates"):
                raise

    def of_batch(self, *, before: bool = False) -> dict[str, Any]:
        """Return the rates by name: those of steps in this batch, or in the one `before`, and others as they are."""
        in_step = self._in_step_before if before else self._in_step
        rates: dict[str, Any] = {}
        for optimizer, names in self._optimizers():
            groups = optimizer.param_groups
            read = in_step.get(id(groups)) or self._at_start.get(id(groups)) or _rates(groups)
            rates.update(zip(names, read, strict=False))  # a group may have been added within the batch
        return rates

    def names(self) -> set[str]:
        """Return the names of all rates."""
        return {name for _, names in self._optimizers() for name in names}

    def _optimizers(self) -> list[tuple[Any, list[str]]]:
        known_by = []
        for optimizer in self._trainer.optimizers:
            groups = getattr(optimizer, "optimizer", optimizer).param_groups
            known_by.append((id(groups), len(groups)))
        if known_by != self._named:  # an optimizer was exchanged, or a group added
            self._names, self._named = list(named_optimizers(self._trainer)), known_by
        return self._names


def named_optimizers(trainer: Any) -> Iterator[tuple[Any, list[str]]]:
    """Yield the optimizers of a trainer, each with a name for every param group, as LearningRateMonitor makes them.

    A name that was given to a scheduler or a param group comes first. Optimizers without a scheduler come last, which
    matters where several are of one class.
    """
    optimizers = [_inner(optimizer) for optimizer in trainer.optimizers]
    scheduled: list[tuple[Any, str | None]] = []
    for config in trainer.lr_scheduler_configs:
        optimizer = getattr(config.scheduler, "optimizer", None)
        if any(optimizer is one for one in optimizers) and not any(optimizer is one for one, _ in scheduled):
            scheduled.append((optimizer, config.name))
    others = [(one, None) for one in optimizers if not any(one is other for other, _ in scheduled)]
    count: Counter[type] = Counter()
    for optimizer, given in (*scheduled, *others):
        kind = type(optimizer)
        count[kind] += given is None
        name = (given or f"lr-{kind.__name__}") + (f"-{count[kind] - 1}" if count[kind] > 1 else "")
        yield optimizer, _names_of_groups(name, optimizer.param_groups)


def _names_of_groups(name: str, groups: Sequence[dict[str, Any]]) -> list[str]:
    given = [group.get("name") for group in groups]
    if len(groups) == 1:
        return [f"{name}/{given[0]}" if given[0] else name]
    numbered = [f"pg{index}" for index in range(1, len(groups) + 1)]
    labels = [str(label or number) for label, number in zip(given, numbered, strict=True)]
    return [f"{name}/{label}" for label in (labels if len(set(labels)) == len(labels) else numbered)]


def _inner(optimizer: Any) -> Any:
    """Return the optimizer within a wrapper such as DeepSpeed's."""
    return getattr(optimizer, "optimizer", optimizer)


def _rates(groups: Sequence[dict[str, Any]]) -> list[Any]:
    """Return the rates of param groups as they are now. Schedulers change those that are tensors in place."""
    rates = []
    for group in groups:
        rate = group.get("lr", math.nan)
        if rate.__class__ is not float and isinstance(rate, torch.Tensor):
            rate = rate.detach().clone()
        rates.append(rate)
    return rates
