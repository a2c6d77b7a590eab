"""The one door to the terminal: whatever a command prints passes here, so that no text of a run can steer it."""

import csv
import io
import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

import typer

from autotrack.escapes import printable

_USUAL_WIDTH = 80
_NARROWEST = 20
_BEGIN_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*(e[+-]?\d+)?|\.\d+(e[+-]?\d+)?|inf|infinity)", re.IGNORECASE)
_STYLING = re.compile(r"\x1b\[\d+m")
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def say(line: str, *, err: bool = False, color: str | None = None) -> None:
    """Print one line, on standard error with `err`; line breaks inside it are written as escapes."""
    text = printable(line)
    typer.echo(styled(text, color) if color and not err else text, err=err)


def say_text(text: str) -> None:
    """Print a text of several lines, such as a traceback."""
    typer.echo(printable(text, keep="\n\t"))


def say_wrapped(head: str, text: str, *, style: str | None = None, indent: int | None = None) -> None:
    """Print a text after a head, continued below with an indent; the head is laid out already."""
    from rich.cells import cell_len  # many commands print none

    from autotrack.cli.tables import wrapped

    taken = cell_len(_STYLING.sub("", head))
    rest = taken if indent is None else indent
    space = width() - taken
    lines = wrapped(printable(text), max(space, _NARROWEST))
    if indent is not None and len(lines) > 1:
        lines = [lines[0], *wrapped(printable(text)[len(lines[0]) :].lstrip(), max(width() - rest, _NARROWEST))]
    for number, line in enumerate(lines):
        said = styled(line, style) if style else line
        typer.echo(f"{head if not number else ' ' * rest}{said}")


def say_title(title: str) -> None:
    """Print the title of a section, after an empty line."""
    typer.echo(f"\n{styled(printable(title), 'bold')}")


def say_error(message: object) -> None:
    """Print an error. Lines after its first are indented, so that none of them looks like a line of ours."""
    if isinstance(message, OSError) and message.filename and message.strerror:  # without its number
        message = f"{message.filename}: {message.strerror}"
    first, *others = str(message).split("\n")
    for line in (f"autotrack: {first}", *(f"  {other}" for other in others)):
        say(line, err=True)


def say_json(value: object) -> None:
    """Print JSON for other programs, in ASCII. NaN and the infinities are texts, for JSON has no such numbers."""
    from autotrack.readers.plain import plain  # many commands print none

    typer.echo(json.dumps(plain(value, most=None), indent=2, allow_nan=False))


def say_csv(rows: Iterable[Iterable[object]]) -> None:
    """Print rows for other programs. Texts are written without what could steer a terminal."""
    plain = ((printable(cell) if isinstance(cell, str) else cell for cell in row) for row in rows)
    write_csv(sys.stdout, plain, line_end="\n")


def write_csv(file: TextIO, rows: Iterable[Iterable[object]], *, line_end: str = "\r\n") -> None:
    """Write rows as CSV. A text that spreadsheets would take for a formula and calculate gets an apostrophe before it.

    Names and params of a run may come from anybody, and a formula can start programs and send data away.
    """
    writer = csv.writer(file, lineterminator=line_end)
    for row in rows:
        writer.writerow([f"'{cell}" if _is_formula(cell) else cell for cell in row])


def _is_formula(cell: object) -> bool:
    return isinstance(cell, str) and cell.startswith(_BEGIN_FORMULAS) and not _NUMBER.fullmatch(cell)


def say_lines(lines: Iterable[str]) -> None:
    """Print lines that are laid out already, whose texts have passed through `printable`."""
    for line in lines:
        typer.echo(line)


def say_table(columns: Iterable[str], rows: Iterable[Iterable[str]], *, can_miss: Sequence[str] = ()) -> None:
    """Print a table that is as wide as the terminal at most; what is too long is continued below.

    Columns of `can_miss` are left out if they are empty, or, the first of them first, if there is no room for them.
    """
    from autotrack.cli.tables import columns_with_room, table_lines  # many commands print none

    head, *cells = [[printable(cell) for cell in row] for row in (columns, *rows)]
    if can_miss:
        filled = [
            place for place, title in enumerate(head) if title not in can_miss or any(row[place] for row in cells)
        ]
        head, cells = [head[place] for place in filled], [[row[place] for place in filled] for row in cells]
        places = columns_with_room(head, cells, [title for title in can_miss if title in head], width=width())
        left_out = [title for place, title in enumerate(head) if place not in places]
        head, cells = [head[place] for place in places], [[row[place] for place in places] for row in cells]
    else:
        left_out = []
    say_lines(table_lines(head, cells, width=width(), style=_head_style))
    if left_out:
        say_lines(["", styled(f"no room for {', '.join(left_out)}: --json has all", "dim")])


def styled(text: str, style: str) -> str:
    """Return a text in a colour, `bold` or `dim`, if it goes to a terminal whose user wants colours."""
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if text and has_colors() else text


def is_terminal() -> bool:
    """Whether what is printed goes to a terminal."""
    return sys.stdout.isatty()


def has_colors() -> bool:
    """Whether what is printed has colours: on terminals only, and not with NO_COLOR (https://no-color.org)."""
    return is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width() -> int:
    """Return how many columns there are: by COLUMNS, else by the terminal, also behind a pipe; else 80."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return max(int(told), _NARROWEST)
    for stream in (1, 2, 0):
        try:
            columns = os.get_terminal_size(stream).columns
        except OSError:
            continue
        return max(columns, _NARROWEST) if columns else _USUAL_WIDTH
    return _USUAL_WIDTH


def write_any_character() -> None:
    """Let characters that the encoding of a terminal lacks be written as escapes, instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _head_style(text: str, row: int, _: int) -> str:
    return styled(text, "bold") if row < 0 else text
