"""Files that many runs share. They are kept once beside the runs, under the digest of what they contain.

    runs/digits/.environments/<digest>/environment.json     records that the runs share
    runs/digits/.environments/<digest>/environment/…        the files that these name

A short run names the digest in a record of a few bytes, where a long run has an environment of its own. Such a name
looks like any path in a run folder, and `run_folder.py` opens it: `.environments/<digest>/environment/packages.json`.
The store may come from somebody else, so a folder whose content does not have its digest is not read.
"""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from io import BufferedReader
from pathlib import Path

import msgspec

from autotrack.errors import UnsafeFileError
from autotrack.journal.files import link_or_copy
from autotrack.journal.records import SHARED_KIND, AnyRecord, Environment
from autotrack.journal.run_folder import SHARED, files_below, is_digest, is_shared, open_file

_RECORDS = "environment.json"
_MOST_FILES = 10_000
_MOST_RECORD_BYTES = 2**24
_BLOCK_BYTES = 2**20

_decode = msgspec.json.Decoder(list[Environment]).decode


def publish(run: Path, files: Mapping[str, bytes | Path], environment: Sequence[Environment] = ()) -> str:
    """Keep files beside the run in the folder `run`, unless they are there, and return their digest.

    Args:
        run: The folder of a run. All runs beside it can share the files.
        files: By name, the content of each file, or the path of a file that is linked or else copied.
        environment: Records to be shared. The names of their files are among `files`.

    Raises `OSError` when the files cannot be written.
    """
    contents: dict[str, bytes | Path] = dict(files)
    if environment:
        contents[_RECORDS] = msgspec.json.encode(list(environment))
    digest = _digest({name: _sha256(content) for name, content in contents.items()})
    top = run.absolute().parent / SHARED
    if not (top / digest).is_dir():
        top.mkdir(exist_ok=True)
        if top.is_symlink():
            raise UnsafeFileError(f"{top} is a link; nothing is written there, as it could lead out of the store")
        draft = top / f".{digest}.{os.getpid()}.part"
        try:
            for name, content in contents.items():
                _put(draft / name, content)
            draft.rename(top / digest)
        except OSError:
            if not (top / digest).is_dir():  # otherwise another process was quicker
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return digest


def shared_name(digest: str, name: str) -> str:
    """Return the name by which a run opens the shared file `name`."""
    return f"{SHARED}/{digest}/{name}"


def own_name(name: str) -> str:
    """Return the name that a shared file would have in a run of its own; other names stay as they are."""
    return name.split("/", 2)[2] if is_shared(name) else name


def environment_of(run: Path, digest: str) -> list[Environment]:
    """Return the shared records with this digest, and their files by the names that the run opens them by.

    Raises `OSError` (`UnsafeFileError` is one) when they are not beside the run or do not have this digest.
    """
    if not is_digest(digest):
        raise UnsafeFileError(f"{digest!r:.100} is no digest, so it names no environment")
    return list(_environment_of(str(run.absolute().parent), digest))


def missing(digest: str) -> str:
    """Say that a shared environment cannot be read, for the list of what a reader leaves out."""
    if not is_digest(digest):
        return f"its environment, which it shares with other runs: {digest!r:.100} is no digest"
    return f"its environment, which it shares with other runs: {SHARED}/{digest} is not beside it, or was changed"


def expand(run: Path, batch: Iterable[AnyRecord]) -> list[AnyRecord]:
    """Return records with the shared ones in the place of those that only name a digest.

    Where they cannot be read, the record that names them stays.
    """
    expanded: list[AnyRecord] = []
    for record in batch:
        if isinstance(record, Environment) and record.kind == SHARED_KIND and record.shared:
            try:
                shared = environment_of(run, record.shared)
            except OSError:
                expanded.append(record)
            else:
                expanded += (msgspec.structs.replace(each, time=record.time) for each in shared)
        else:
            expanded.append(record)
    return expanded


@lru_cache(maxsize=64)  # thousands of runs share one
def _environment_of(experiment: str, digest: str) -> tuple[Environment, ...]:
    run = Path(experiment, "run")  # any name would do
    sums: dict[str, str] = {}
    for name in files_below(run, f"{SHARED}/{digest}"):
        if len(sums) == _MOST_FILES:
            raise UnsafeFileError(f"{run.parent / name} is one of more than {_MOST_FILES} files; none is read")
        sums[own_name(name)] = _sha256_of(run, name)
    if _digest(sums) != digest:
        raise UnsafeFileError(f"{experiment}/{SHARED}/{digest} does not contain what its name says; it is not read")
    with os.fdopen(open_file(run, shared_name(digest, _RECORDS)), "rb") as file:
        content = file.read(_MOST_RECORD_BYTES)
    try:
        found = _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnsafeFileError(f"{experiment}/{SHARED}/{digest} cannot be read: {error}") from error
    return tuple(
        msgspec.structs.replace(each, shared=digest, files=[shared_name(digest, name) for name in each.files])
        for each in found
    )


def _digest(sums: Mapping[str, str]) -> str:
    lines = (f"{sums[name]}  {name}\n" for name in sorted(sums))
    return _sha256("".join(lines).encode(errors="surrogateescape"))


def _sha256_of(run: Path, name: str) -> str:
    with os.fdopen(open_file(run, name), "rb") as file:
        return _sha256(file)


def _sha256(content: bytes | Path | BufferedReader) -> str:
    import hashlib  # here, because a training process imports this module and seldom has a file to share

    if isinstance(content, Path):
        with content.open("rb") as file:
            return _sha256(file)
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    return hashlib.file_digest(content, "sha256").hexdigest()


def _put(target: Path, content: bytes | Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        target.write_bytes(content)
    else:
        link_or_copy(content, target)
