"""What `autotrack reproduce` tells the processes that it starts, in the environment variable AUTOTRACK_REPRODUCES.

Whatever such a process records is a repetition of one run, and goes to the folder that was chosen for it, wherever the
script itself would send it.
"""

import os
from functools import lru_cache

import msgspec

VARIABLE = "AUTOTRACK_REPRODUCES"


class Repetition(msgspec.Struct, frozen=True):
    """The id of the `run` that is being repeated, and the `store` that keeps what this process records."""

    run: str
    store: str


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
