"""Packs whole runs into one file: a zip, whose list of files can be checked before any of them is written.

    autotrack-archive.json               which runs there are, and files that are the same file under two names
    digits/20261121-…-brave-otter/…      the files of a run, all of them
    digits/.environments/<digest>/…      what short runs share
    digits/.trash/20261121-…/…           a run that was in the trash

A zip and no tar, because each file has its own checksum, all names are known before anything is unpacked, what is
compressed already costs no time, and every system opens it.
"""

import os
import stat
import unicodedata
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath

import msgspec

from autotrack.errors import AutotrackError, UnsafeFileError
from autotrack.journal.files import replacing
from autotrack.journal.run_folder import SHARED, file_status, files_below, is_digest, open_file
from autotrack.readers import kept_points
from autotrack.readers.recorded_run import RecordedRun
from autotrack.readers.storage.trash import TRASH, check_is_over
from autotrack.version import __version__

MANIFEST = "autotrack-archive.json"
_FORMAT = 1
_BLOCK_BYTES = 2**20
_LONGEST_NAME = 255
_DEEPEST = 60

_COMPRESSED = frozenset(
    ".ckpt .pt .pth .bin .safetensors .keras .h5 .npz .gz .zip .png .jpg .jpeg .skops .zst".split()
)
_SKIPPED = (".held", ".part")


class Manifest(msgspec.Struct, frozen=True):
    """What an archive has.

    Attributes:
        format: The version of this layout.
        runs: The folders of the runs, as paths in a store.
        same: Files that are another name of a file: by path, the path of that one.
        autotrack: What has written it.
    """

    runs: list[str]
    same: dict[str, str] = {}
    format: int = _FORMAT
    autotrack: str = ""


@dataclass(frozen=True)
class Packed:
    """What was packed: the paths of the runs, how many files and bytes, and what was left out, with the reason."""

    runs: list[str]
    files: int
    bytes: int
    left_out: dict[str, str]


@dataclass
class _Content:
    """What is to be packed: by path in the archive, the folder and the name of a file; sizes; other names of files."""

    files: dict[str, tuple[Path, str]] = field(default_factory=dict)
    same: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    bytes: int = 0


def pack(
    runs: Sequence[RecordedRun], store: Path, target: Path, *, progress: Callable[[int], Callable[[int], object]]
) -> Packed:
    """Write runs into a new file, which replaces `target` once it is complete.

    Args:
        runs: The runs, which have to be over.
        store: The folder that they are in.
        target: The file.
        progress: Is given how many bytes there are, and returns what is told how many of them have been packed.

    Raises `RunNotFoundError` for a run that is being recorded, `UnsafeFileError` and `OSError`.
    """
    content, places = _Content(), list[str]()
    for run in runs:
        check_is_over(run.folder)
        place = place_of(run, store)
        if not is_name(place):
            raise UnsafeFileError(f"{place!r} cannot be packed: no archive can have a run in such a folder; rename it")
        places.append(place)
        _add_run(content, run, place)
    _without_lost(content)
    advance = progress(content.bytes)
    manifest = Manifest(places, content.same, autotrack=__version__)
    with replacing(target) as draft, zipfile.ZipFile(draft, "x", allowZip64=True) as archive:
        archive.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
        for path, (folder, name) in content.files.items():
            _write(archive, path, folder, name, advance)
    return Packed(places, len(content.files), content.bytes, content.left_out)


def place_of(run: RecordedRun, store: Path) -> str:
    """Return where a run lies in its store; of one from elsewhere, where it would."""
    folder, top = run.folder.absolute(), store.absolute()
    if folder.is_relative_to(top) and folder != top:
        return folder.relative_to(top).as_posix()
    return f"{PurePath(run.experiment).name or 'runs'}/{folder.name}"


def is_name(name: str) -> bool:
    """Whether an archive may have a file or run of this name: it leads nowhere else, and can be written as it is."""
    path = PurePosixPath(name)
    is_plain = str(path) == name and not path.is_absolute() and ".." not in path.parts and name not in ("", ".")
    is_safe = not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name) and "\\" not in name
    is_drive = os.name == "nt" and ":" in name
    return is_plain and is_safe and not is_drive and _is_short(path)


def _is_short(path: PurePosixPath) -> bool:
    return len(path.parts) <= _DEEPEST and all(len(part.encode()) <= _LONGEST_NAME for part in path.parts)


def _without_lost(content: _Content) -> None:
    """Have further names of a file lead to the one that is packed; leave those out of which none is."""
    for path, first in list(content.same.items()):
        first = content.same.get(first, first)
        if first in content.files:
            content.same[path] = first
        else:
            del content.same[path]
            content.left_out[path] = "the file that it leads to is not packed"


def _add_run(content: _Content, run: RecordedRun, place: str) -> None:
    folder, seen = run.folder.absolute(), dict[tuple[int, int], str]()
    for name in _names(folder, place, content):
        status = (folder / name).lstat()
        path = f"{place}/{name}"
        if status.st_nlink > 1 and (first := seen.setdefault((status.st_dev, status.st_ino), path)) != path:
            content.same[path] = first
            continue
        content.files[path] = folder, name
        content.bytes += status.st_size
    _add_shared(content, run, PurePath(place).parent)


def _add_shared(content: _Content, run: RecordedRun, experiment: PurePath) -> None:
    """Add what a run shares with those beside it, through the door of run folders: it may name anything."""
    beside = run.folder.absolute()
    if beside.parent.name == TRASH:
        beside, experiment = beside.parent, experiment.parent
    for digest in filter(is_digest, set(run.summary.shared_environment.values())):
        try:
            for name in files_below(beside, f"{SHARED}/{digest}"):
                path = (experiment / name).as_posix()
                if path not in content.files and _is_allowed(path, content):
                    content.files[path] = beside, name
                    content.bytes += file_status(beside, name).st_size
        except FileNotFoundError:  # the run was moved without it
            continue
        except OSError as error:
            content.left_out[f"{experiment / SHARED / digest}"] = str(error)


def _names(folder: Path, place: str, content: _Content) -> Iterator[str]:
    """Yield the regular files of a run, and note what else there is: links inside of it are other names of files."""
    yield from (
        name
        for name in _files(folder)
        if not name.endswith(_SKIPPED) and name != kept_points.NAME and _is_allowed(name, content)
    )
    for outer, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(outer, name)
            if path.is_symlink() and _is_allowed(path.relative_to(folder).as_posix(), content):
                _note_link(path, folder, place, content)


def _files(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        names = sorted(
            entry.name for entry in entries if not entry.is_symlink() and (entry.is_dir() or entry.is_file())
        )
    for name in names:
        yield from files_below(folder, name)


def _note_link(path: Path, folder: Path, place: str, content: _Content) -> None:
    name, target = path.relative_to(folder).as_posix(), Path(os.path.realpath(path))  # `resolve` raises for a circle
    top = folder.resolve()
    if target.is_relative_to(top) and os.path.isfile(target):  # noqa: PTH113  nor does this raise
        content.same[f"{place}/{name}"] = f"{place}/{target.relative_to(top).as_posix()}"
    else:
        content.left_out[f"{place}/{name}"] = "a link that leads to no file of the run"


def _is_allowed(name: str, content: _Content) -> bool:
    if is_name(name):
        return True
    content.left_out[ascii(name)] = "its name is no text, or too long, or has characters that steer a terminal"
    return False


def _write(archive: zipfile.ZipFile, path: str, folder: Path, name: str, advance: Callable[[int], object]) -> None:
    with os.fdopen(open_file(folder, name), "rb") as file:
        info = zipfile.ZipInfo(path)
        info.compress_type = zipfile.ZIP_STORED if Path(name).suffix in _COMPRESSED else zipfile.ZIP_DEFLATED
        info.external_attr = (stat.S_IFREG | 0o644) << 16
        with archive.open(info, "w", force_zip64=True) as packed:
            while block := file.read(_BLOCK_BYTES):
                packed.write(block)
                advance(len(block))


def check_target(target: Path) -> None:
    """Raise `AutotrackError` for a file that no archive can be written to."""
    if target.suffix != ".zip":
        raise AutotrackError(f"{str(target)!r} is no .zip file; name one, such as {target.stem or 'runs'}.zip")
    if target.is_dir() or target.is_symlink():
        raise AutotrackError(f"{target} is a {'link' if target.is_symlink() else 'folder'}; name another file")
    if not target.parent.is_dir():
        raise AutotrackError(f"there is no folder {str(target.parent)!r} to write {target.name} into; make it first")
