"""The command line of an exported project, with a place for each param that it takes, as MLflow fills them in."""

import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autotrack.journal.summary import Summary
from autotrack.redaction import REDACTED
from autotrack.reproduce.changed_params import kind_of_source, option_for, spellings_of, texts_of

_MOST_PARAMS = 50
_DASHED = ("typer", "tyro")
"""Parsers that spell `--batch-size` for what the code calls `batch_size`."""
_BY_LITERAL = ("argparse", "click")
"""Parsers whose options stand in the code as they are spelled."""
_CHANGED = ".changed"
"""What the name of a source ends with that has the values which the script has changed after parsing."""
_SUBCOMMANDS = re.compile(r"\badd_subparsers\b|\.(?:group|add_typer)\(")


@dataclass(frozen=True)
class ProjectParam:
    """A param of an exported project; `default` is the value of the run, None where that is a secret."""

    name: str
    default: str | int | float | None

    @property
    def type(self) -> str:
        """What MLflow calls its type."""
        return "string" if self.default is None or isinstance(self.default, str) else "float"

    @property
    def text(self) -> str:
        """What stands for it on the command line; nobody knows what takes the place of a secret."""
        return "…" if self.default is None else str(self.default)


@dataclass(frozen=True)
class ProjectCommand:
    """A command line: fixed words, and places such as `{lr}` for params."""

    parts: Sequence[str]
    params: Sequence[ProjectParam]

    @property
    def template(self) -> str:
        """The text for a shell, in which MLflow replaces `{lr}` by a quoted value."""
        return " ".join(self.parts)

    @property
    def filled(self) -> str:
        """The text for a shell with the values of the run."""
        values = {param.name: shlex.quote(param.text) for param in self.params}
        return self.template.format(**values)


def project_command(words: Sequence[str], summary: Summary, code: Path) -> ProjectCommand:
    """Return a command line with places for the params that it sets, and for others that its parser knows.

    Params that are switches or lists stay as they were given. `code` is where options are looked for in the spelling
    that the parser knows.
    """
    maker = _Maker([fixed(word) for word in words], "\n".join(texts_of(code)))
    for source, values in summary.params_by_source.items():
        kind = kind_of_source(source)
        given = set(summary.params_given.get(source, ()))
        for name in sorted(values, key=lambda name: name not in given):  # those that were given come first
            if kind is not None and not source.endswith(_CHANGED) and len(maker.params) < _MOST_PARAMS:
                maker.take(source, name, values[name], words, with_equals=kind == "equals")
    return ProjectCommand(maker.parts, list(maker.params.values()))


class _Maker:
    """Puts places for params into a command line, one after the other."""

    def __init__(self, parts: list[str], code: str) -> None:
        self.parts = parts
        self.params: dict[str, ProjectParam] = {}
        self._code = code
        self._has_subcommands = _SUBCOMMANDS.search(code) is not None

    def take(self, source: str, name: str, value: Any, words: Sequence[str], *, with_equals: bool) -> None:
        """Make a place for a param, unless it is no single value, or nobody knows how it is given."""
        key = re.sub(r"\W", "_", name)
        if isinstance(value, bool) or not isinstance(value, (str, int, float)) or key in self.params:
            return
        if with_equals:
            spellings = [f"{plus}{name}" for plus in ("", "+", "++")]
            is_known = not name.startswith("hydra.") and "${" not in str(value)
            usual = name
        else:
            spellings = spellings_of(name, source)
            if source.startswith(_BY_LITERAL) and (other := option_for(name, self._code)) is not None:
                spellings = [other]
            usual = self._usual(source, spellings)
            is_known = bool(usual) and not self._has_subcommands
        place = self._replace(key, value, words, spellings, with_equals=with_equals)
        if place is None and is_known and REDACTED not in str(value):
            self.params[key] = ProjectParam(key, value)
            self.parts.append(f"{fixed(usual)}={{{key}}}")

    def _replace(
        self, key: str, value: Any, words: Sequence[str], spellings: Collection[str], *, with_equals: bool
    ) -> int | None:
        """Put a place where the command line has the value; return which word that was."""
        for place, word in enumerate(words):
            name, equals, typed = word.partition("=")
            if name not in spellings or (with_equals and not equals):
                continue
            follows = not equals and place + 1 < len(words)
            if not equals and not follows:
                return place
            typed = typed if equals else words[place + 1]
            self.params[key] = ProjectParam(key, None if REDACTED in typed else _typed(typed, value))
            if equals:
                self.parts[place] = f"{fixed(name)}={{{key}}}"
            else:
                self.parts[place + 1] = f"{{{key}}}"
            return place
        return None

    def _usual(self, source: str, spellings: Sequence[str]) -> str:
        """Return how an option is spelled that was not given; nothing where nobody knows, or it takes no value."""
        if source.startswith(_BY_LITERAL):
            for spelling in spellings:
                found = re.search(rf"[\"']{re.escape(spelling)}[\"']([^)]*)", self._code)
                if found is not None:
                    return "" if re.search(r"\b(action|is_flag|count|nargs|multiple)\s*=", found[1]) else spelling
            return ""
        if source.startswith("pydantic"):  # a command line is only one of the places that it reads
            return ""
        return spellings[-1] if source.startswith(_DASHED) else spellings[0]


def _typed(typed: str, value: Any) -> str | int | float:
    """Return what was typed, as a number if the parser has made one of it."""
    return value if isinstance(value, (int, float)) and _is_number(typed, value) else typed


def _is_number(typed: str, value: float) -> bool:
    try:
        return float(typed) == value
    except ValueError:
        return False


def fixed(word: str) -> str:
    """Return a word for a shell in which braces are no place for a param."""
    return shlex.quote(word).replace("{", "{{").replace("}", "}}")


def variables_before(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield the settings of environment variables that stand before a command.

    Where modules are found is set in front of what whoever runs the project has there: such as what records it.
    """
    for name, value in variables.items():
        more = "${{PYTHONPATH:+:$PYTHONPATH}}" if name == "PYTHONPATH" else ""
        yield f"{name}={fixed(value)}{more}"
