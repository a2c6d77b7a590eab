"""Where a loop runs: which calls and loops of the user's code it is in, to tell later whether it has been left."""

from types import FrameType

from autotrack_torch.frames.reading import loops_around, user_frames


class Surroundings:
    """The loops of the user's code around the place where this is made. No frame is kept, only their identities."""

    def __init__(self) -> None:
        self._loops: dict[tuple[int, int], tuple[int, int]] = {}
        for frame in user_frames():
            if loops := loops_around(frame):
                outermost = loops[-1]
                self._loops[id(frame), id(frame.f_code)] = (outermost.start, outermost.end)

    def are_left(self, innermost: FrameType | None = None) -> bool:
        """Whether none of the loops is under way any more in this thread, or in that of the `innermost` frame."""
        for frame in user_frames(innermost):
            start, end = self._loops.get((id(frame), id(frame.f_code)), (0, 0))
            if start < frame.f_lasti < end:
                return False
        return True
