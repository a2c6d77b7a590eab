"""Finds the model that an optimizer trains, by looking at what the code that makes the first step has at hand."""

import gc
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import torch
from torch import nn

from autotrack_torch.frames.reading import user_frames, variables
from autotrack_torch.members import parameters_of

_MOST_OBJECTS = 2000


def find_models(optimizer: Any) -> list[nn.Module]:
    """Return the outermost modules whose parameters the optimizer trains; several if no single one has them all."""
    trained = {id(one) for one in parameters_of(optimizer)}
    if not trained:
        return []
    found = _best(_candidates(nn.Module), trained)
    if not found and _searches_left[0] > 0:
        found = [owner] if (owner := _owner(parameters_of(optimizer)[0])) is not None else []
        _searches_left[0] -= not found
    return found


def originals_of(models: Collection[nn.Module]) -> list[nn.Module]:
    """Return the models at hand that these may be copies of: of the same shape, with other parameters."""
    shapes = {shape_of(model) for model in models}
    parameters = {id(one) for model in models for one in model.parameters()}
    kinds = tuple({type(model) for model in models})
    return [
        model
        for model in (visible(kinds) if kinds else ())
        if shape_of(model) in shapes and parameters.isdisjoint(map(id, model.parameters()))
    ]


def shape_of(model: nn.Module) -> tuple[Any, ...]:
    """Return what a model has in common with its copies."""
    return (type(model), *(tuple(one.shape) for one in model.parameters()))


def visible(kind: type | tuple[type, ...]) -> list[Any]:
    """Return the objects of a class that the running code has in variables, or in attributes of its objects."""
    return list(_candidates(kind))


def _candidates(kind: Any) -> Iterator[Any]:
    seen: set[int] = set()
    for value in _reachable():
        if id(value) not in seen and isinstance(value, kind):
            seen.add(id(value))
            yield value


def _reachable() -> Iterator[Any]:
    """Yield what the variables of the running code refer to, and what lies one or two levels below that."""
    left = _MOST_OBJECTS
    for frame in user_frames():
        for value in variables(frame).values():
            yield value
            if (left := left - 1) <= 0:
                return
            for inner in _inside(value):
                yield inner
                if not isinstance(inner, nn.Module):
                    yield from _inside(inner, only_objects=True)


def _inside(value: Any, *, only_objects: bool = False) -> Iterable[Any]:
    """Return what a small collection or an object of the user's own classes holds."""
    if isinstance(value, (list, tuple)) and not only_objects:
        return value[:20]
    if type(value) is dict and not only_objects:
        return list(value.values())[:20] if len(value) <= 100 else ()
    module = type(value).__module__
    if isinstance(value, (nn.Module, torch.Tensor, type)) or module.partition(".")[0] in _LIBRARIES:
        return ()
    held = getattr(type(value), "__dict__", None) and getattr(value, "__dict__", None)
    return list(held.values())[:100] if type(held) is dict else ()


_LIBRARIES = frozenset(("torch", "builtins", "numpy", "argparse", "autotrack", "typing", "types", "pandas", "sklearn"))


def _best(candidates: Iterable[nn.Module], trained: set[int]) -> list[nn.Module]:
    """Choose the fewest modules that have what is trained, and not much else."""
    judged = []
    for order, module in enumerate(candidates):
        held = {id(one): one.requires_grad for one in module.parameters()}
        covered = held.keys() & trained
        if covered:
            others = sum(needs_grad for one, needs_grad in held.items() if one not in trained)
            layers = sum(1 for _ in module.modules())
            judged.append(((-len(covered), others > 0, others, -layers, order), module, covered))
    chosen, left = list[nn.Module](), set(trained)
    for _, module, covered in sorted(judged, key=lambda one: one[0]):
        if covered & left:
            chosen.append(module)
            left -= covered
    return chosen


_searches_left = [5]
"""So often are all objects searched in vain: scripts without modules make thousands of optimizers."""


def _owner(parameter: Any) -> nn.Module | None:
    """Return the outermost module that holds a parameter, by what refers to it: this looks at all objects."""
    module: nn.Module | None = None
    target: Any = parameter
    for _ in range(20):
        above = next((one for one in _modules_that_hold(target) if one is not module), None)
        if above is None:
            return module
        module = target = above
    return module


def _modules_that_hold(target: Any) -> list[nn.Module]:
    dicts = [one for one in gc.get_referrers(target) if type(one) is dict and any(v is target for v in one.values())]
    holders = [one for held in dicts for one in gc.get_referrers(held)]
    holders += [one for inner in list(holders) if type(inner) is dict for one in gc.get_referrers(inner)]
    found = [one for one in holders if isinstance(one, nn.Module)]
    return [
        one for one in found if any(target is part for part in (*one._parameters.values(), *one._modules.values()))
    ]
