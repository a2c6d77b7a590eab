"""The one door to the terminal: whatever a command prints passes here, so that no text of a run can steer it."""

import io
import json
import sys
from collections.abc import Iterable

import typer

from autotrack.format import printable


def say(line: str, *, err: bool = False, color: str | None = None) -> None:
    """Print one line, on standard error with `err`; line breaks inside it are written as escapes."""
    typer.secho(printable(line), err=err, fg=color)


def say_text(text: str) -> None:
    """Print a text of several lines, such as a traceback."""
    typer.echo(printable(text, keep="\n\t"))


def say_error(message: object) -> None:
    """Print an error. Lines after its first are indented, so that none of them looks like a line of ours."""
    first, *others = str(message).split("\n")
    for line in (f"autotrack: {first}", *(f"  {other}" for other in others)):
        say(line, err=True)


def say_json(value: object) -> None:
    """Print JSON for other programs, in ASCII."""
    typer.echo(json.dumps(value, indent=2))


def say_table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print a table with rich on a terminal, or as tab-separated text for other programs."""
    cells = [[printable(cell) for cell in row] for row in (columns, *rows)]
    if not sys.stdout.isatty():
        for row in cells:
            typer.echo("\t".join(row))
        return
    from rich import box, table  # rich is slow to import, and only needed on a terminal
    from rich.console import Console
    from rich.text import Text

    shown = table.Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in cells[0]:
        shown.add_column(Text(column), overflow="fold")
    for row in cells[1:]:
        shown.add_row(*map(Text, row))
    Console().print(shown)


def write_any_character() -> None:
    """Let characters that the encoding of a terminal lacks be written as escapes, instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
