"""Reads tables that are laid out for people."""

import re


def cells(line: str) -> list[str]:
    """What stands in the columns of a line, without those that are empty."""
    return re.split(r" {2,}", line.strip())


def tabbed(printed: str) -> str:
    """What was printed, with one tab between the columns of a line."""
    return "".join("\t".join(cells(line)) + "\n" for line in printed.splitlines())
