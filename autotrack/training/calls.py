"""Tells whether the script trains again because it calls the same function again, as in `for lr in rates: main(lr)`.

Each call that is under way is marked when a training begins in it. When another one begins, a call that has lost its
mark is over. What has been called instead of it, from the same place, is the same function again, or another part of
the script.
"""

import dis
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import takewhile
from pathlib import PurePath
from types import CodeType, FrameType
from typing import Any
from weakref import ReferenceType, ref

from autotrack.training.configs import items_of
from autotrack.training.hooks.user_code import is_installed
from autotrack.training.values import flatten

_SETTINGS = (str, int, float, type(None), PurePath)
_MOST_SETTINGS = 100
_MOST_CHAINS = 20
_OF_MODELS = ("parameters", "predict")
_IS_FUNCTION = 1  # CO_OPTIMIZED


class Fate:
    """What has become of a call. It is told by the mark in its frame, which is freed with the frame.

    The frame of a call that returns is freed while its caller is still at the very instruction that calls. That of a
    call which raises lives until its exception has been dealt with: at the end of the `except` block, somewhere else.
    """

    def __init__(self, frame: FrameType) -> None:
        caller = frame.f_back
        self._called_at = None if caller is None else (id(caller.f_code), caller.f_lasti)
        self.has_returned = False
        self.was_caught = False
        """Whether the call has raised an exception that the script has dealt with."""

    def freed(self, caller: FrameType) -> None:
        """Note that the frame of the call is gone, and who is at work."""
        if self._called_at == (id(caller.f_code), caller.f_lasti):
            self.has_returned = True
        elif not is_installed(caller.f_code.co_filename):  # a search catches what tells it to give up a candidate
            self.was_caught = _ends_except_block(caller)


def _ends_except_block(frame: FrameType) -> bool:
    before: dis.Instruction | None = None
    for one in dis.get_instructions(frame.f_code):
        if one.opname in ("CACHE", "LOAD_CONST"):
            continue
        if one.offset == frame.f_lasti:
            is_after = before is not None and before.opname == "POP_EXCEPT" and one.opname.startswith("STORE_")
            return one.opname == "POP_EXCEPT" or is_after
        before = one
    return False


class _Mark:
    """Stands in `f_trace` of a frame, which nothing looks at unless somebody traces the script.

    The place is freed with the frame, and nothing of the frame is kept alive by it. For a tracer that is switched on
    later, this is a function that does nothing.
    """

    def __init__(self, frame: FrameType) -> None:
        self.fate = Fate(frame)

    def __call__(self, *_event: object) -> None:
        """Trace nothing."""

    def __del__(self) -> None:
        with suppress(Exception):  # Python may be at its end
            self.fate.freed(sys._getframe(1))


class Call:
    """A call of a function of the script, or its module, in which a training begins.

    `arguments` are the settings among its arguments. Models that it works on are known by weak references.
    """

    def __init__(self, frame: FrameType) -> None:
        self.code: CodeType = frame.f_code
        self.at = frame.f_lasti
        found = _variables(frame)
        names = self.code.co_varnames[: self.code.co_argcount + self.code.co_kwonlyargcount]
        given = {name: found[name] for name in names if name in found} if _is_function(frame) else {}
        self.arguments = _settings_among(given)
        self._models = list(_models_of(frame, given, found))
        if frame.f_trace is None:
            frame.f_trace = _Mark(frame)
        self.fate = frame.f_trace.fate if isinstance(frame.f_trace, _Mark) else None
        self.mark: Any = self.fate or frame.f_trace

    def shares_models_with(self, other: "Call") -> bool:
        """Whether both work on the same model, which is trained further then."""
        mine = [model for reference in self._models if (model := reference()) is not None]
        return any(reference() is model for reference in other._models for model in mine)


class Trainings:
    """The calls in which trainings of one run have begun, each with the calls around it, the outermost one first."""

    def __init__(self) -> None:
        self._chains: dict[tuple[tuple[int, int], ...], list[Call]] = {}

    def note(self, chain: list[Call]) -> None:
        """Note where a training begins."""
        if chain and len(self._chains) < _MOST_CHAINS:
            self._chains.setdefault(tuple((id(call.mark), call.at) for call in chain), chain)

    def repeated_by(self, now: list[Call]) -> tuple[Call, Call] | None:
        """Return a call that is over, and the one that repeats it, if a training begins `now` because of that.

        None while the function that began another training is under way: this may be a part of it, as a fit in a
        callback is. None if the call goes on with the same model.
        """
        pairs = [(chain, _same(chain, now)) for chain in self._chains.values()]
        if any(same == len(chain) for chain, same in pairs):
            return None
        for chain, same in pairs:
            if 0 < same < len(now):
                old, new = chain[same], now[same]
                is_again = old.code is new.code and chain[same - 1].at == now[same - 1].at
                if is_again and not old.shares_models_with(new):
                    return old, new
        return None


def calls_under_way() -> list[Call]:
    """Return the calls of the script's functions that are under way in this thread, the outermost one first.

    None while somebody traces the script, as a debugger does.
    """
    return [] if sys.gettrace() is not None else [Call(frame) for frame in _frames()]


def _same(chain: list[Call], now: list[Call]) -> int:
    """Return how many of the calls of a chain are still under way."""
    pairs = zip(chain, now, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0].mark is pair[1].mark, pairs))


def _frames() -> list[FrameType]:
    frames: list[FrameType] = []
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        is_ours = name.partition(".")[0].startswith("autotrack") or name == "sitecustomize"
        if not is_ours and not is_installed(frame.f_code.co_filename):
            frames.append(frame)
        frame = frame.f_back
    return frames[::-1]


def _is_function(frame: FrameType) -> bool:
    return bool(frame.f_code.co_flags & _IS_FUNCTION)


def _variables(frame: FrameType) -> dict[str, Any]:
    """Return the local variables. Before Python 3.13, they are held by a dict from then on, which is emptied."""
    held = frame.f_locals
    found = dict(held)
    if sys.version_info < (3, 13) and _is_function(frame):
        held.clear()
    return found


def _settings_among(given: dict[str, Any]) -> dict[str, Any]:
    chosen = {name: value for name, value in given.items() if isinstance(value, _SETTINGS) or items_of(value)}
    flat = {name: value for name, value in flatten(chosen).items() if isinstance(value, (*_SETTINGS, list))}
    return dict(list(flat.items())[:_MOST_SETTINGS])


def _models_of(frame: FrameType, given: dict[str, Any], found: dict[str, Any]) -> Iterator[ReferenceType[Any]]:
    """Yield the models that were there before the call: arguments, attributes of arguments, variables around it."""
    code = frame.f_code
    values = [*given.values(), *(found[name] for name in code.co_freevars if name in found)]
    if _is_function(frame):
        values += [frame.f_globals[name] for name in code.co_names if name in frame.f_globals]
    attributes = (list(vars(value).values()) for value in given.values() if hasattr(value, "__dict__"))
    for value in [*values, *(value for some in attributes for value in some)]:
        kind = type(value)
        if kind is not type and any(hasattr(kind, name) for name in _OF_MODELS):
            with suppress(TypeError):  # of a class with slots, no weak reference can be had
                yield ref(value)
