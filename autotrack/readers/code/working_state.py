"""The code of a run as it was: its commit, what was not committed, and the sources that were kept beside those."""

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

from autotrack.errors import AutotrackError
from autotrack.journal.outputs import is_output
from autotrack.journal.run_folder import read_bytes
from autotrack.journal.shared_files import own_name
from autotrack.journal.summary import Summary
from autotrack.readers.code.git_objects import GitObjects, UnknownContentError
from autotrack.readers.code.patches import Section, sections
from autotrack.readers.code.recorded_code import recorded_code

MOST_BYTES = 10**6
"""Larger files are no code; autotrack keeps none of them either."""

_MOST_ARCHIVE_BYTES = 2**28
_MOST_MEMBERS = 2000
_MOST_NAMED = 3


class WorkingState:
    """The code of one run. Files are read when they are asked for, by their paths from `base`.

    Args:
        folder: The run folder.
        summary: What was recorded of the run.
    """

    def __init__(self, folder: Path, summary: Summary) -> None:
        self._folder = folder
        self._code = recorded_code(summary)
        self._has_source = bool(summary.environment.get("source"))
        self._is_archive_broken = False

    @property
    def git(self) -> Mapping[str, Any]:
        """What was captured of the repository; empty without one."""
        return self._code.git or {}

    @property
    def is_known(self) -> bool:
        """Whether any code was kept."""
        return bool(self.git) or self._has_source

    @property
    def base(self) -> PurePath:
        """The folder that paths begin at: that of the repository, or of the script."""
        return self._code.base

    @property
    def commit(self) -> str | None:
        """The commit, in full."""
        commit = self.git.get("commit")
        return commit if isinstance(commit, str) else None

    @cached_property
    def objects(self) -> GitObjects | None:
        """The repository that has the commit: where it was, or around the working folder; None if it is in neither."""
        for place in (Path(str(self.git.get("root") or "/")), Path.cwd()):
            objects = GitObjects(place)
            if place.is_dir() and objects.has(self.commit):
                return objects
        return None

    @cached_property
    def patched(self) -> dict[str, Section]:
        """What the patch does, by path."""
        return sections(self._read(self._code.patch) or b"")

    @cached_property
    def kept(self) -> dict[str, bytes]:
        """The files that were kept as they are, which git did not track, by path."""
        found = dict(self._untracked())
        cells = {"cells.py": self._code.cells} if self._code.cells is not None else {}
        for path, name in {**cells, **self._code.sources}.items():
            if (content := self._read(name)) is not None:
                found[path] = content
        return found

    @cached_property
    def lacking(self) -> list[str]:
        """What of the code was not kept or cannot be read any more, a sentence each."""
        found = []
        for name, what, digest in (
            (self._code.patch, "uncommitted changes", "patch_sha256"),
            (self._code.archive, "untracked files", "untracked_code_sha256"),
        ):
            is_broken = name == self._code.archive and self._is_archive_broken
            if name is not None and (is_broken or self._read(name) is None):
                found.append(f"the {what} of {self._folder.name} cannot be read ({own_name(name)})")
            elif name is None and self.git.get(digest) and not self._code.left_out:
                found.append(f"the {what} of {self._folder.name} were not kept")
        code = {name: why for name, why in self._code.left_out.items() if not is_output(str(name))}
        found += [
            f"{name} of {self._folder.name} was not kept: {why}" for name, why in list(code.items())[:_MOST_NAMED]
        ]
        more = len(code) - _MOST_NAMED
        return [*found, f"{more} more files of {self._folder.name} were not kept"] if more > 0 else found

    def load(self, names: Iterable[str]) -> None:
        """Read the committed contents of these files at a time, as `read` would one by one."""
        if self.objects is not None and self.commit is not None:
            self.objects.load(self.commit, names, limit_bytes=MOST_BYTES)

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; None if it was not there. Raises `UnknownContentError`."""
        if name in self.kept:
            return self.kept[name]
        section = self.patched.get(name)
        if section is not None and section.is_deleted:
            return None
        before = self._committed(name) if section is None or not section.is_new else b""
        if section is None or before is None:
            return before
        content = section.apply(before)
        if content is None:
            raise UnknownContentError(f"the change of {name} is one of bytes, or does not fit to the commit")
        return content

    def _committed(self, name: str) -> bytes | None:
        if self.commit is None:
            return None
        if self.objects is None:
            raise UnknownContentError(
                f"the commit {self.commit[:10]} is neither in {self.git.get('root')} nor in the repository here"
            )
        return self.objects.read(self.commit, name, limit_bytes=MOST_BYTES)

    def _read(self, name: str | None) -> bytes | None:
        if name is not None:
            with suppress(OSError, AutotrackError):
                return read_bytes(self._folder, name, limit_bytes=_MOST_ARCHIVE_BYTES)
        return None

    def _untracked(self) -> Iterator[tuple[str, bytes]]:
        content = self._read(self._code.archive)
        if content is None:
            return
        self._is_archive_broken = True
        with suppress(tarfile.TarError, zlib.error, EOFError, OSError):
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
                unpacked = stream.read(_MOST_ARCHIVE_BYTES)
            with tarfile.open(fileobj=io.BytesIO(unpacked), mode="r:") as tar:
                for _, member in zip(range(_MOST_MEMBERS), tar, strict=False):
                    file = tar.extractfile(member) if member.isreg() and member.size <= MOST_BYTES else None
                    if file is not None:
                        yield member.name, file.read()
            self._is_archive_broken = False
