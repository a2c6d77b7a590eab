"""What `autotrack reproduce` tells the processes that it starts, in the environment variable AUTOTRACK_REPRODUCES.

Whatever such a process records is a repetition of one run, and goes to the folder that was chosen for it, wherever the
script itself would send it.
"""

import os
from functools import lru_cache

import msgspec

VARIABLE = "AUTOTRACK_REPRODUCES"


class Repetition(msgspec.Struct, frozen=True):
    """What is being repeated.

    Attributes:
        run: The id of the run that is being repeated.
        store: The folder that keeps what this process records.
        states: A file with the states of the random generators when that run started; nothing if they are left alone.
        position: How many runs its process had recorded before.
    """

    run: str
    store: str
    states: str = ""
    position: int = 0


def text_of(repetition: Repetition) -> str:
    """Return the text of the variable."""
    return msgspec.json.encode(repetition).decode()


def repetition() -> Repetition | None:
    """Return what this process repeats; None for the usual case that it repeats nothing."""
    text = os.environ.get(VARIABLE)
    return _read(text) if text else None


@lru_cache(maxsize=2)
def _read(text: str) -> Repetition | None:
    try:
        return msgspec.json.decode(text, type=Repetition)
    except msgspec.DecodeError:  # somebody else's variable
        return None
