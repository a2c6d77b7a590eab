"""Brings back runs from an archive. It may come from anybody, so all of it is checked before anything is written.

Every file belongs to a run or to what runs share, by a path without links, `..` or surprises; there are no more files
and bytes than it says; and nothing that is there already is touched unless somebody has agreed. What is written goes
into a new folder first, and from there in one step to its place.
"""

import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec

from autotrack.errors import AutotrackError, UnsafeFileError
from autotrack.format import human_bytes
from autotrack.journal.run_folder import SHARED, is_digest
from autotrack.model_format.damaged_zip import DAMAGED, inside_zip
from autotrack.readers import recorded_run
from autotrack.readers.recorded_run import RecordedRun
from autotrack.readers.storage import trash
from autotrack.readers.storage.archive import MANIFEST, Manifest, is_name
from autotrack.readers.storage.trash import TRASH

_BLOCK_BYTES = 2**20
_MOST_FILES, _MOST_RUNS = 2_000_000, 200_000
_MOST_MANIFEST_BYTES = 2**27
_MUCH_BYTES, _MOST_TIMES = 10**9, 100
"""Text of logs becomes about a tenth when it is packed, weights hardly less."""


@dataclass(frozen=True)
class Contents:
    """What an archive has, after it was checked.

    Attributes:
        runs: The folders of the runs, as paths in a store.
        same: Other names of files: by path, the path of the file.
        files: The members with their sizes, by path.
        bytes: How much they take.
    """

    runs: list[PurePosixPath]
    same: dict[str, str]
    files: dict[str, int]
    bytes: int


Decide = Callable[[RecordedRun], bool]
"""Asked of a run that is where one of the archive belongs: whether it is moved into the trash to make room."""


class Archive:
    """An archive that was opened and checked. Raises `AutotrackError` for what is none, and `UnsafeFileError`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with inside_zip():
                self._zip = zipfile.ZipFile(path)
                self.contents = self._checked()
        except DAMAGED as error:
            raise AutotrackError(f"{path} is no archive of runs, or is damaged: {error}") from error

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    @property
    def is_suspiciously_small(self) -> bool:
        """Whether it becomes so many times its own size that somebody may have made it to fill a disk."""
        packed, unpacked = self._path.stat().st_size, self.contents.bytes
        return unpacked > _MUCH_BYTES and unpacked > _MOST_TIMES * packed

    def unpack(
        self, store: Path, *, replaces: Decide, progress: Callable[[int], Callable[[int], object]]
    ) -> Iterator[tuple[str, Path | None]]:
        """Bring the runs into a store; yield the path of each, and where it is now, None for one that was not wanted.

        Raises `AutotrackError` for a damaged archive: what was yielded before is there then, and nothing else.
        """
        needed, by_run = self.contents.bytes, self._by_run()
        store.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(store).free
        if needed > free:
            raise AutotrackError(f"the runs take {human_bytes(needed)}, and {store} has {human_bytes(free)} left")
        advance = progress(needed)
        with _draft(store) as draft:
            for run in self.contents.runs:
                there = store / run
                if _exists(there) and not replaces(_recorded(there)):
                    yield str(run), None
                    continue
                self._write(by_run[run], draft, advance)
                yield str(run), _move(draft / run, there, store)
            self._write(
                [path for path in by_run[PurePosixPath()] if not _exists(_shared(store, path))], draft, advance
            )
            for folder in {_shared(draft, path) for path in by_run[PurePosixPath()]}:
                _move_shared(folder, store / folder.relative_to(draft), store)

    # ---- What is checked

    def _checked(self) -> Contents:
        members = self._zip.infolist()
        if len(members) > _MOST_FILES:
            raise UnsafeFileError(
                f"{self._path} has {len(members):,} files, more than {_MOST_FILES:,}; nothing was restored"
            )
        manifest = self._manifest()
        runs = [_run_place(name) for name in manifest.runs]
        if len(runs) > _MOST_RUNS or len(set(runs)) != len(runs):
            raise UnsafeFileError(f"{self._path} names a run twice, or too many of them; nothing was restored")
        known, files = set(runs), dict[str, int]()
        for member in members:
            if member.filename == MANIFEST or member.is_dir():
                continue
            _check_member(member)
            if member.filename in files:
                raise UnsafeFileError(f"{self._path} has {member.filename!r} twice; nothing was restored")
            _check_belongs(member.filename, known)
            files[member.filename] = member.file_size
        for name, target in manifest.same.items():
            _check_belongs(name, known)
            if target not in files or name in files or _owner(name, known) != _owner(target, known):
                raise UnsafeFileError(
                    f"{name!r} is to be {target!r}, which is no file of that run; nothing was restored"
                )
        _check_folders([*files, *manifest.same])
        return Contents(runs, manifest.same, files, sum(files.values()))

    def _manifest(self) -> Manifest:
        try:
            info = self._zip.getinfo(MANIFEST)
            if info.file_size > _MOST_MANIFEST_BYTES:
                raise UnsafeFileError(f"the list of runs in {self._path} is too large; nothing was restored")
            with self._zip.open(info) as file:
                return msgspec.json.decode(file.read(_MOST_MANIFEST_BYTES), type=Manifest)
        except (KeyError, RuntimeError, msgspec.DecodeError) as error:
            raise AutotrackError(f"{self._path} was not written by autotrack archive: it has no {MANIFEST}") from error

    def _by_run(self) -> dict[PurePosixPath, list[str]]:
        """Return the files of each run; those that runs share are under the empty path."""
        known = set(self.contents.runs)
        found: dict[PurePosixPath, list[str]] = {run: [] for run in [*self.contents.runs, PurePosixPath()]}
        for path in [*self.contents.files, *self.contents.same]:
            found[_owner(path, known) or PurePosixPath()].append(path)
        for run in self.contents.runs:
            if str(run / "journal" / "main.jsonl") not in found[run]:
                raise AutotrackError(
                    f"{self._path} lists the run {str(run)!r} without its journal; nothing was restored"
                )
        return found

    # ---- What is written

    def _write(self, paths: list[str], draft: Path, advance: Callable[[int], object]) -> None:
        for path in paths:
            if path not in self.contents.same:
                (draft / path).parent.mkdir(parents=True, exist_ok=True)
                self._write_file(path, draft / path, advance)
        for path in paths:
            if path in self.contents.same:
                (draft / path).parent.mkdir(parents=True, exist_ok=True)
                os.link(draft / self.contents.same[path], draft / path)

    def _write_file(self, path: str, target: Path, advance: Callable[[int], object]) -> None:
        left = self.contents.files[path]
        try:
            with inside_zip(), self._zip.open(path) as packed, target.open("xb") as file:
                while block := packed.read(_BLOCK_BYTES):
                    left -= len(block)
                    if left < 0:
                        raise UnsafeFileError(f"{path!r} is larger than the archive says; it was not restored")
                    file.write(block)
                    advance(len(block))
        except DAMAGED as error:
            raise AutotrackError(f"{path!r} in {self._path} is damaged, its run was not restored: {error}") from error


def _run_place(name: str) -> PurePosixPath:
    """Return where a run belongs in a store. It is one or two folders down, or three of which one is the trash."""
    path = _checked_path(name)
    *outer, last = path.parts
    if last.startswith(".") or len([part for part in outer if part != TRASH]) > 1:
        raise UnsafeFileError(f"{name!r} is no place of a run in a store; nothing was restored")
    if any(part.startswith(".") and part != TRASH for part in outer) or TRASH in outer[:-1]:
        raise UnsafeFileError(f"{name!r} is no place of a run in a store; nothing was restored")
    return path


def _checked_path(name: str) -> PurePosixPath:
    if not is_name(name):
        raise UnsafeFileError(f"{name[:200]!r} is no name that an archive of runs has; nothing was restored")
    return PurePosixPath(name)


def _check_member(member: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise UnsafeFileError(f"{member.filename!r} is a link or a device and no file; nothing was restored")
    if member.flag_bits & 1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise AutotrackError(f"{member.filename!r} is encrypted or packed as no archive of runs is")


def _owner(name: str, runs: set[PurePosixPath]) -> PurePosixPath | None:
    parents = PurePosixPath(name).parents
    return next((parent for parent in list(parents)[-4:-1] if parent in runs), None)


def _check_belongs(name: str, runs: set[PurePosixPath]) -> None:
    path = _checked_path(name)
    if _owner(name, runs) is not None:
        return
    place = path.parts.index(SHARED) if SHARED in path.parts[:2] else -1
    if place < 0 or len(path.parts) < place + 3 or not is_digest(path.parts[place + 1]):
        raise UnsafeFileError(f"{name!r} belongs to no run of the archive; nothing was restored")


def _check_folders(names: list[str]) -> None:
    """Raise `UnsafeFileError` for a name that is both a file and a folder."""
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    if both := folders.intersection(names):
        raise UnsafeFileError(f"{min(both)!r} is both a file and a folder; nothing was restored")


@contextmanager
def _draft(store: Path) -> Iterator[Path]:
    draft = Path(tempfile.mkdtemp(prefix=".unarchive-", suffix=".part", dir=store))
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _exists(path: Path) -> bool:
    return os.path.lexists(path)


def _recorded(folder: Path) -> RecordedRun:
    try:
        return recorded_run.load(folder)
    except OSError as error:
        raise AutotrackError(f"{folder} is there already and is no run; move it away first") from error


def _shared(store: Path, path: str) -> Path:
    parts = PurePosixPath(path).parts
    return store.joinpath(*parts[: parts.index(SHARED) + 2])


def _prepare(there: Path, store: Path) -> None:
    """Make the folder that something belongs in. A link in its place would lead out of the store."""
    place = store
    for part in there.parent.relative_to(store).parts:
        place /= part
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            raise UnsafeFileError(f"{place} is a link or a file; nothing is restored there")
        place.mkdir(exist_ok=True)


def _move(draft: Path, there: Path, store: Path) -> Path:
    _prepare(there, store)
    if _exists(there):
        trash.remove(there)
    draft.rename(there)
    return there


def _move_shared(draft: Path, there: Path, store: Path) -> None:
    _prepare(there, store)
    if draft.is_dir() and not _exists(there):
        draft.rename(there)
