"""Damages run folders in every way that a disk, another program or somebody with ill intent could."""

import json
import os
import random
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

HOSTILE_NAMES = [
    "../outside/secret", "/etc/passwd", "a/../../outside/secret", "x\0y", "", ".", "..", "\x1b]0;title\x07", "a\nb",
    "a" * 255, "a" * 5000, "\u202ereversed", "-rf", "con", "name with spaces", "ä", "\ud800",
    "%2e%2e%2foutside", "~", "$HOME",
    "artifacts", "journal/main.jsonl", "run.json", "outside", "{}", "[redacted]", "*", "<script>alert(1)</script>",
]  # fmt: skip
HOSTILE_NUMBERS: list[Any] = [
    0, -1, 1e14, -1e14, 1e300, -1e300, 2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 0.1, 1e-320, "NaN", "Infinity",
    "-Infinity", "nan", True, None, [], {}, "1", 1e16, 253402300800, -62135596801,
]  # fmt: skip
_OFTEN_HURT = ("journal", "run.json", "remote")


class Damage:
    """Damages the runs of one store, in the same way for the same seed. `outside` is what must not be reached."""

    def __init__(self, store: Path, outside: Path, seed: int) -> None:
        self._store, self._outside = store, outside
        self._random = random.Random(seed)
        self.done: list[str] = []

    def hurt(self, times: int) -> None:
        """Do so many things to the store. `done` says which."""
        ways = [
            *[self._bytes] * 4,
            *[self._records] * 10,
            *[self._kinds] * 4,
            *[self._names] * 2,
            self._times,
            self._folders,
        ]
        for _ in range(times):
            way = self._random.choice(ways)
            try:
                way()
            except (FileNotFoundError, NotADirectoryError, FileExistsError, IsADirectoryError):  # hurt before
                continue
            except OSError as error:
                self.done.append(f"not possible: {error}")

    # ---- what to hurt

    def _file(self, pattern: str = "*") -> Path:
        files = [path for path in self._all(pattern) if path.is_file() and not path.is_symlink()]
        often = [path for path in files if any(part in _OFTEN_HURT for part in path.relative_to(self._store).parts)]
        return self._one_of(often if often and self._random.random() < 0.7 else files)

    def _any(self) -> Path:
        return self._one_of(self._all("*"))

    def _all(self, pattern: str) -> list[Path]:
        return sorted(self._store.rglob(pattern), key=os.fsencode)

    def _one_of(self, paths: list[Path]) -> Path:
        if not paths:
            raise FileNotFoundError("nothing is left")
        return self._random.choice(paths)

    def _say(self, what: str, path: Path) -> None:
        self.done.append(f"{what} {path.relative_to(self._store)}")

    # ---- how

    def _bytes(self) -> None:
        path, pick = self._file(), self._random
        content = bytearray(path.read_bytes())
        at = pick.randrange(len(content) + 1)
        ways: dict[str, Callable[[], bytes]] = {
            "cut": lambda: bytes(content[:at]),
            "without its beginning": lambda: bytes(content[at:]),
            "empty": lambda: b"",
            "with other bytes": lambda: bytes(content[:at]) + pick.randbytes(8) + bytes(content[at + 8 :]),
            "with garbage": lambda: (
                bytes(content[:at]) + pick.randbytes(pick.choice([1, 100, 5000])) + bytes(content[at:])
            ),
            "with zeros": lambda: bytes(content[:at]) + b"\0" * 4096 + bytes(content[at:]),
            "twice": lambda: bytes(content) * 2,
            "with lines in another order": lambda: b"".join(pick.sample(lines, len(lines))),
            "with a line twice": lambda: b"".join([*lines[:at], *lines[max(0, at - 1) : at], *lines]),
            "with CRLF": lambda: bytes(content).replace(b"\n", b"\r\n"),
            "with a long line": lambda: bytes(content) + b'{"record":"Text","text":"' + b"x" * 2**21 + b'"}\n',
            "in UTF-16": lambda: bytes(content).decode(errors="replace").encode("utf-16"),
            "with a mark": lambda: b"\xef\xbb\xbf" + bytes(content),
        }
        lines = bytes(content).splitlines(keepends=True)
        name = pick.choice(sorted(ways))
        path.write_bytes(ways[name]())
        self._say(name, path)

    def _records(self) -> None:
        """Change values in JSON: the records of journals, the summary, the cursors of sinks."""
        pick = self._random
        path = self._file("*.json*")
        lines = path.read_bytes().splitlines() if path.suffix == ".jsonl" else [path.read_bytes()]
        at = pick.randrange(max(1, len(lines)))
        try:
            record = json.loads(lines[at])
        except (ValueError, RecursionError, IndexError):
            return
        if not isinstance(record, dict) or not record:
            return
        inner, key = record, pick.choice(sorted(record))
        while isinstance(inner[key], dict) and inner[key] and pick.random() < 0.7:
            inner = inner[key]
            key = pick.choice(sorted(inner))
        way = pick.randrange(8)
        if way == 0:
            del inner[key]
        elif way == 1:
            inner[pick.choice(HOSTILE_NAMES)] = inner.pop(key)
        else:
            inner[key] = self._hostile_value(inner[key])
        text = json.dumps(record).encode()
        deep = pick.choice([300, 900, 100_000])
        text = text.replace(b'"@deep@"', b"[" * deep + b"]" * deep)
        lines[at : at + 1] = [text] * pick.choice([1, 1, 1, 1, 2, 300])
        path.write_bytes(b"\n".join(lines) + b"\n")
        self._say(f"{key} of {record.get('record', 'JSON')} is {inner.get(key)!r:.60} in", path)

    def _hostile_value(self, value: Any) -> Any:
        pick = self._random
        if pick.random() < 0.1:
            return "@deep@"
        choices: list[Any] = [
            pick.choice(HOSTILE_NUMBERS), pick.choice(HOSTILE_NAMES), {pick.choice(HOSTILE_NAMES): value}, [value] * 3,
            {str(number): value for number in range(500)}, "x" * 100_000, {"a": {"b": {"c": [value]}}}, value,
        ]  # fmt: skip
        if isinstance(value, str):
            return pick.choice([pick.choice(HOSTILE_NAMES), pick.choice(choices)])
        return pick.choice([pick.choice(HOSTILE_NUMBERS), pick.choice(choices)])

    def _kinds(self) -> None:
        """Put something of another kind where a file or folder is."""
        path, pick = self._any(), self._random
        secret = self._outside / "secret"
        relative = os.path.relpath(secret, path.parent)
        ways: dict[str, Callable[[], object]] = {
            "a link to a file": lambda: path.symlink_to(secret),
            "a relative link to a file": lambda: path.symlink_to(relative),
            "a link to a folder": lambda: path.symlink_to(self._outside),
            "a link to itself": lambda: path.symlink_to(path.name),
            "a link to nothing": lambda: path.symlink_to(self._outside / "new"),
            "a link to a device": lambda: path.symlink_to("/dev/zero"),
            "a hard link to a picture": lambda: path.write_bytes(b"\x89PNG\r\n\x1a\n"),
            "a pipe": lambda: os.mkfifo(path),
            "a socket": lambda: _socket(path),
            "a folder": path.mkdir,
            "a file": lambda: path.write_bytes(pick.choice([b"", b"{}", b"null", b"[]", b"\0", b"x\n"])),
            "gone": lambda: None,
        }
        name = pick.choice(sorted(ways))
        self._say(f"{name} is at", path)
        _remove(path)
        ways[name]()

    def _names(self) -> None:
        path, pick = self._any(), self._random
        name = os.fsencode(pick.choice(HOSTILE_NAMES).replace("\ud800", "\udcff").replace("/", "_").replace("\0", "_"))
        name = pick.choice([name, name, b"\xff\xfe", b"main.jsonl", b"rank99999999999.jsonl", b"run.json"])[:255]
        if name in (b"", b".", b".."):
            return
        self._say(f"{name!r:.60} is the name of", path)
        os.rename(path, os.path.join(os.fsencode(path.parent), name))  # noqa: PTH104,PTH118  names need not be text

    def _times(self) -> None:
        path, when = self._any(), self._random.choice([0, 1, 2**31, 2**33, 16_000_000_000])
        os.utime(path, (when, when), follow_symlinks=False)
        self._say(f"changed at {when}:", path)

    def _folders(self) -> None:
        path = self._any()
        inner = path if path.is_dir() and not path.is_symlink() else path.parent
        way = self._random.choice(["deep", "many", "copy"])
        if way == "deep":
            for _ in range(400):
                inner /= "d"
            inner.mkdir(parents=True)
            (inner / "f").write_text("x")
        elif way == "many":
            for number in range(300):
                (inner / f"{number}.jsonl").write_text("{}\n")
        else:
            shutil.copytree(inner, self._store / "copies" / str(len(self.done)), symlinks=True)
        self._say(f"{way} folders in", inner if way != "deep" else path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            made.bind(f"/proc/self/fd/{folder}/{path.name}")  # the path may be too long for a socket
        finally:
            os.close(folder)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
