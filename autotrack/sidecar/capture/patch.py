"""Writes what is not committed as a patch for `git apply`, without the secrets in it."""

import base64
import hashlib
import re
import stat
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import NamedTuple, Self

from autotrack.errors import AutotrackError
from autotrack.journal.kept_code import HOLDS_SECRET, SUSPICIOUS
from autotrack.redaction import Redactor
from autotrack.sidecar.capture.keeping import (
    LARGE,
    LARGEST_FILE_BYTES,
    OUT_OF_TIME,
    Keeper,
    content_of,
    is_code,
    is_text,
    without_secrets,
)
from autotrack.sidecar.capture.repository import FILES_AT_ONCE, Repository

_DIFF = (
    *("diff", "--patch", "--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames"),
    *("--unified=3", "--inter-hunk-context=0", "--submodule=short", "--ignore-submodules=all"),
)
_HEADER = (b"diff --git ", b"old mode ", b"new mode ", b"new file mode ", b"deleted file mode ", b"index ")
_ESCAPES = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


def sections(repository: Repository, paths: Sequence[str], keeper: Keeper) -> Iterator[bytes]:
    """Yield the patch of a working tree, file by file, with paths from the outermost repository.

    Large files, and those whose names suggest a secret, are left out. If they were deleted, the patch can say so
    without their content.
    """
    for start in range(0, len(paths), FILES_AT_ONCE):
        chunk = paths[start : start + FILES_AT_ONCE]
        try:
            shown, deleted = _choose(repository, chunk, keeper)
            yield from _sections_of(repository, shown, keeper)
            for sections_of_file in _diff(repository, deleted, "--irreversible-delete").values():
                yield from (_as_whole(section, b"") for section in sections_of_file)
        except AutotrackError as error:
            reason = OUT_OF_TIME if monotonic() > repository.until else f"{error}"[:200]
            keeper.left_out.update({repository.prefix + path: reason for path in chunk})


def _choose(repository: Repository, paths: Sequence[str], keeper: Keeper) -> tuple[list[str], list[str]]:
    """Return the files to compare, and the deleted ones whose content must not be shown."""
    shown, deleted, before = [], [], repository.at_base(paths)
    for path in paths:
        name, size = repository.prefix + path, _size(repository.root / path)
        largest = max(size or 0, before[path].bytes if path in before else 0)
        if not keeper.is_suspicious(name) and largest <= LARGEST_FILE_BYTES:
            shown.append(path)
        elif size is None:
            deleted.append(path)
        else:
            keeper.left_out[name] = SUSPICIOUS if keeper.is_suspicious(name) else LARGE
    return shown, deleted


def _size(path: Path) -> int | None:
    """Return the size of a file; None if it does not exist."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return None if stat.S_ISDIR(status.st_mode) else status.st_size


def _sections_of(repository: Repository, paths: Sequence[str], keeper: Keeper) -> Iterator[bytes]:
    for path, sections_of_file in _diff(repository, paths).items():
        name = repository.prefix + path
        if monotonic() > repository.until:
            keeper.left_out[name] = OUT_OF_TIME
            continue
        try:
            clean = [
                _without_secrets(section, repository.root / path, keeper.redactor) for section in sections_of_file
            ]
        except OSError as error:
            keeper.left_out[name] = f"cannot be read: {error.strerror}"
            continue
        kept = [section for section in clean if section is not None]
        if len(kept) < len(sections_of_file):
            keeper.left_out[name] = HOLDS_SECRET
            continue
        if kept != sections_of_file:
            keeper.redacted.append(name)
        if keeper.fits(b"".join(kept), name):
            yield from kept


def _diff(repository: Repository, paths: Sequence[str], *options: str) -> dict[str, list[bytes]]:
    """Return the sections of git's patch by path. A file that became a symbolic link has two."""
    if not paths:
        return {}
    prefixes = (f"--src-prefix=a/{repository.prefix}", f"--dst-prefix=b/{repository.prefix}")
    patch = repository.run(*_DIFF, *prefixes, *options, repository.base, "--", *paths)
    by_path: dict[str, list[bytes]] = {path: [] for path in paths}
    for section in re.split(rb"(?m)^(?=diff --git )", patch):
        path = _name_of(section).removeprefix(repository.prefix)
        # Git also lists what was below a path when it was a folder. A section of one line is a file that was touched.
        if path in by_path and section.count(b"\n") > 1:
            by_path[path].append(_one_way(section))
    return by_path


def _name_of(section: bytes) -> str:
    """Return the path in `diff --git a/PATH b/PATH`, which is quoted if it has unusual characters."""
    names = section.partition(b"\n")[0].removeprefix(b"diff --git ")
    name = names[: (len(names) - 1) // 2]
    if name.startswith(b'"'):
        name = re.sub(rb"\\([0-7]{3}|.)", lambda match: _unescaped(match[1]), name[1:-1])
    return name[2:].decode(errors="surrogateescape")


def _unescaped(code: bytes) -> bytes:
    return bytes([int(code, 8)]) if len(code) == 3 else _ESCAPES.get(code, code)


def _without_secrets(section: bytes, path: Path, redactor: Redactor) -> bytes | None:
    """Return the section without secrets, such that it still applies; None if that is not possible.

    A patch must repeat old lines exactly. So a file with secrets in old lines is given as a whole, without them.
    """
    content = b"" if b"\ndeleted file mode " in section else content_of(path)
    binary = re.search(rb"(?m)^GIT binary patch$", section)
    if binary or b"PRIVATE KEY" in content:  # perhaps only the middle of a key has changed
        clean = without_secrets(content, redactor, path.name)
        if clean != content:
            return clean if clean is None else _as_whole(section, clean)
    if binary:
        return section
    header, *hunks = re.split(rb"(?m)^(?=@@ -)", section)
    cleaned = _clean_hunks([_Hunk.of(hunk) for hunk in hunks], content, path.name, redactor)
    if None not in cleaned:
        return header + b"".join(hunk for hunk in cleaned if hunk is not None)
    if not is_text(content):  # git shows a text that it has converted, for example from UTF-16
        return None
    clean = without_secrets(content, redactor, path.name)
    return clean if clean is None else _as_whole(section, clean)


class _Hunk(NamedTuple):
    """A part of a text patch: the line with its ranges, and the lines in it."""

    ranges: bytes
    lines: list[bytes]

    @classmethod
    def of(cls, hunk: bytes) -> Self:
        ranges, *lines = hunk.split(b"\n")
        return cls(ranges, lines)

    @property
    def before(self) -> list[bytes]:
        return [line[1:] for line in self.lines if line[:1] in (b" ", b"-")]

    @property
    def after(self) -> list[bytes]:
        return [line[1:] for line in self.lines if line[:1] in (b" ", b"+")]

    @property
    def start(self) -> int:
        """How many lines of the new file come before the hunk."""
        start, _, count = self.ranges.split(b" ")[2].removeprefix(b"+").partition(b",")
        return int(start) - (count != b"0")

    def with_lines(self, before: list[bytes], after: list[bytes], ranges: bytes) -> bytes | None:
        """Return the hunk with these lines; None if that would change old lines, which must stay as they are."""
        if before != self.before or len(after) != len(self.after):
            return None
        rest = iter(after)
        lines = [line[:1] + next(rest) if line[:1] in (b" ", b"+") else line for line in self.lines]
        if any(new != old for new, old in zip(lines, self.lines, strict=True) if old[:1] == b" "):
            return None
        return b"\n".join([ranges, *lines])


def _clean_hunks(hunks: list[_Hunk], content: bytes, name: str, redactor: Redactor) -> list[bytes | None]:
    """Return the hunks without secrets; None for each hunk with secrets in old lines."""

    def clean(lines: list[bytes], name: str = "") -> list[bytes]:
        return (without_secrets(b"\n".join(lines), redactor, name) or b"").split(b"\n") if lines else []

    sides = _both_sides(hunks, content) if is_code(name, content) else None
    ranges = [b"".join(clean([hunk.ranges], name)) for hunk in hunks]  # they quote the surrounding function's head
    if sides is None:
        return [
            hunk.with_lines(clean(hunk.before), clean(hunk.after), clean_ranges)
            for hunk, clean_ranges in zip(hunks, ranges, strict=True)
        ]
    before, after = (clean(side, name) for side in sides)
    if (len(before), len(after)) != tuple(map(len, sides)):
        return [None] * len(hunks)
    cleaned, shift = [], 0
    for hunk, clean_ranges in zip(hunks, ranges, strict=True):
        old = _as_in(hunk.before, before[hunk.start - shift :])
        cleaned.append(hunk.with_lines(old, _as_in(hunk.after, after[hunk.start :]), clean_ranges))
        shift += len(hunk.after) - len(hunk.before)
    return cleaned


def _both_sides(hunks: list[_Hunk], content: bytes) -> tuple[list[bytes], list[bytes]] | None:
    """Return the lines of the whole file before and after; None if it has changed since git compared it."""
    before: list[bytes] = []
    after, done = content.split(b"\n"), 0
    for hunk in hunks:
        end = hunk.start + len(hunk.after)
        if _as_in(hunk.after, after[hunk.start : end]) != hunk.after:
            return None
        before += after[done : hunk.start] + hunk.before
        done = end
    return before + after[done:], after


def _as_in(lines: list[bytes], others: list[bytes]) -> list[bytes]:
    """Return as many of the other lines, with line endings like these: git may convert them."""
    pairs = zip(lines, others, strict=False)
    return [other if line.endswith(b"\r") else other.removesuffix(b"\r") for line, other in pairs]


def _one_way(section: bytes) -> bytes:
    """Return a binary section without its second half, which holds the old file and serves to go back."""
    header, mark, halves = section.partition(b"\nGIT binary patch\n")
    return header + mark + halves.split(b"\n\n")[0] + b"\n\n" if mark else section


def _as_whole(section: bytes, content: bytes) -> bytes:
    """Return the section with the new content instead of the differences, in the form for binary files."""
    lines = [line for line in section.split(b"\n@@ ")[0].split(b"\n") if line.startswith(_HEADER)]
    for number, line in enumerate(lines):
        if index := re.fullmatch(rb"index ([0-9a-f]+)\.\.([0-9a-f]+)(.*)", line):
            before, after, mode = index.groups()
            if after.strip(b"0"):
                algorithm = "sha1" if len(after) == 40 else "sha256"
                blob = b"blob %d\0" % len(content) + content
                after = hashlib.new(algorithm, blob, usedforsecurity=False).hexdigest().encode()
            lines[number] = b"index " + before + b".." + after + mode
    packed = zlib.compress(content)
    parts = [packed[start : start + 52] for start in range(0, len(packed), 52)]
    coded = [bytes([len(part) + (64 if len(part) <= 26 else 70)]) + base64.b85encode(part, pad=True) for part in parts]
    return b"\n".join([*lines, b"GIT binary patch", b"literal %d" % len(content), *coded, b"", b""])
