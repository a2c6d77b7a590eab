"""How far a run has been sent to a server: a file in the run folder, written once the server has acknowledged."""

import hashlib
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from autotrack.errors import AutotrackError
from autotrack.journal import locks
from autotrack.journal.run_folder import make_folders, open_file, read_bytes, replace_file
from autotrack.sinks.owed import FOLDER, MOST_BYTES, Owed, is_named, remote_folder
from autotrack.sinks.rest.batches import Item

_MOST_POINTS = 1000
"""How many refused points are kept one by one. If there are more, all points of the run are sent again instead."""


_LONGEST_REASON = 300
_TAG = "tag "
_OTHERS = "point that was refused after many others"


class Cursor(msgspec.Struct):
    """Where a run is on the server at `url`, and which parts of it are there.

    Attributes:
        offsets: How many bytes of each journal have arrived, by name.
        sent: Digests of the things that can change, such as a text or a trial.
        complete: Whether the server took everything. Otherwise the rest is sent another time.
        undrawn: Whether the plots of a short run have not been sent as pictures.
        unregistered: Whether registered models were left out, because somebody else has recorded the run.
        owed: What the server did not take.
        points: The points among that.
        models: The ids of the logged models there, by the folders of the models in the run.
        has_lost_count: Whether more points were refused than are kept.
    """

    url: str
    run_id: str = ""
    experiment_id: str = ""
    offsets: dict[str, int] = {}
    sent: dict[str, str] = {}
    complete: bool = True
    undrawn: bool = False
    unregistered: bool = False
    owed: Owed = msgspec.field(default_factory=Owed)
    points: list[Item] = []
    models: dict[str, str] = {}
    has_lost_count: bool = False

    def lacks(self, what: str, content: Any) -> bool:
        """Return whether this content has not been sent."""
        return self.sent.get(what) != _digest(content)

    def has(self, what: str, content: Any) -> None:
        """Note that this content has been sent."""
        self.sent[what] = _digest(content)
        self.settle(what)

    def sent_tags(self) -> list[str]:
        """Return the keys of the tags that have been sent."""
        return [what.removeprefix(_TAG) for what in self.sent if what.startswith(_TAG)]

    def has_removed_tag(self, key: str) -> None:
        """Note that the server has a tag no more, so that it is sent again if it comes back."""
        self.sent.pop(f"{_TAG}{key}", None)

    def settle(self, what: str) -> None:
        """Note that something is not owed any more."""
        self.owed.refused.pop(what, None)

    def refused(self, what: str, reason: str) -> None:
        """Note that the server did not take something, so that it stays owed."""
        in_a_line = " ".join(reason.removeprefix(f"{self.url} ").split())
        self.owed.refused[what] = in_a_line[:_LONGEST_REASON]

    def refused_point(self, point: Item, reason: str) -> None:
        """Note that the server did not take a point."""
        if point in self.points:
            return
        if len(self.points) < _MOST_POINTS:
            self.points.append(point)
            self.refused(_what(point), reason)
        else:
            self.has_lost_count = True
            self.refused(_OTHERS, reason)

    def take_points(self) -> list[Item]:
        """Return the points that are owed, which are about to be sent again."""
        points, self.points = self.points, []
        for point in points:
            self.settle(_what(point))
        return points

    def start_over(self) -> None:
        """Have all points sent again, because too many were refused to keep them."""
        self.take_points()
        self.settle(_OTHERS)
        self.offsets, self.has_lost_count = {}, False


class CursorFile:
    """The file that keeps the `Cursor` of the run in `folder`. Only one process at a time sends a run to a server."""

    def __init__(self, folder: Path, url: str) -> None:
        slug = re.sub(r"[^\w.-]+", "-", urlsplit(url).netloc).strip("-")[:60]
        self._name = f"{FOLDER}/{slug}-{hashlib.sha256(url.encode()).hexdigest()[:8]}.json"
        self._url, self._folder = url, folder
        self._keeps = remote_folder(folder).parent
        """The run folder, or one of this user that stands for it."""
        self._lock: int | None = None

    def lock(self) -> None:
        """Keep other processes out until `unlock`. Raises `AutotrackError` when another one is at work."""
        self._keeps.mkdir(parents=True, exist_ok=True)
        make_folders(self._keeps, self._name)
        self._lock = open_file(self._keeps, f"{self._name.removesuffix('.json')}.lock", os.O_RDWR | os.O_CREAT)
        if not locks.lock(self._lock):
            self.unlock()
            raise AutotrackError(f"another process is sending this run to {self._url}")

    def unlock(self) -> None:
        """Let other processes in."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def read(self) -> Cursor:
        """Return the cursor that was stored, or an empty one if there is none for this server."""
        # A run that may only be read may have been sent before by somebody who may write to it.
        for folder in dict.fromkeys((self._keeps, self._folder)):
            try:
                content = read_bytes(folder, self._name, limit_bytes=MOST_BYTES)
                cursor = msgspec.json.decode(content, type=Cursor)
            except (FileNotFoundError, msgspec.MsgspecError):
                continue
            if cursor.url == self._url:
                return cursor
        return Cursor(self._url)

    def note_broken_off(self, reason: str, *, run_id: str = "") -> None:
        """Note why a transfer was broken off; the cursor stays where it was.

        Nothing is owed to a server that has taken nothing, unless the run names it: its URL may have been a mistake.
        A server that has created the run has taken something; the run is called `run_id` there.
        """
        cursor = self.read()
        cursor.run_id = cursor.run_id or run_id
        if cursor.owed.broken_off != reason and (cursor.run_id or is_named(self._url, self._folder)):
            cursor.owed.broken_off, cursor.complete = reason, False
            self.write(cursor)

    def write(self, cursor: Cursor) -> None:
        """Store the cursor in one step."""
        content = msgspec.json.format(msgspec.json.encode(cursor), indent=1) + b"\n"
        replace_file(self._keeps, self._name, content)


def _what(point: Item) -> str:
    return f"point {point.key} at step {point.step or 0}"


def _digest(content: Any) -> str:
    plain = content if isinstance(content, bytes) else msgspec.json.encode(content)
    return hashlib.blake2b(plain, digest_size=8).hexdigest()
