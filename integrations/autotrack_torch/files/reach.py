"""Tells whether an object keeps itself alive."""

import gc
from collections import deque
from types import FrameType, FunctionType, ModuleType
from typing import Any

_MOST_OBJECTS = 100_000


def holds_itself(owner: Any) -> bool:
    """Whether what an object's attributes refer to, at any depth, refers to the object: it takes part in a cycle.

    So do modules that register a method of theirs as a hook. If too much would have to be looked at, it may.
    """
    waiting: deque[Any] = deque([vars(owner)])
    seen = {id(waiting[0])}
    while waiting:
        for value in _referents(waiting.popleft()):
            if value is owner:
                return True
            if id(value) in seen or isinstance(value, (type, ModuleType, FrameType)) or not gc.is_tracked(value):
                continue
            seen.add(id(value))
            waiting.append(value)
            if len(seen) > _MOST_OBJECTS:
                return True
    return False


def _referents(value: Any) -> list[Any]:
    if isinstance(value, FunctionType):  # not its globals, which may be all of the script
        return [value.__closure__, value.__defaults__, value.__kwdefaults__, value.__dict__]
    return gc.get_referents(value)
