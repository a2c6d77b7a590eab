"""Which lines are the user's: neither autotrack's, nor those of the standard library or an installed package."""

import os
import sys
from types import FrameType

_STANDARD_LIBRARY = os.path.join(os.path.dirname(os.__file__), "")  # noqa: PTH118, PTH120  compared as text
_FOLDERS = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


def is_installed(filename: str) -> bool:
    """Whether code of this file belongs to the standard library or to an installed package."""
    return filename.startswith(("<frozen ", _STANDARD_LIBRARY)) or any(folder in filename for folder in _FOLDERS)


def user_frame() -> FrameType | None:
    """Return the innermost frame of the user's code; where there is none, the innermost one outside of autotrack."""
    outside: FrameType | None = None
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not frame.f_globals.get("__name__", "").partition(".")[0].startswith("autotrack"):
            outside = outside or frame
            if not is_installed(frame.f_code.co_filename):
                return frame
        frame = frame.f_back
    return outside
