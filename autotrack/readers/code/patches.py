"""Reads patches as git writes them, and applies them to contents. Nothing is written: they may come from anybody."""

import ast
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@")
_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
_NO_NEWLINE = b"\\ No newline"


@dataclass(frozen=True)
class Section:
    """What a patch does to one file.

    Attributes:
        name: The path of the file.
        text: All lines of the section.
        is_new: Whether the file is not there before.
        is_deleted: Whether it is not there afterwards.
    """

    name: str
    text: bytes
    is_new: bool
    is_deleted: bool

    @classmethod
    def of(cls, text: bytes) -> Self | None:
        """Return a section by its text; None if it is none."""
        head = text.split(b"\n@@", 1)[0].split(b"\n")
        name = _name(head)
        if name is None:
            return None
        starts = [line[:13] for line in head]
        return cls(name, text, b"new file mode" in starts, b"deleted file " in starts)

    def apply(self, content: bytes) -> bytes | None:
        """Return the content of the file afterwards; None if the patch does not fit, or is one of bytes."""
        if self.is_deleted:
            return b""
        if b"\nGIT binary patch\n" in self.text:
            return None
        lines, done, place = _LINE.findall(content), list[bytes](), 0
        for start, removed, added in self._hunks():
            begin = start - 1 if removed else start
            if begin < place or lines[begin : begin + len(removed)] != removed:
                return None
            done += [*lines[place:begin], *added]
            place = begin + len(removed)
        return b"".join([*done, *lines[place:]])

    def _hunks(self) -> Iterator[tuple[int, list[bytes], list[bytes]]]:
        """Yield where each hunk begins, its lines before, and those afterwards."""
        start, before, now = 0, list[bytes](), list[bytes]()
        is_inside = False
        last: list[list[bytes]] = []
        for line in self.text.split(b"\n"):
            if match := _HUNK.match(line):
                if is_inside:
                    yield start, before, now
                is_inside, start, before, now = True, int(match[1]), [], []
            elif not is_inside:
                continue
            elif line.startswith(_NO_NEWLINE):
                for lines in last:
                    lines[-1] = lines[-1].removesuffix(b"\n")
            elif line[:1] in (b" ", b"-", b"+"):
                last = [before, now] if line[:1] == b" " else [before] if line[:1] == b"-" else [now]
                for lines in last:
                    lines.append(line[1:] + b"\n")
        if is_inside:
            yield start, before, now


def sections(patch: bytes) -> dict[str, Section]:
    """Return the sections of a patch by the paths of their files."""
    parts = re.split(rb"^(?=diff --git )", patch, flags=re.MULTILINE)
    found = [section for part in parts if part.startswith(b"diff --git ") and (section := Section.of(part))]
    return {section.name: section for section in found}


def _name(head: list[bytes]) -> str | None:
    for mark in (b"+++ ", b"--- "):
        for line in head:
            if line.startswith(mark) and not line.startswith(mark + b"/dev/null"):
                return _unquoted(line.removeprefix(mark).rstrip(b"\t"))[2:]
    whole = head[0].removeprefix(b"diff --git ")
    if whole.endswith(b'"'):
        return _unquoted(whole[whole.rfind(b' "') + 1 :])[2:]
    half = len(whole) // 2  # nothing is renamed, so both halves are the same
    return os.fsdecode(whole[half + 3 :]) if whole[half + 3 :] == whole[2:half] else None


def _unquoted(name: bytes) -> str:
    if name.startswith(b'"'):
        try:
            return os.fsdecode(ast.literal_eval("b" + name.decode("ascii")))
        except (ValueError, SyntaxError):
            pass
    return os.fsdecode(name)
