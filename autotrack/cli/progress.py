"""Progress bars on the terminal."""

import sys
from collections.abc import Iterator, Sequence
from typing import TypeVar

import typer

_T = TypeVar("_T")


def with_progress(items: Sequence[_T], label: str, *, fewest: int = 20) -> Iterator[_T]:
    """Pass the items on one by one, with a bar on standard error that shows how many are done.

    There is no bar for fewer than `fewest` items, which take no time, nor where standard error is not a terminal.
    """
    is_hidden = len(items) < fewest or not sys.stderr.isatty()
    with typer.progressbar(items, label=label, file=typer.get_text_stream("stderr"), hidden=is_hidden) as bar:
        yield from bar
