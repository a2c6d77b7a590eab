"""Repeats a run with other params: they are changed where they come from.

That is the command line, an environment variable that the code reads, or a constant at the top of the script.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from autotrack.errors import ReproduceError
from autotrack.journal.summary import Summary
from autotrack.readers.code.usage import Usage
from autotrack.reproduce.changed_constants import change_constant, constants_of
from autotrack.training.observe.constants import SOURCE

_WITH_DASHES = ("argparse", "click", "typer", "absl", "fire", "tyro", "simple-parsing", "jsonargparse", "pydantic")
_WITH_EQUALS = ("hydra", "omegaconf")
_CLI_OF_PYDANTIC = re.compile(r"cli_parse_args|CliApp")
_PREFIX_OF_PYDANTIC = re.compile(r"env_prefix\s*=\s*[\"'](\w*)[\"']")
_LARGEST = 1_000_000


def with_params(
    words: Sequence[str], changes: Mapping[str, str], summary: Summary, code: Path, script: Path | None = None
) -> tuple[list[str], dict[str, str]]:
    """Return a command line with other values for some params, and environment variables that hold others.

    Constants at the top of the restored script are changed there.

    Args:
        words: The command line.
        changes: The new values, by the names of the params.
        summary: The run: which of its params came from the command line, and which variables its code reads.
        code: The restored code, in which options are spelled that the command line does not have.
        script: The script in it.

    Raises `ReproduceError` for a param that comes from none of these.
    """
    changed, variables = list(words), dict[str, str]()
    is_inside = script is not None and script.resolve().is_relative_to(code.resolve())
    constants = constants_of(script) if script is not None and is_inside else {}
    for given, value in changes.items():
        name = _whole_name(given, summary)
        source = next(
            (one for one, values in summary.params_by_source.items() if name in values and kind_of_source(one)), ""
        )
        spellings = (name, name.upper())
        variable = next((one for one in spellings if one in Usage(summary).variables), None)
        constant = next((one for one in spellings if one in constants and _is_of(one, name, constants, summary)), None)
        if source.startswith("pydantic") and not _CLI_OF_PYDANTIC.search(text := "\n".join(texts_of(code))):
            prefix = _PREFIX_OF_PYDANTIC.search(text)
            variables[f"{prefix[1] if prefix else ''}{name}".upper()] = value
        elif source:
            changed = _with_param(changed, name, value, source, code)
        elif variable is not None:
            variables[variable] = value
        elif constant is not None and script is not None:
            change_constant(script, constant, value)
        else:
            raise ReproduceError(_why_not(name, summary, constants))
    return changed, variables


def _is_of(constant: str, name: str, constants: Mapping[str, Any], summary: Summary) -> bool:
    """Whether a param has the value of a constant, or is recorded as one."""
    if name in summary.params_by_source.get(SOURCE, {}):
        return True
    return name not in summary.params or summary.params[name] == constants[constant]


def _with_param(words: list[str], name: str, value: str, source: str, code: Path) -> list[str]:
    if kind_of_source(source) == "equals":
        return _replaced(words, re.compile(rf"(\+*{re.escape(name)})="), value) or [*words, f"{name}={value}"]
    spellings = spellings_of(name, source)
    for spelling in spellings:
        if replaced := _with_given(words, spelling, value):
            return replaced
    texts = list(texts_of(code))
    if (other := option_for(name, "\n".join(texts))) is not None:
        return _with_given(words, other, value) or [*words, f"{other}={value}"]
    spelling = next((one for one in reversed(spellings) if any(one in text for text in texts)), spellings[0])
    return [*words, f"{spelling}={value}"]


def spellings_of(name: str, source: str) -> list[str]:
    """Return how an option may be spelled. simple-parsing calls `--lr` what the code has as `config.lr`."""
    option = name.rpartition(".")[2] if source.startswith("simple-parsing") else name
    return list(dict.fromkeys([f"--{option}", f"--{option.replace('_', '-')}"]))


def _whole_name(name: str, summary: Summary) -> str:
    """Return the name of the param that is meant by `lr`, if only `opt.lr` ends with it."""
    names = {one for source, values in summary.params_by_source.items() if kind_of_source(source) for one in values}
    ending = [one for one in names if one.endswith(f".{name}")]
    is_known = name in summary.params or {name, name.upper()} & set(Usage(summary).variables)
    return ending[0] if len(ending) == 1 and not is_known else name


def _with_given(words: list[str], option: str, value: str) -> list[str]:
    """Return the words with another value for an option; none if it was not given."""
    if option in words[:-1]:
        place = words.index(option)
        return [*words[: place + 1], value, *words[place + 2 :]]
    return _replaced(words, re.compile(rf"({re.escape(option)})="), value)


def option_for(name: str, code: str) -> str | None:
    """Return the option whose value the code calls differently; None where there is none.

    >>> option_for("rate", "parser.add_argument('--learning-rate', type=float, dest='rate')")
    '--learning-rate'
    >>> option_for("rate", "@click.option('--learning-rate', 'rate', default=0.1)")
    '--learning-rate'
    """
    called = rf"(?:[^()\n]*?\bdest\s*=\s*)?[\"']{re.escape(name)}[\"']"
    found = re.search(rf"\(\s*(?:[\"']-\w[\"']\s*,\s*)?[\"'](--[\w-]+)[\"']\s*,\s*{called}", code)
    return found[1] if found else None


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


def _why_not(name: str, summary: Summary, constants: Iterable[str]) -> str:
    by_source = summary.params_by_source
    known = {one for source in by_source if kind_of_source(source) for one in by_source[source]}
    known |= {*Usage(summary).variables, *constants}
    there = f"it can be {', '.join(sorted(known)[:10])}" if known else "there are none"
    others = f"of the params of the command line, environment variables and constants of the script, {there}"
    if name in summary.params:
        sources = [source for source, values in summary.params_by_source.items() if name in values]
        return f"--param {name}: the run has it from {', '.join(sources)}, so change it in the code; {others}"
    return f"--param {name}: the run has no such param; {others}"


def texts_of(code: Path) -> Iterator[str]:
    """Yield the Python files of restored code."""
    for path in sorted(code.rglob("*.py")):
        if path.is_file() and not path.is_symlink() and path.stat().st_size < _LARGEST:
            yield path.read_text(encoding="utf-8", errors="replace")
