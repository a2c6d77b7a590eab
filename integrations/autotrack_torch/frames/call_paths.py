"""Tells whether a step is made at the same place as the one before, in the same loops, with epochs counted as before.

Loops without a data loader count epochs by a variable. To look for it takes long: all loops and variables around the
step. Where the very calls led to the step that led to the last one, the same variable is found, and only its value
has to be looked at.
"""

from types import CodeType, FrameType

from autotrack_torch.frames.reading import EpochVariable, variables


class CallPath:
    """The calls that led to a step, up to the function with the variable that counts epochs, or all.

    If the variable is not called an epoch, one in a function around it might count in its place. No frame is kept.
    """

    __slots__ = ("_calls", "_depth", "_name", "_names", "_value")

    def __init__(self, frame: FrameType | None, variable: EpochVariable | None) -> None:
        self._calls: list[tuple[CodeType, int]] = []
        self._depth = -1
        while frame is not None:
            if variable is not None and self._depth < 0 and id(frame.f_code) == variable.code:
                self._depth = len(self._calls)
            self._calls.append((frame.f_code, frame.f_lasti))
            if self._depth >= 0 and variable is not None and variable.is_named:
                break
            frame = frame.f_back
        self._name = "" if variable is None else variable.name
        self._value = None if variable is None else variable.value
        self._names = {self._name}

    def is_path_to(self, frame: FrameType | None) -> bool:
        """Whether the calls that led to this frame are the same, and the variable has the same value."""
        left = self._depth
        for code, instruction in self._calls:
            if frame is None or frame.f_code is not code or frame.f_lasti != instruction:
                return False
            if left == 0 and variables(frame, self._names).get(self._name) != self._value:
                return False
            left -= 1
            frame = frame.f_back
        return True
