"""Whether a progress bar is being drawn on the terminal of this process, and printing beside one."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from autotrack.interactive import interactive_session


def is_bar_drawn() -> bool:
    """Return whether tqdm or rich is drawing a bar here. A notebook has a place of its own for them."""
    if interactive_session() == "notebook":
        return False
    if type(sys.stderr).__module__ == "rich.file_proxy":  # rich puts it there for as long as it draws
        return True
    return _tqdm_with_bars() is not None


@contextmanager
def bars_put_aside() -> Iterator[None]:
    """Have tqdm clear its bars meanwhile and draw them again below. Rich does so by itself for what is printed."""
    tqdm = None if interactive_session() == "notebook" else _tqdm_with_bars()
    if tqdm is None:
        yield
        return
    with tqdm.external_write_mode(file=sys.stderr):
        yield


def _tqdm_with_bars() -> Any:
    """Return the class of tqdm's bars if there are any, else None."""
    module = sys.modules.get("tqdm.std")
    return module.tqdm if module is not None and getattr(module.tqdm, "_instances", None) else None
