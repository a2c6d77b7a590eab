"""Asks people whether something shall be done that cannot easily be taken back."""

import sys

import typer

from autotrack.errors import QueryError
from autotrack.escapes import printable

RESTORES_CODE = "restore its code here, from where it says that it is"
"""What is asked about before anything of a run is taken that somebody else has recorded."""


def agreed(what: str, *, yes: bool, why: str = "", to_stderr: bool = False) -> bool:
    """Ask; where nobody can answer, it is a mistake not to have said so before. Raises `QueryError` then.

    Args:
        what: What is to be done, such as `delete 3 runs`.
        yes: Whether somebody has said so before.
        why: Why that is asked, if it is not plain.
        to_stderr: Whether standard output is for other programs.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        before = f"{why}, and " if why else ""
        raise QueryError(f"{before}nobody is here to be asked whether to {what}; add --yes")
    question = f"{why}. {what[0].upper()}{what[1:]}?" if why else f"{what}?"
    return typer.confirm(printable(question), err=to_stderr)
