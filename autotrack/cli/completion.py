"""Completes names of runs, metrics, params and columns for a shell, which asks at every press of the tab key.

Typer completes commands and options, but to import it and all commands takes a second. Its scripts for bash, zsh and
fish call the command with `_AUTOTRACK_COMPLETE`; what has to do with runs is answered here, from the index alone.
"""

import os
import re
import shlex
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from autotrack.cli.commands import COMMANDS

if TYPE_CHECKING:
    from autotrack.readers.query.names import Name
    from autotrack.readers.recorded_run import RecordedRun

_SAFE = re.compile(r"[\w.@+/-]+")
"""What no shell takes for anything but text. Names of runs come from anybody, and zsh evaluates what it is given."""

_NAME_OPTIONS = {"--where", "-w", "--sort", "--columns", "-c", "--group-by", "-g"}
_METRIC_OPTIONS = {"--metric", "-m", "--history"}
_TAKES_RUNS = {"show", "compare", "report", "rm", "archive", "sync", "tensorboard"}
_TAKES_ONE_RUN = {"register", "tag", "note", "rename", "undo", "reproduce", "export-project", "doctor"}
_TAKES_REMOVED = "restore"
SWITCHES = frozenset(
    "--all -a --checkpoints --code --csv --descending --hashes --here --json --markdown --no-env --no-open "
    "--only-restore --open --purge --reproduce --restore --trash --trusted --watch --yes -y".split()
)
"""The options that have no value. To ask the commands for them would import them all; a test asks instead."""

_PARTS = re.compile(r"[\w.]*$")
_MOST = 500


def completed(environ: Mapping[str, str] = os.environ) -> bool:
    """Answer the shell if it asks for something that runs have; return whether that was so."""
    shell = environ.get("_AUTOTRACK_COMPLETE", "").removeprefix("complete_")
    if shell not in ("bash", "zsh", "fish"):
        return False
    words, incomplete = _words(shell, environ)
    try:
        found = completions(words, incomplete)
    except Exception:  # noqa: BLE001  whoever presses a key is not to be told of a damaged store
        return False
    if found is None:
        return False
    if environ.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":
        sys.exit(0 if found else 1)
    if shell == "zsh":
        listed = "\n".join(f'"{name}"' for name in found)
        sys.stdout.write(f"_arguments '*: :(({listed}))'" if found else "_files")
    else:
        sys.stdout.write("\n".join(found) + "\n" * bool(found))
    return True


def completions(words: list[str], incomplete: str) -> list[str] | None:
    """Return what may stand for a word that begins so, after other words; None if it is nothing that runs have."""
    if incomplete.startswith("-"):
        return None
    if not words:
        return _starting(incomplete, COMMANDS)
    command, before = words[0], words[-1]
    store = next((words[place + 1] for place, word in enumerate(words[:-1]) if word in ("--store", "-s")), None)
    if before in _NAME_OPTIONS:
        return _begun(incomplete, _names(store))
    if before in _METRIC_OPTIONS or (command == "best" and len(words) == 1):
        return _begun(incomplete, _metrics(store))
    if before.startswith("-") and before not in SWITCHES:
        return None
    if (found := _of_models(command, words, store)) is not None:
        return _starting(incomplete, found)
    arguments = _arguments(words)
    if command == _TAKES_REMOVED or (command == "rm" and "--restore" in words):
        return _starting(incomplete, _removed(store))
    if command in _TAKES_RUNS or (command in _TAKES_ONE_RUN and not arguments):
        return _starting(incomplete, _runs(store))
    return None


def _of_models(command: str, words: list[str], store: str | None) -> Iterable[str] | None:
    """Return what may stand where a registered model is named; None where none is."""
    arguments = _arguments(words)
    if command in ("serve", "predict") and not arguments:
        return _models(store, with_versions=True)
    if command == "register" and len(arguments) == 1:
        return _models(store)
    if command == "models" and len(arguments) == 1:
        return _models(store, with_versions=arguments[0] in ("show", "describe", "rm", "export"))
    return (
        ["show", "register", "alias", "promote", "undo", "describe", "rm", "export"]
        if command == "models" and not arguments
        else None
    )


def _arguments(words: list[str]) -> list[str]:
    """Return the words after the command that are neither options nor their values."""
    return [
        word
        for before, word in pairwise(words)
        if not word.startswith("-") and (not before.startswith("-") or before in SWITCHES)
    ]


def _models(store: str | None, *, with_versions: bool = False) -> Iterator[str]:
    from autotrack import settings
    from autotrack.models.registry import Registry

    for model in Registry(Path(store or settings.resolve().to).expanduser()).models():
        yield model.name
        if with_versions:
            yield from (f"{model.name}@{alias}" for alias in model.aliases)
            yield from (f"{model.name}/{number}" for number in model.versions)


def _words(shell: str, environ: Mapping[str, str]) -> tuple[list[str], str]:
    """Return the words before the one that is being written, without the name of the program, and that one."""
    if shell == "bash":
        words, at = _split(environ.get("COMP_WORDS", "")), int(environ.get("COMP_CWORD") or 0)
        return words[1:at], words[at] if at < len(words) else ""
    text = environ.get("_TYPER_COMPLETE_ARGS", "")
    words = _split(text)[1:]
    return (words, "") if not words or text.endswith(" ") else (words[:-1], words[-1])


def _split(text: str) -> list[str]:
    """Return the words of a command line that is not finished, so that a quote may be open."""
    for end in ("", "'", '"'):
        try:
            return shlex.split(text + end)
        except ValueError:
            continue
    return text.split()


def _begun(incomplete: str, names: Iterable[str]) -> list[str]:
    """Return what a name in the middle of an expression or a list may become, with what stands before it."""
    part = _PARTS.search(incomplete)
    begun = part[0] if part else ""
    head = incomplete.removesuffix(begun)
    return [f"{head}{name}" for name in _starting(begun, names)]


def _starting(begun: str, names: Iterable[str]) -> list[str]:
    return sorted({name for name in names if name.startswith(begun) and _SAFE.fullmatch(name)})[:_MOST]


def _runs(store: str | None) -> Iterator[str]:
    """Yield the names of the runs, and the folders of those that cannot be named otherwise."""
    from autotrack.readers.query.names import Name

    name = Name("", "name")
    yield "latest"
    seen: set[str] = set()
    for run in _index(store)[0]:
        text = str(run.value(name))
        yield run.folder.name if text in seen or not _SAFE.fullmatch(text) else text
        seen.add(text)


def _removed(store: str | None) -> Iterator[str]:
    """Yield the folders of the runs in the trash."""
    from autotrack import settings
    from autotrack.readers.storage.trash import in_trash

    yield from (folder.name for folder in in_trash(Path(store or settings.resolve().to).expanduser()))


def _names(store: str | None) -> Iterator[str]:
    from autotrack.readers.query.names import CALLED, FIELDS, meant_by

    known = _index(store)[1]
    yield from FIELDS
    yield from CALLED
    for name in known:
        yield str(name)
        if name.group and len(meant_by(name.rest, known)) == 1:
            yield name.rest


def _metrics(store: str | None) -> Iterator[str]:
    yield from (name.rest for name in _index(store)[1] if name.group == "metrics")


def _index(store: str | None) -> "tuple[Sequence[RecordedRun], Collection[Name]]":
    """Return the runs of a store, and the names that they have."""
    from autotrack import settings
    from autotrack.readers.index.store_index import Index

    path = Path(store or settings.resolve().to).expanduser()
    if not path.is_dir():
        return [], ()
    index = Index(path)
    return index.refresh(), index.names()
