"""Progress bars on the terminal."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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


@contextmanager
def byte_progress(label: str, *, fewest: int = 50_000_000) -> Iterator[Callable[[int], Callable[[int], object]]]:
    """Yield a function that is given how many bytes there are, and returns what is told how many more are done.

    There is no bar for fewer than `fewest` bytes, nor where standard error is not a terminal.
    """
    bars = []

    def begin(total: int) -> Callable[[int], object]:
        is_hidden = total < fewest or not sys.stderr.isatty()
        bar = typer.progressbar(
            length=max(total, 1), label=label, file=typer.get_text_stream("stderr"), hidden=is_hidden
        )
        bars.append(bar.__enter__())
        return bar.update

    try:
        yield begin
    finally:
        for bar in bars:
            bar.__exit__(None, None, None)
