"""Tells several models apart that one line of code trains: `for model, optimizer in zip(models, optimizers): ...`."""

import re
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import torch

from autotrack_torch.frames.reading import EPOCH, loops_around, user_frames, variables

_MOST_ENTRIES = 1000
_NO_NAME = re.compile(r"(?i)(?<![a-z])(optimi[sz]er|optim|opt|solver)s?(?![a-z])|_+$|^_+|^self$")


def label_among_others(optimizer: Any, models: Iterable[Any]) -> str | None:
    """Return what the script calls an optimizer or its models among others of their kind; None if it does not.

    That is the key or the number in a dict or list which holds it, or an object that has it, together with others, or
    what is special about the name of its variable: `d` for `opt_d`.
    """
    own = {id(one) for one in (optimizer, *models)}
    for frame in user_frames():
        held = variables(frame)
        for value in held.values():
            if (label := _label_in(value, own)) is not None:
                return label
        named = {name: value for name, value in held.items() if isinstance(value, torch.optim.Optimizer)}
        if len({id(value) for value in named.values()}) > 1:
            for name in (name for name, value in named.items() if id(value) in own):
                if label := _NO_NAME.sub("", name).strip("_"):
                    return label
    return None


def is_one_of_many(optimizer: Any, models: Iterable[Any]) -> bool:
    """Whether the running code goes through models or optimizers within each epoch, and this one is its turn."""
    own = {id(one) for one in (optimizer, *models)}
    is_met = False
    for frame in user_frames():
        for loop in (loop for loop in loops_around(frame) if loop.targets):
            if any(EPOCH.fullmatch(name) for name in loop.targets):
                return is_met
            held = variables(frame, set(loop.targets)).values()
            is_met = is_met or any(_is_or_has(value, own) for value in held)
    return False


def _label_in(value: Any, own: set[int]) -> str | None:
    entries = list(_entries(value))
    if len(entries) > 1:
        for key, entry in entries:
            if _is_or_has(entry, own):
                return str(key)
    return None


def _entries(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the entries of a small collection by key or number."""
    if type(value) in (dict, OrderedDict, defaultdict) and len(value) <= _MOST_ENTRIES:
        yield from ((key, entry) for key, entry in list(value.items()) if isinstance(key, (str, int)))
    elif type(value) in (list, tuple) and len(value) <= _MOST_ENTRIES:
        yield from enumerate(value)
    elif isinstance(value, torch.nn.ModuleList):
        yield from enumerate(value.children())
    elif isinstance(value, torch.nn.ModuleDict):
        yield from value.items()


def _is_or_has(value: Any, own: set[int]) -> bool:
    """Whether this is one of these objects, a tuple with one, or an object of the user's that has one."""
    if id(value) in own:
        return True
    if isinstance(value, tuple):
        return any(id(entry) in own for entry in value[:20])
    if isinstance(value, (torch.nn.Module, torch.Tensor, torch.optim.Optimizer, type)):
        return False
    held = value if type(value) is dict else getattr(value, "__dict__", None)
    return type(held) is dict and any(id(entry) in own for entry in list(held.values())[:100])
