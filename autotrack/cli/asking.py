"""Asks people whether something shall be done that cannot easily be taken back."""

import sys

import typer

from autotrack.errors import QueryError
from autotrack.format import printable


def agreed(what: str, *, yes: bool) -> bool:
    """Ask; where nobody can answer, it is a mistake not to have said so before. Raises `QueryError` then."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise QueryError(f"nobody is here to be asked whether to {what}; add --yes")
    return typer.confirm(printable(f"{what}?"))
