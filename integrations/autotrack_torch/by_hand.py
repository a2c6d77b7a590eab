"""Weights that a script updates by hand, as in `p -= lr * p.grad`, or with an optimizer that is none of PyTorch's.

Nothing tells of such a step. But where a line calls `backward` again and finds that weights have changed since, it
trains them. From then on, each call of `backward` counts as a step. None of this is looked for where there is an
optimizer of PyTorch.
"""

import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from autotrack.integrations import guarded
from autotrack_torch import elsewhere, members, steps
from autotrack_torch.compiling import is_compiling
from autotrack_torch.frames.reading import EpochVariable, epoch_variable
from autotrack_torch.losses import Backward, Site
from autotrack_torch.passes import Pass
from autotrack_torch.spread import is_spread
from autotrack_torch.watch import watch

_MOST_LOOKS = 50
"""So many calls of `backward` are looked at. Where weights have not changed by then, it is no training."""

_MOST_NODES = 5000
_MOST_NUMBERS = 64


class ByHand:
    """Stands for an optimizer of the weights that a loop updates by hand, which it holds weakly."""

    stands_for = "by hand"

    def __init__(self, weights: list[torch.Tensor]) -> None:
        self._weights = [weakref.ref(one) for one in weights]

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The weights that live, as those of an optimizer."""
        return [{"params": [weight for one in self._weights if (weight := one()) is not None]}]

    def is_alive(self) -> bool:
        """Whether any of the weights lives."""
        return any(one() is not None for one in self._weights)


@dataclass(frozen=True)
class _Look:
    """What was seen when a line called `backward`: the weights and what they were, and the loss up to then."""

    weights: dict[int, tuple["weakref.ref[torch.Tensor]", tuple[Any, ...]]]
    total: Any
    calls: int
    first_pass: Pass | None
    variables: tuple[EpochVariable | None, ...]

    def changed(self, now: list[torch.Tensor]) -> list[torch.Tensor]:
        """Return those of the weights that are others now, although they are the same tensors."""
        before = [(one, self.weights[id(one)]) for one in now if id(one) in self.weights]
        return [one for one, (reference, state) in before if reference() is one and _state_of(one) != state]


class Updates:
    """Looks in one thread for weights that are updated by hand, and counts steps once it has found some."""

    def __init__(self) -> None:
        self._looks: dict[Site, _Look] = {}
        self._left = _MOST_LOOKS
        self._optimizer: ByHand | None = None

    @guarded
    def __call__(self, site: Site, loss: Any, *, is_over: bool) -> None:
        """Be told that `backward` is about to be called, as `watch.after_backward` is."""
        if is_over:  # each call is a step, and has been counted when it began
            return
        if self._optimizer is not None and self._optimizer.is_alive():
            self._count(site)
            return
        if self._optimizer is not None:  # another training may begin
            self._optimizer, self._left = None, _MOST_LOOKS
        if self._left <= 0 or members.exist() or is_compiling() or elsewhere.is_run_of_another():
            watch.after_backward = None
            return
        self._left -= 1
        self._look(site, loss)

    def _look(self, site: Site, loss: Any) -> None:
        weights = list(_weights_of(loss))
        before = self._looks.get(site)
        changed = before.changed(weights) if before is not None else []
        if before is None or not _are_trained(changed):
            known = watch.losses[site]
            self._looks[site] = _Look(
                {id(one): (weakref.ref(one), _state_of(one)) for one in weights},
                known.total,
                known.calls,
                watch.first_pass,
                (epoch_variable(None, skip=1), epoch_variable(None)),
            )
            return
        self._begin(site, before, ByHand([one for one in weights if id(one) in before.weights]))

    def _begin(self, site: Site, before: _Look, optimizer: ByHand) -> None:
        """Begin to record with the step that was made since the call `before`, and the one that begins now."""
        known, first_pass = watch.losses[site], watch.first_pass
        now = Backward(known.total - before.total, known.code)
        then = Backward(before.total, known.code)
        then.calls = before.calls
        self._looks.clear()
        found = steps.find(optimizer)
        if found is None:
            watch.after_backward = None
            return
        self._optimizer = optimizer
        found[0].run.notice(
            "torch",
            "weights are updated without an optimizer of PyTorch; each call of backward counts as a step",
        )
        watch.losses, watch.first_pass = {site: then}, before.first_pass
        found[0].epochs.assume(before.variables)
        self._count(site)
        watch.losses, watch.first_pass = {site: now}, first_pass
        self._count(site)

    def _count(self, site: Site) -> None:
        optimizer = self._optimizer
        if optimizer is None or (found := steps.find(optimizer)) is None:
            return
        loop, member, is_first = found
        with loop.lock:
            loop.record(steps.count(loop, member, optimizer, maker=hash(site), is_first=is_first))
            watch.gradient_norms.clear()  # it is of the step before


def _weights_of(loss: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors that `backward` gives gradients to, as far as they are met first."""
    left, seen = [getattr(loss, "grad_fn", None)], set[Any]()
    while left and len(seen) < _MOST_NODES:
        node = left.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        weight = getattr(node, "variable", None)
        if isinstance(weight, torch.Tensor):
            yield weight
        left.extend(following for following, _ in node.next_functions)


def _state_of(weight: torch.Tensor) -> tuple[Any, ...]:
    """Return what is another when a weight was updated. No device is waited for."""
    state: tuple[Any, ...] = (weight._version,)
    if is_spread(weight) or weight.layout is not torch.strided:
        return state
    if weight.is_cpu:
        return *state, weight.data_ptr(), *weight.detach().flatten()[:_MOST_NUMBERS].tolist()
    return *state, weight.data_ptr()


def _are_trained(changed: list[torch.Tensor]) -> bool:
    """Whether these are weights, and not the one picture that an attack, say, changes step by step."""
    return len(changed) > 1 or any(isinstance(one, torch.nn.Parameter) or one.numel() == 1 for one in changed)
