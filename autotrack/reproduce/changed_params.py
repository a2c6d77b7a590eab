"""Repeats a run with other params: those that came from the command line are changed there."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from autotrack.errors import ReproduceError
from autotrack.journal.summary import Summary

_WITH_DASHES = ("argparse", "click", "typer", "absl", "fire", "tyro", "simple-parsing", "jsonargparse", "pydantic")
_WITH_EQUALS = ("hydra", "omegaconf")
_LARGEST = 1_000_000


def with_params(words: Sequence[str], changes: Mapping[str, str], summary: Summary, code: Path) -> list[str]:
    """Return a command line with other values for some params.

    Args:
        words: The command line.
        changes: The new values, by the names of the params.
        summary: The run, which tells which of its params came from the command line.
        code: The restored code, in which options are spelled that the command line does not have.

    Raises `ReproduceError` for a param that the command line does not set.
    """
    changed = list(words)
    for name, value in changes.items():
        changed = _with_param(changed, name, value, summary, code)
    return changed


def _with_param(words: list[str], name: str, value: str, summary: Summary, code: Path) -> list[str]:
    source = next(
        (one for one in summary.params_by_source if name in summary.params_by_source[one] and kind_of_source(one)), ""
    )
    if not source:
        raise ReproduceError(_why_not(name, summary))
    if kind_of_source(source) == "equals":
        return _replaced(words, re.compile(rf"(\+*{re.escape(name)})="), value) or [*words, f"{name}={value}"]
    spellings = [f"--{name}", f"--{name.replace('_', '-')}"]
    for spelling in dict.fromkeys(spellings):
        if spelling in words[:-1]:
            place = words.index(spelling)
            return [*words[: place + 1], value, *words[place + 2 :]]
        if replaced := _replaced(words, re.compile(rf"({re.escape(spelling)})="), value):
            return replaced
    texts = list(texts_of(code))
    spelling = next((one for one in reversed(spellings) if any(one in text for text in texts)), spellings[0])
    return [*words, f"{spelling}={value}"]


def kind_of_source(source: str) -> str | None:
    """Return how the params of a source are given, with `dashes` or with `equals`; None if not on a command line."""
    if source.startswith(_WITH_EQUALS):
        return "equals"
    return "dashes" if source.startswith(_WITH_DASHES) else None


def _replaced(words: list[str], beginning: re.Pattern[str], value: str) -> list[str]:
    """Return the words with another value behind a beginning such as `--lr=`; none if no word begins so."""
    if not any(map(beginning.match, words)):
        return []
    return [f"{match[1]}={value}" if (match := beginning.match(word)) else word for word in words]


def _why_not(name: str, summary: Summary) -> str:
    by_source = summary.params_by_source
    known = sorted({one for source in by_source if kind_of_source(source) for one in by_source[source]})
    there = f"it can be {', '.join(known[:10])}" if known else "the run has none"
    if name in summary.params:
        sources = [source for source, values in summary.params_by_source.items() if name in values]
        return (
            f"--param {name}: the run has it from {', '.join(sources)}, not from its command line, so it is set in "
            f"the code; change it there. Of the params of the command line, {there}"
        )
    return f"--param {name}: the run has no such param; of those of the command line, {there}"


def texts_of(code: Path) -> Iterator[str]:
    """Yield the Python files of restored code."""
    for path in sorted(code.rglob("*.py")):
        if path.is_file() and not path.is_symlink() and path.stat().st_size < _LARGEST:
            yield path.read_text(encoding="utf-8", errors="replace")
