"""The registry of a store: a folder for each registered model, `models/NAME`, beside the experiments.

`records.jsonl` in it has an entry a line, which is only ever appended, under a lock. `versions/3` holds the files of
version 3: hard links to those of the run, so that they take no space and stay when the run is removed. There is no
server and no index. The folder is as little trusted as the rest of a store: everything is opened through
`autotrack.journal.run_folder`, and a model is what its entry says, by checksum.
"""

import getpass
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from autotrack.errors import AutotrackError, ModelNotFoundError, ModelRegistryError, UnsafeFileError
from autotrack.escapes import printable
from autotrack.journal import locks
from autotrack.journal.run_folder import make_folders, open_file, read_bytes
from autotrack.model_names import checked_name
from autotrack.models import entries
from autotrack.models.entries import AnyEntry
from autotrack.models.registered_model import RegisteredModel

FOLDER, RECORDS, VERSIONS, TRASH = "models", "records.jsonl", "versions", ".trash"

_MOST_BYTES = 2**26
_PATIENCE_SECONDS = 20.0


class Registry:
    """The registered models of the store in the folder `store`, which need not exist."""

    def __init__(self, store: Path) -> None:
        self.store = store

    def names(self) -> list[str]:
        """Return the names of the registered models. What else lies in the folder, such as runs, is none of them."""
        place = self.store / FOLDER
        with suppress(OSError), os.scandir(place) as found:
            if place.is_symlink():
                return []
            return sorted(one.name for one in found if one.is_dir(follow_symlinks=False) and self._has(one.name))
        return []

    def model(self, name: str) -> RegisteredModel:
        """Return the state of a registered model.

        Raises `ModelNotFoundError` if there is none of this name, `UnsafeFileError` if its files are links, and
        `OSError` if they cannot be read.
        """
        try:
            content = read_bytes(self.store, self._path(name, RECORDS), limit_bytes=_MOST_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            raise self._not_found(name) from None
        if not content:
            raise self._not_found(name)
        return _folded(name, content)

    def models(self) -> Iterator[RegisteredModel]:
        """Yield all registered models; one that cannot be read is passed over."""
        for name in self.names():
            with suppress(OSError, AutotrackError):
                yield self.model(name)

    def exists(self, name: str) -> bool:
        """Return whether there is a registered model of this name."""
        try:
            checked_name(name)
        except ValueError:
            return False
        return self._has(name)

    def path_in_store(self, name: str, version: int, file: str = "") -> str:
        """Return the path of a version, or of a file in it, relative to the store."""
        return self._path(name, VERSIONS, str(version), *filter(None, [file]))

    @contextmanager
    def changing(self, name: str, *, creates: bool = False) -> Iterator[tuple[RegisteredModel, Callable[..., None]]]:
        """Yield the state of a model and a function that appends entries, while nobody else changes it.

        Raises `ModelRegistryError` where the store cannot be written or somebody else is at work for long, and as
        `model` does; with `creates`, a model that does not exist is made.
        """
        path = self._path(name, RECORDS)
        if not creates and not self._has(name):
            raise self._not_found(name)
        try:
            make_folders(self.store, path)
            if (self.store / FOLDER / name / "journal").exists():
                raise ModelRegistryError(f"{name!r} is a run of an experiment called {FOLDER!r}; choose another name")
            fd = open_file(self.store, path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        except UnsafeFileError:
            raise
        except OSError as error:
            raise ModelRegistryError(
                f"the model {name!r} cannot be written in {self.store}: {error.strerror}"
            ) from error
        try:
            if not locks.lock(fd, patience_seconds=_PATIENCE_SECONDS):
                raise ModelRegistryError(f"somebody else is changing the model {name!r} in {self.store}; try again")
            content = _all_of(fd)
            model = _folded(name, content)
            torn = bool(content) and not content.endswith(b"\n")

            def append(*added: AnyEntry) -> None:
                nonlocal torn
                lines = b"".join(entries.encode(entry) + b"\n" for entry in added)
                _write_all(fd, b"\n" + lines if torn else lines)
                torn = False
                os.fsync(fd)
                model.add(added)

            yield model, append
        finally:
            os.close(fd)

    def remove(self, name: str) -> Path:
        """Move a registered model with all its versions into `models/.trash`; return where it is now."""
        source = self.store / self._path(name)
        with self.changing(name):
            trash = self.store / FOLDER / TRASH
            if trash.is_symlink():
                raise UnsafeFileError(f"{trash} is a link; nothing is moved there")
            trash.mkdir(exist_ok=True)
            numbers = (f"{name}-{number}" for number in range(2, 10_000))
            place = next(trash / tried for tried in (name, *numbers) if not (trash / tried).exists())
            source.rename(place)
        return place

    def delete_files(self, name: str, version: int) -> None:
        """Delete the files of a version. The run still has its own."""
        place = self.store / self.path_in_store(name, version)
        if any(part.is_symlink() for part in (place, *place.parents[:3])):
            raise UnsafeFileError(f"{place} is a link or lies behind one; nothing of it is deleted")
        shutil.rmtree(place, ignore_errors=True)

    def _path(self, name: str, *parts: str) -> str:
        try:
            return "/".join((FOLDER, checked_name(name), *parts))
        except ValueError as error:
            raise ModelRegistryError(f"the model {name!r:.100} cannot be registered: {error}") from None

    def _has(self, name: str) -> bool:
        place = self.store / FOLDER / name
        records = place / RECORDS  # without a line, it is of a registration that was refused
        there = not place.is_symlink() and records.is_file() and not (place / "journal").exists()
        return there and records.stat().st_size > 0

    def _not_found(self, name: str) -> ModelNotFoundError:
        there = ", ".join(self.names()[:10]) or "none"
        return ModelNotFoundError(
            printable(f"there is no registered model {name!r} in {self.store}; there is {there}"), reference=name
        )


def who() -> str:
    """Return who is at work here, as entries have it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        user = str(os.getuid()) if hasattr(os, "getuid") else "?"
    return f"{user}@{socket.gethostname()}"


def _folded(name: str, content: bytes) -> RegisteredModel:
    """Return what lines come to. What cannot be read is counted: a torn line, or a kind that a later version has."""
    model = RegisteredModel(name)
    for line in content.splitlines():
        if line.strip():
            try:
                entry = entries.decode(line)
            except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
                model.unread += 1
            else:
                model.add([entry])
    return model


def _all_of(fd: int) -> bytes:
    size = os.fstat(fd).st_size
    if size > _MOST_BYTES:
        raise UnsafeFileError(f"{RECORDS} is larger than {_MOST_BYTES} bytes, which is too large for what it is")
    content = b""
    while len(content) < size and (block := os.pread(fd, size - len(content), len(content))):
        content += block
    return content


def _write_all(fd: int, content: bytes) -> None:
    while content:
        content = content[os.write(fd, content) :]
