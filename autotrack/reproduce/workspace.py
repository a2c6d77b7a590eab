"""A fresh folder with the code of a run as it was: complete, or not there at all.

reproduced/20261121-075211-brave-otter/     beside the store, unless told otherwise
    digits/                                 what the folder of the project was, with its name
    started-in/                             where the script was started, if that was somewhere else
"""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePath
from secrets import token_hex
from time import time

from autotrack.errors import ReproduceError
from autotrack.readers.code.recorded_code import RecordedCode
from autotrack.readers.reproducibility.missing import Missing
from autotrack.reproduce.checkout import check_out
from autotrack.reproduce.uncommitted import apply_patch, copy_sources, unpack

FOLDER = "reproduced"
"""The folder beside a store in which its runs are repeated. Git ignores it."""

_ELSEWHERE = "started-in"
_CELLS = "notebook_cells.py"
_DRAFT = ".restoring.part"
_LEFT_SECONDS = 24 * 3600.0
_LONGEST_NAME = 255
_BEFORE, _AFTER = r"(?<![\w.~/-])", r"(?=[/:,;\s\"')\]]|$)"


@dataclass(frozen=True)
class Workspace:
    """A restored project.

    Attributes:
        folder: All of the workspace.
        code: The folder that stands for `base`.
        cwd: The folder in which the script is to be started.
        base: The folder of the project when the run was recorded.
        missing: What could not be restored.
        cells: The script of executed notebook cells, if the run was a notebook.
    """

    folder: Path
    code: Path
    cwd: Path
    base: PurePath
    missing: tuple[Missing, ...]
    cells: Path | None = None

    def here(self, text: str) -> str:
        """Return a text in which paths below the project of then lead into this one.

        >>> space = Workspace(Path("/w"), Path("/w/p"), Path("/w/p"), PurePath("/home/me/p"), ())
        >>> space.here("--config=/home/me/p/conf.yaml --data /home/me/pictures")
        '--config=/w/p/conf.yaml --data /home/me/pictures'
        """
        if len(self.base.parts) < 2:  # the root of the disk: every path is below it
            return text
        return re.sub(f"{_BEFORE}{re.escape(str(self.base))}{_AFTER}", lambda _: str(self.code), text)

    def remove(self) -> None:
        """Remove all of it, and the folder of such workspaces if this was the only one."""
        shutil.rmtree(self.folder, ignore_errors=True)
        _remove_if_empty(self.folder.parent)


def make_workspace(
    run: Path, code: RecordedCode, *, into: Path | None = None, repository: str | None = None
) -> Workspace:
    """Restore the code of the run in the folder `run`. Nothing is left behind if that fails.

    Args:
        run: The run folder.
        code: What the run says of its code.
        into: The folder to make; it may exist if it is empty. By default, one beside the store.
        repository: Where the repository is now; see `check_out`.

    Raises:
        ReproduceError: Something is missing; the message says what, and what can be done.
        UnsafeFileError: The run has files that would be written outside of the workspace.
    """
    if not code.is_kept:
        raise ReproduceError(f"the run has no code to restore: {next(code.missing()).why}")
    top, names = _places(run, into)
    name = _folder_name(code.base)
    with _draft(top) as draft:
        project = draft / name
        missing = [*_restore(run, code, project, repository), *code.missing()]
        if code.cwd.is_relative_to(code.base):
            cwd = PurePath(name, code.cwd.relative_to(code.base))
        else:
            cwd = PurePath(_ELSEWHERE)
            missing.append(
                Missing(
                    "the folder in which the script was started",
                    f"{code.cwd} is outside of the project; it is started in an empty folder",
                    "name files by paths below the project",
                    kind="data",
                )
            )
        _make_folder(draft, cwd)
        if code.cells is not None:
            copy_sources(run, {_CELLS: code.cells}, draft / cwd)
        target = _moved(draft, top, names)
    cells = target / cwd / _CELLS if code.cells is not None else None
    return Workspace(target, target / name, target / cwd, code.base, tuple(missing), cells)


def _restore(run: Path, code: RecordedCode, top: Path, repository: str | None) -> Iterator[Missing]:
    if code.git is not None:
        yield from check_out(code.git, top, repository=repository)
        if code.patch is not None:
            apply_patch(run, code.patch, top)
        if code.archive is not None:
            unpack(run, code.archive, top)
    else:
        top.mkdir(parents=True)
    copy_sources(run, dict(code.sources), top)


def _make_folder(draft: Path, relative: PurePath) -> None:
    """Make a folder; git has no empty ones. A link in its place would lead out."""
    path = draft
    for part in relative.parts:
        path /= part
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise ReproduceError(f"the script was started in {relative}, which is no folder in the restored code")
        path.mkdir(exist_ok=True)


def _folder_name(base: PurePath) -> str:
    """Return the name of the project's folder, after which runs are named if nothing else names them."""
    is_name = base.name not in ("", ".", "..", _ELSEWHERE) and len(os.fsencode(base.name)) <= _LONGEST_NAME
    return base.name if is_name else "code"


def _places(run: Path, into: Path | None) -> tuple[Path, Iterator[str]]:
    """Return the folder that holds the workspace, and the names that the workspace may have there, the best first."""
    if into is not None:
        target = _checked_place(into)
        return target.parent, iter([target.name])
    names = (run.name if number == 1 else f"{run.name}-{number}" for number in count(1))
    return run.absolute().parent.parent.parent / FOLDER, names


def _checked_place(into: Path) -> Path:
    target = into.expanduser().absolute()
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise ReproduceError(_not_empty(into))
    return target


def _not_empty(target: Path) -> str:
    return f"{target} is there already and not an empty folder; name a new one with --into"


def _moved(draft: Path, top: Path, names: Iterator[str]) -> Path:
    """Give a complete draft the first name that nobody has taken, and return where it is now.

    Several repetitions may be at work at the same time. A folder only replaces one that is empty.
    """
    target = draft
    for target in (top / name for name in names):
        if os.path.lexists(target) and not _is_empty_folder(target):
            continue
        try:
            return draft.rename(target)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):  # otherwise another one was quicker
                raise
    raise ReproduceError(_not_empty(target))


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not any(path.iterdir())


@contextmanager
def _draft(top: Path) -> Iterator[Path]:
    """Yield a new folder of nobody else's, which is removed unless it has been moved away. It starts with a dot."""
    try:
        top.mkdir(parents=True, exist_ok=True)
        _remove_left(top)
        draft = top / f".{os.getpid()}-{token_hex(4)}{_DRAFT}"
        draft.mkdir()
        if top.name == FOLDER:
            with suppress(FileExistsError), (top / ".gitignore").open("x") as file:
                file.write("*\n")
    except OSError as error:
        raise ReproduceError(
            f"nothing can be written in {top} ({error.strerror}); choose another place with --into"
        ) from error
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        _remove_if_empty(top)


def _remove_if_empty(top: Path) -> None:
    """Remove the folder of workspaces if there is none in it."""
    with suppress(OSError):  # something was restored just now, by another repetition
        if top.name == FOLDER and [path.name for path in top.iterdir()] == [".gitignore"]:
            (top / ".gitignore").unlink()
            top.rmdir()


def _remove_left(top: Path) -> None:
    """Remove drafts of repetitions that were killed."""
    for draft in top.glob(f".*{_DRAFT}"):
        with suppress(OSError):
            if draft.lstat().st_mtime < time() - _LEFT_SECONDS:
                shutil.rmtree(draft, ignore_errors=True)
