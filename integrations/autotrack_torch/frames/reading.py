"""Reads from the running frames what a loop says of itself: its variables, and how far its loops reach.

Frames are looked at once for each pass over data, not for each step. None is kept, because a frame keeps alive
whatever it refers to.
"""

import dis
import inspect
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from types import CodeType, FrameType
from typing import Any

import torch

import autotrack
import autotrack_torch

_FILES = map(inspect.getfile, (torch, autotrack, autotrack_torch, os))
_INSTALLED = tuple(f"{PurePath(file).parent}{os.sep}" for file in _FILES)
_PACKAGES = ("site-packages", "dist-packages", "importlib_bootstrap", "<frozen ")
_IS_FUNCTION = 1  # CO_OPTIMIZED: local variables are not kept in a dict

_is_users: dict[int, tuple[CodeType, bool]] = {}  # the code is kept, so that its id stays its own
_loops: dict[int, tuple[CodeType, list["LoopExtent"]]] = {}


@dataclass(frozen=True)
class LoopExtent:
    """Where the instructions of a loop begin and end, and the names that a `for` gives to its items."""

    start: int
    end: int
    targets: tuple[str, ...] = ()

    def is_around(self, instruction: int) -> bool:
        """Whether the instruction is repeated by the loop; asking for the first item of a `for` is not yet part."""
        return self.start < instruction < self.end


def is_users(code: CodeType) -> bool:
    """Whether code is of the user's own files, not of autotrack, the standard library or an installed package."""
    known = _is_users.get(id(code))
    if known is None:
        name = code.co_filename
        installed = name.startswith(_INSTALLED) or any(part in name for part in _PACKAGES)
        known = _is_users[id(code)] = (code, not installed)
    return known[1]


def innermost_of_user(frame: FrameType | None) -> FrameType | None:
    """Return this frame or the innermost one around it that is of the user's own code."""
    while frame is not None:
        known = _is_users.get(id(frame.f_code))  # `is_users` would be a call for each of dozens of frames, every step
        if known[1] if known is not None else is_users(frame.f_code):
            return frame
        frame = frame.f_back
    return None


def user_frames(frame: FrameType | None = None) -> Iterator[FrameType]:
    """Yield the frames of the user's own code that are running in this thread, the innermost one first."""
    frame = frame or sys._getframe(1)
    while frame is not None:
        if is_users(frame.f_code):
            yield frame
        frame = frame.f_back


def loops_around(frame: FrameType) -> list[LoopExtent]:
    """Return the loops that the frame is in, the innermost one first."""
    return [loop for loop in _loops_of(frame.f_code) if loop.is_around(frame.f_lasti)]


def variables(frame: FrameType, names: "set[str] | None" = None) -> dict[str, Any]:
    """Return local variables of a frame: those with these names, or all.

    Before Python 3.13, reading those of a function leaves references to all of them in a dict that lives as long as
    the call does. It is emptied at once, so that nothing is kept alive by being looked at.
    """
    held = frame.f_locals
    found = dict(held) if names is None else {name: held[name] for name in names if name in held}
    if sys.version_info < (3, 13) and frame.f_code.co_flags & _IS_FUNCTION:
        held.clear()
    return found


def _loops_of(code: CodeType) -> list[LoopExtent]:
    known = _loops.get(id(code))
    if known is None:
        known = _loops[id(code)] = (code, sorted(_read_loops(code), key=lambda loop: loop.end - loop.start))
    return known[1]


def _read_loops(code: CodeType) -> Iterator[LoopExtent]:
    instructions = list(dis.get_instructions(code))
    starts = set()
    for index, one in enumerate(instructions):
        if one.opname == "FOR_ITER":
            starts.add(one.offset)
            yield LoopExtent(one.offset, one.argval, tuple(_targets(instructions[index + 1 :])))
    whiles: dict[int, int] = {}
    for one in instructions:
        if "BACKWARD" in one.opname and isinstance(one.argval, int) and one.argval not in starts:
            whiles[one.argval] = max(whiles.get(one.argval, 0), one.offset)
    for start, end in whiles.items():
        yield LoopExtent(start - 1, end + 1)


def _targets(following: list[dis.Instruction]) -> Iterator[str]:
    """Yield the names that the items of a loop are stored under, by the instructions that follow."""
    left = 1
    for one in following:
        if one.opname == "UNPACK_SEQUENCE":
            left += one.argval - 1
        elif one.opname.startswith("STORE_") and isinstance(one.argval, str):
            yield one.argval
            left -= 1
        elif one.opname.startswith("STORE_FAST") and isinstance(one.argval, tuple):  # two in one, since Python 3.13
            yield from one.argval
            left -= 2
        elif one.opname not in ("CACHE", "EXTENDED_ARG", "NOP", "NOT_TAKEN"):
            return
        if left <= 0:
            return


EPOCH = re.compile(
    r"_*((i|cur|curr|current|this)_?)?epochs?(_?(i|id|idx|index|num|number|no|nr|count))?|ep|e", re.IGNORECASE
)
_NO_EPOCH = re.compile(
    r"epochs|.*(fold|seed|trial|run|rep|step|iter|batch|rank|worker|client|task|sample).*|lr|bs|_", re.IGNORECASE
)


@dataclass(frozen=True)
class EpochVariable:
    """A variable that counts epochs, as it seems, and its value now.

    `is_named` says that it is called so, `is_of_for` that a `for` loop sets it.
    """

    code: int
    name: str
    value: int
    is_named: bool
    is_of_for: bool = True


def epoch_variable(frame: FrameType | None, *, skip: int = 0) -> EpochVariable | None:
    """Return the variable that counts the epochs around this frame.

    That is the variable of the innermost `for` loop around it with a whole number, or one that is called an epoch,
    also if it is an argument or counted by hand. The `skip` innermost `for` loops are left out.
    """
    counted: EpochVariable | None = None
    for one in user_frames(frame):
        loops = [loop for loop in loops_around(one) if loop.targets]
        skipped, skip = loops[:skip], max(skip - len(loops), 0)
        names = [name for loop in loops[len(skipped) :] for name in loop.targets]
        out = {name for loop in skipped for name in loop.targets}
        values = variables(one, {*names, *(name for name in _own_names(one) if EPOCH.fullmatch(name))} - out)
        named = [name for name in values if EPOCH.fullmatch(name) and (name in names or "epoch" in name.lower())]
        for name in [*(name for name in names if name in named), *named]:
            if name != "epochs" and type(values[name]) is int:
                return EpochVariable(id(one.f_code), name, values[name], is_named=True, is_of_for=name in names)
        for name in names:
            if counted is None and type(values.get(name)) is int and not _NO_EPOCH.fullmatch(name):
                counted = EpochVariable(id(one.f_code), name, values[name], is_named=False)
    return counted


def is_left(variable: EpochVariable) -> bool:
    """Whether the `for` loop that sets this variable is no longer under way in this thread."""
    return variable.is_of_for and not any(
        id(frame.f_code) == variable.code and any(variable.name in loop.targets for loop in loops_around(frame))
        for frame in user_frames()
    )


def _own_names(frame: FrameType) -> tuple[str, ...]:
    code = frame.f_code
    return code.co_varnames if code.co_flags & _IS_FUNCTION else code.co_names
