"""Brings files into a workspace that runs do not keep, such as data which git ignores, from the project as it is now.

Only what the code or the command line names or the run has read is brought, and only what was there before the run or
was written after it: what a run has written itself would change what its repetition does. Files are copied, so that
nothing which the repetition writes ends up in the project.
"""

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from time import localtime, strftime

from autotrack.errors import ReproduceError, UnsafeFileError
from autotrack.format import human_bytes, some
from autotrack.journal.summary import Summary
from autotrack.readers.code.recorded_code import RecordedCode
from autotrack.readers.code.usage import Usage
from autotrack.readers.reproducibility.missing import Missing
from autotrack.reproduce.data_check import is_still
from autotrack.reproduce.git_commands import git
from autotrack.reproduce.places import exists
from autotrack.reproduce.tree import Tree, checked_name
from autotrack.reproduce.workspace import FOLDER, Workspace

MOST_BYTES = 10**9
"""So much is copied at most; larger files and folders can be linked."""

_NEVER = frozenset(
    ".git .venv venv env node_modules __pycache__ .mypy_cache .pytest_cache .ruff_cache .tox .nox .ipynb_checkpoints "
    f".hydra .idea .vscode build dist htmlcov wandb mlruns lightning_logs {FOLDER}".split()
)
_TEXTS = frozenset(".py .ipynb .yaml .yml .toml .json .cfg .ini .sh .txt .md .csv".split())
_LARGEST_TEXT, _MOST_TEXT = 500_000, 20_000_000
_SLACK_SECONDS = 1.0
_LOOKED_INTO = 1_000


def bring(
    summary: Summary, code: RecordedCode, space: Workspace, *, project: Path, store: Path, links: Sequence[str] = ()
) -> Iterator[Missing]:
    """Copy what the code names and the run has not kept; yield what is too large for that, or has changed since.

    Args:
        summary: The run.
        code: Its code.
        space: The workspace.
        project: The folder of the project now.
        store: The store of the run, which is not copied.
        links: Files or folders of the project, by their paths in it, that are linked and not copied.
    """
    tree = Tree(space.code)
    for name in links:
        if not exists(project / checked_name(name)):
            raise ReproduceError(f"--link names {name!r}, but there is no such file or folder in {project}")
        tree.put_link(name, str((project / name).absolute()))
    names = [name for name in _candidates(code, project, space.code) if not exists(space.code / name)]
    names = [name for name in names if not _is_left_alone(project, name, store)]
    mentioned = _Mentions(summary, space.code) if names else None
    usage, left = Usage(summary), MOST_BYTES
    for name in names:
        if mentioned is None or not mentioned.has(name):
            continue
        files, size = _up_to(_files(project, name, code, store), left)
        if size > left:
            why = f"it is not kept with the run, and too large to be copied ({human_bytes(size)} or more)"
            yield Missing(name, why, f"--link {name}", kind="data")
            continue
        left -= size
        for file, _ in files:
            _copy(project, file, tree)
        later = [file for file, status in files if code.ended and status.st_mtime > code.ended + _SLACK_SECONDS]
        changed = [file for file in later if not is_still(usage, file, project / file)]
        if changed:
            last = max(status.st_mtime for _, status in files)
            why = f"written after the run, at {strftime('%Y-%m-%d %H:%M', localtime(last))}"
            yield Missing(some(changed, 3), why, "bring back the file as it was", kind="data")


def _candidates(code: RecordedCode, project: Path, restored: Path) -> Iterator[str]:
    """Yield files and folders, by their paths in the project, that a run does not keep."""
    if code.git is None:
        yield from _absent(project, restored)
        return
    try:
        ignored = git(project, "ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")
    except ReproduceError:  # it is no repository any more
        ignored = b""
    names = [name.rstrip("/") for name in os.fsdecode(ignored).split("\0") if name]
    yield from dict.fromkeys([*names, *(name for name in code.left_out if _is_in(project, name))])


def _is_in(project: Path, name: str) -> bool:
    """Whether something is there. What a run names need not be a path in the project: `12 more untracked files`."""
    try:
        return exists(project / checked_name(name))
    except UnsafeFileError:
        return False


def _absent(project: Path, restored: Path, below: str = "") -> Iterator[str]:
    """Yield what is in the project and not in the restored code; of a folder that is in both, what it contains.

    Without git, only modules are kept that were imported when the run began.
    """
    for entry in sorted(os.scandir(project / below), key=lambda entry: entry.name):
        name = str(Path(below, entry.name))
        if entry.name in _NEVER:
            continue
        if entry.is_dir(follow_symlinks=False) and (restored / name).is_dir():
            yield from _absent(project, restored, name)
        else:
            yield name


def _is_left_alone(project: Path, name: str, store: Path) -> bool:
    """Whether this is an environment, a cache, a store of runs, or anything else that is no data."""
    path = project / name
    return _is_no_data(path, store) or not _NEVER.isdisjoint(Path(name).parts) or _holds_runs(path)


def _is_no_data(path: Path, store: Path) -> bool:
    return (
        path.name in _NEVER
        or path.name.endswith((".egg-info", ".pyc"))
        or exists(path / "pyvenv.cfg")
        or path.absolute() == store.absolute()
    )


def _holds_runs(path: Path) -> bool:
    """Whether a folder is a store. One of many files is not looked through to its end."""
    places = (place for outer in _folders_in(path) for inner in _folders_in(outer) for place in [inner / "journal"])
    return any(exists(place) for place in islice(places, _LOOKED_INTO))


def _folders_in(path: Path) -> Iterator[Path]:
    try:
        with os.scandir(path) as entries:
            for entry in islice(entries, _LOOKED_INTO):
                if entry.is_dir(follow_symlinks=False):
                    yield Path(entry.path)
    except OSError:
        return


def _up_to(
    files: Iterable[tuple[str, os.stat_result]], most_bytes: int
) -> tuple[list[tuple[str, os.stat_result]], int]:
    """Return files and their size, of which no more are listed once they are too large together."""
    found, size = [], 0
    for file in files:
        found.append(file)
        size += file[1].st_size
        if size > most_bytes:
            break
    return found, size


def _files(project: Path, name: str, code: RecordedCode, store: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the files that `name` is or contains, without what the run has written itself."""
    top = project / name
    paths: Iterable[Path] = [top] if _is_kept(top) else []
    if top.is_dir() and not top.is_symlink():
        paths = _walk(top, store)
    for path in paths:
        status = path.lstat()
        if not code.started <= status.st_mtime <= (code.ended or code.started) + _SLACK_SECONDS:
            yield str(path.relative_to(project)), status


def _walk(top: Path, store: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(name for name in folders if not _is_no_data(Path(folder, name), store))
        yield from (Path(folder, name) for name in [*sorted(files), *folders] if _is_kept(Path(folder, name)))


def _is_kept(path: Path) -> bool:
    return path.is_symlink() or path.is_file()


def _copy(project: Path, name: str, tree: Tree) -> None:
    source = project / name
    if source.is_symlink():
        target = os.path.normpath(source.parent / source.readlink())
        inside = Path(target).is_relative_to(project)  # then it leads to the copy of the same
        tree.put_link(name, os.path.relpath(target, source.parent) if inside else str(source.resolve()))
        return
    tree.put(name, b"", mode=source.stat().st_mode)
    shutil.copyfile(source, tree.root / name)
    shutil.copystat(source, tree.root / name)


class _Mentions:
    """All that the code and the command line of a run name, and what it has read."""

    def __init__(self, summary: Summary, code: Path) -> None:
        texts = [*summary.argv, *map(str, summary.params.values()), *(data.source or "" for data in summary.datasets)]
        texts += [name for name in Usage(summary).reads if not os.path.isabs(name)]  # noqa: PTH117  a text
        room = _MOST_TEXT
        for folder, folders, files in os.walk(code):
            folders[:] = [name for name in folders if name not in _NEVER]
            for path in (Path(folder, name) for name in files):
                if path.suffix in _TEXTS and not path.is_symlink() and path.stat().st_size < min(_LARGEST_TEXT, room):
                    texts.append(path.read_text(encoding="utf-8", errors="replace"))
                    room -= len(texts[-1])
        self._text = "\n".join(texts)

    def has(self, name: str) -> bool:
        """Whether the path, or the name of the file or of a folder on the way, is a word somewhere."""
        parts = [part for part in Path(name).parts if len(part) > 1]
        stems = [Path(name).stem] if len(Path(name).stem) > 3 else []
        return any(re.search(rf"(?<![\w-]){re.escape(part)}(?![\w-])", self._text) for part in [*parts, *stems])
