"""Finds the data that the code, the command line or a variable names: files, and folders with what is in them.

A file that is open for an instant is seen by nobody. But most code names the folder of its data somewhere, as a
constant, as a default or as an option, and reads all that is in it, or finds it there by a pattern such as `*.csv`.
"""

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

from autotrack.journal.outputs import is_output
from autotrack.sidecar.capture.base import Subject
from autotrack.sidecar.capture.keeping import is_secret_file
from autotrack.sidecar.capture.used import paths_in_variables, sources_of
from autotrack.sidecar.descriptions import NO_DATA, description, files_below, folder_description

_LITERAL = re.compile(r"""["']([^"'\\\n]{1,200})["']""")
_PATTERN = re.compile(r"[*?{\[]")
_RESULTS = frozenset(
    "artifacts cache exports figs figures log metrics models plots predictions report reports result results "
    "save saved saves snapshots submission submissions temp tests tmp".split()
)
"""What folders are called that trainings write to, also after their run has ended."""

_MOST_LITERALS = 3000
_MOST_FOLDERS = 10
_MOST_FILES = 50
_MOST_BYTES = 2 * 10**8
_SECONDS = 2.0

Described = dict[str, dict[str, Any]]


def named_data(subject: Subject, paths: Iterable[Path]) -> Described:
    """Describe the named data that were there before the run started, and that it has not written to, by path.

    A folder is described by the names and sizes of its files. Where there are few of them, each is there as well.
    """
    started, until = subject.started.time, monotonic() + _SECONDS
    store = subject.folder.absolute().parent.parent
    found: Described = {}
    folders = 0
    for path in paths:
        if monotonic() > until:
            break
        with suppress(OSError):
            status = path.stat()
            if path.is_dir():
                if folders < _MOST_FOLDERS and _may_hold_data(path, subject, store):
                    inside = _inside(path, started)
                    folders += bool(inside)
                    found |= inside
            elif path.is_file() and status.st_mtime <= started and _is_data(path):
                found[str(path)] = description(str(path), status)
    return {path: {**about, "named": True} for path, about in found.items()}


def _inside(path: Path, started: float) -> Described:
    """Describe a folder, and the files in it if they are few; nothing if the run has written into it."""
    about = folder_description(str(path))
    if about is None or about["modified"] > started:
        return {}
    found: Described = {str(path): about}
    if about["files"] <= _MOST_FILES and about["bytes"] <= _MOST_BYTES:
        for name, status in files_below(str(path)):
            if not is_secret_file(name):
                with suppress(OSError):
                    found[str(path / name)] = description(str(path / name), status)
    return found


def named_paths(subject: Subject) -> dict[Path, None]:
    """Return the files and folders that are named, as they are found from where the script was started, or lies."""
    return dict.fromkeys(_found(subject))


def _found(subject: Subject) -> Iterator[Path]:
    tops = [Path(subject.started.cwd), subject.script_folder]
    for text in _texts(subject):
        name = _fixed_part(text)
        if not name or name.startswith("~"):
            continue
        for top in tops:
            path = Path(os.path.normpath(top / name))
            with suppress(OSError, ValueError):
                if path.exists():
                    yield path
                    break


def _texts(subject: Subject) -> Iterable[str]:
    words = [word.partition("=")[2] or word for word in subject.started.argv[1:]]
    sources = sources_of(subject)
    literals: dict[str, None] = dict.fromkeys([*words, *paths_in_variables(sources, subject)])
    for source in sources:
        if len(literals) < _MOST_LITERALS:
            literals.update(dict.fromkeys(_LITERAL.findall(source)))
    return list(literals)[:_MOST_LITERALS]


def _fixed_part(text: str) -> str:
    """Return a name, or of a pattern the folder before it.

    >>> _fixed_part("data/*.csv"), _fixed_part("data/{split}/x.npy"), _fixed_part("data"), _fixed_part("*.csv")
    ('data', 'data', 'data', '')
    """
    place = _PATTERN.search(text)
    return text if place is None else text[: place.start()].rpartition("/")[0]


def _is_data(path: Path) -> bool:
    """Whether this is what nobody else has described: configuration and tables are among the `used` files."""
    return is_output(path.name) and not path.name.endswith(NO_DATA) and not is_secret_file(path.name)


def _may_hold_data(path: Path, subject: Subject, store: Path) -> bool:
    home = os.environ.get("HOME") or os.sep
    around = [subject.started.cwd, str(subject.script_folder), home, tempfile.gettempdir(), str(store)]
    if any(Path(one).is_relative_to(path) for one in around) or path.is_relative_to(store):
        return False
    is_inside = path.is_relative_to(subject.started.cwd)
    name = str(path.relative_to(subject.started.cwd)) if is_inside else path.name
    return (
        not any(part.startswith((".", "__")) for part in Path(name).parts)
        and not is_output(f"{name}/file")
        and _RESULTS.isdisjoint(re.split(r"[/_-]", name.lower()))
        and not (path / "__init__.py").exists()
        and not (path / "pyvenv.cfg").exists()
        and (is_inside or not str(path).startswith(_OF_THE_SYSTEM))
    )


_OF_THE_SYSTEM = tuple(f"/{name}" for name in "bin boot dev etc lib proc run sbin sys usr var/lib var/log".split())
