"""What a Markdown document holds: code blocks, code spans, links, headings and tables."""

import re
from collections.abc import Iterator

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", flags=re.MULTILINE)
_CELL_BORDER = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"\|(:?-+:?\|)+")


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks in a language.

    >>> blocks("```python\\nx = 1\\n```\\n", "python")
    ['x = 1\\n']
    """
    return [code for named, code in _FENCE.findall(text) if named == language]


def spans(text: str) -> list[str]:
    """Return what is in backticks, outside of fenced blocks."""
    return _SPAN.findall(_FENCE.sub("", text))


def links(text: str) -> list[str]:
    """Return the targets of links and pictures."""
    return _LINK.findall(_FENCE.sub("", text))


def anchors(text: str) -> set[str]:
    """Return what a link to each heading is called, as GitHub does.

    >>> anchors("## What it costs, `log` included")
    {'what-it-costs-log-included'}
    """
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(_FENCE.sub("", text)))
    return {heading.replace(" ", "-") for heading in words}


def tables(text: str) -> Iterator[list[list[str]]]:
    """Return every block of lines that begin with `|`, as rows of cells; the second row is the rule."""
    for block in re.findall(r"(?:^\|.*\n?)+", _FENCE.sub("", text), flags=re.MULTILINE):
        yield [[cell.strip() for cell in _CELL_BORDER.split(line.strip())[1:-1]] for line in block.splitlines()]


def is_rule(row: list[str]) -> bool:
    """Whether this row parts the header of a table from the rows below it."""
    return _RULE.fullmatch(f"|{'|'.join(row)}|") is not None
