"""What is not committed as a patch for `git apply`, with no secret in it."""

import base64
import hashlib
import re
import stat
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic

from autotrack.capture.keeping import (
    LARGE,
    LARGEST_FILE_BYTES,
    OUT_OF_TIME,
    SUSPICIOUS,
    Keeper,
    content_of,
    is_secret_file,
    is_text,
    without_secrets,
)
from autotrack.capture.repository import FILES_AT_ONCE, Repository
from autotrack.errors import AutotrackError
from autotrack.redaction import Redactor

_DIFF = (
    *("diff", "--patch", "--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames"),
    *("--unified=3", "--inter-hunk-context=0", "--submodule=short", "--ignore-submodules=all"),
)
_HEADER = (b"diff --git ", b"old mode ", b"new mode ", b"new file mode ", b"deleted file mode ", b"index ")
_ESCAPES = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


def sections(repository: Repository, paths: Sequence[str], keeper: Keeper) -> Iterator[bytes]:
    """Yield the patch of a working tree, file by file, with paths from the outermost repository.

    What is large, or a secret by its name, is left out unless it was deleted: that can be said without its content.
    """
    for start in range(0, len(paths), FILES_AT_ONCE):
        some = paths[start : start + FILES_AT_ONCE]
        try:
            shown, gone = _choose(repository, some, keeper)
            yield from _sections_of(repository, shown, keeper)
            for section in _diff(repository, gone, "--irreversible-delete").values():
                yield from (_as_whole(one, b"") for one in section)
        except AutotrackError as error:
            reason = OUT_OF_TIME if monotonic() > repository.until else f"{error}"[:200]
            keeper.left_out.update({repository.prefix + path: reason for path in some})


def _choose(repository: Repository, paths: Sequence[str], keeper: Keeper) -> tuple[list[str], list[str]]:
    """The files to compare, and those whose content is not to be seen but that are gone."""
    shown, gone, before = [], [], repository.at_base(paths)
    for path in paths:
        name, size = repository.prefix + path, _size(repository.root / path)
        largest = max(size or 0, before[path].bytes if path in before else 0)
        if not is_secret_file(name) and largest <= LARGEST_FILE_BYTES:
            shown.append(path)
        elif size is None:
            gone.append(path)
        else:
            keeper.left_out[name] = SUSPICIOUS if is_secret_file(name) else LARGE
    return shown, gone


def _size(path: Path) -> int | None:
    """The size of a file; None where there is none."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return None if stat.S_ISDIR(status.st_mode) else status.st_size


def _sections_of(repository: Repository, paths: Sequence[str], keeper: Keeper) -> Iterator[bytes]:
    for path, found in _diff(repository, paths).items():
        name = repository.prefix + path
        if monotonic() > repository.until:
            keeper.left_out[name] = OUT_OF_TIME
            continue
        try:
            clean = [_without_secrets(section, repository.root / path, keeper.redactor) for section in found]
        except OSError as error:
            keeper.left_out[name] = f"cannot be read: {error.strerror}"
            continue
        if clean != found:
            keeper.redacted.append(name)
        if keeper.fits(b"".join(clean), name):
            yield from clean


def _diff(repository: Repository, paths: Sequence[str], *options: str) -> dict[str, list[bytes]]:
    """The sections of git's patch by path: two for a file that became a symbolic link."""
    if not paths:
        return {}
    prefixes = (f"--src-prefix=a/{repository.prefix}", f"--dst-prefix=b/{repository.prefix}")
    patch = repository.run(*_DIFF, *prefixes, *options, repository.base, "--", *paths)
    found: dict[str, list[bytes]] = {path: [] for path in paths}
    for section in re.split(rb"(?m)^(?=diff --git )", patch):
        path = _name_of(section).removeprefix(repository.prefix)
        # A path also stands for all that was below it when it was a folder. One line alone is a file that was touched.
        if path in found and section.count(b"\n") > 1:
            found[path].append(section)
    return found


def _name_of(section: bytes) -> str:
    """The path in `diff --git a/PATH b/PATH`; it is quoted when there are odd characters in it."""
    names = section.partition(b"\n")[0].removeprefix(b"diff --git ")
    name = names[: (len(names) - 1) // 2]
    if name.startswith(b'"'):
        name = re.sub(rb"\\([0-7]{3}|.)", lambda found: _unescaped(found[1]), name[1:-1])
    return name[2:].decode(errors="surrogateescape")


def _unescaped(code: bytes) -> bytes:
    return bytes([int(code, 8)]) if len(code) == 3 else _ESCAPES.get(code, code)


def _without_secrets(section: bytes, path: Path, redactor: Redactor) -> bytes:
    """The section so that it still applies: a file whose old lines hold secrets is given as a whole, without them."""
    content = b"" if b"\ndeleted file mode " in section else content_of(path)
    binary = re.search(rb"(?m)^GIT binary patch$", section)
    if binary or b"PRIVATE KEY" in content:  # of a key only the middle may have changed
        clean = without_secrets(content, redactor)
        if clean != content:
            return _as_whole(section, clean)
    if binary:
        return section
    header, *hunks = re.split(rb"(?m)^(?=@@ -)", section)
    cleaned = [_clean_hunk(hunk, redactor) for hunk in hunks]
    shown = [hunk for hunk in cleaned if hunk is not None]
    if len(shown) == len(cleaned):
        return header + b"".join(shown)
    if not is_text(content):  # git shows a text that it converted, as from UTF-16
        raise OSError(0, "it holds secrets in an encoding of its own")
    return _as_whole(section, without_secrets(content, redactor))


def _clean_hunk(hunk: bytes, redactor: Redactor) -> bytes | None:
    """The hunk without secrets; None where they are in lines that were there before, which have to stay."""
    ranges, *lines = hunk.split(b"\n")
    before = b"\n".join(line[1:] for line in lines if line[:1] in (b" ", b"-"))
    after = b"\n".join(line[1:] for line in lines if line[:1] in (b" ", b"+"))
    clean = without_secrets(after, redactor).split(b"\n")
    if without_secrets(before, redactor) != before or len(clean) != after.count(b"\n") + 1:
        return None
    rest = iter(clean)
    put = [line[:1] + next(rest) if line[:1] in (b" ", b"+") else line for line in lines]
    if any(new != old for new, old in zip(put, lines, strict=True) if old[:1] == b" "):
        return None
    return b"\n".join([without_secrets(ranges, redactor), *put])  # they name the function around


def _as_whole(section: bytes, content: bytes) -> bytes:
    """Git's section with the new content in the place of the differences, in the form that binary files have."""
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
