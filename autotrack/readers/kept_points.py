"""The points of metrics of long runs that have ended, kept as columns: to read ten million again takes milliseconds.

`points.npz` lies in the run folder, beside the journals that it is made of. It is NumPy's own format, a zip of arrays
that are not compressed, because whoever has Python for training can read it: `numpy.load` gives `0/values`, `0/times`
and `0/steps`, and `about.json` says which metric that is. Of a Parquet file, pyarrow would be needed to write it.

The file is derived. Who first asks for a metric of a run with large journals makes it, or adds to it; never what
trains, and never before the run has ended. It counts only for journals of exactly the sizes that it names. If
anything about it is not as it should be, it is as if it were not there.
"""

from __future__ import annotations  # Python 3.11 knows no `array[Any]`

import os
import struct
import sys
import zipfile
from array import array
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

import msgspec

from autotrack.errors import AutotrackError
from autotrack.journal.point_reader import read_points
from autotrack.journal.points import Points, Repeats, StepColumn
from autotrack.journal.reader import is_being_written, journal_sizes
from autotrack.journal.run_folder import open_file, replacing_file

NAME = "points.npz"

_FORMAT = 1
_LEAST_BYTES = 2**23
"""Smaller journals are read in a fraction of a second each time."""

_MOST_BYTES = 2**31
_MOST_ABOUT_BYTES = 2**24
_MOST_REPEATS = 100_000
_END = struct.Struct("<4s4H2IH")
"""The end of a zip, as APPNOTE.TXT describes it: the sixth field is the size of its list of files."""

_MOST_LISTED_BYTES = 2**22
_KINDS = {"values": ("d", "<f8"), "times": ("d", "<f8"), "steps": ("q", "<i8")}


class _Repeated(msgspec.Struct):
    begins: list[int]
    values: list[bool | int | str | None]

    @classmethod
    def of(cls, repeats: Repeats) -> _Repeated:
        return cls(list(repeats.begins), repeats.values)

    def put_into(self, repeats: Repeats) -> None:
        repeats.begins, repeats.values = array("q", self.begins), self.values

    def is_valid(self, count: int) -> bool:
        later = zip(self.begins, [*self.begins[1:], count], strict=True) if self.begins else ()
        return len(self.begins) == len(self.values) and self.begins[:1] == [0] and all(a < b for a, b in later)


class _Metric(msgspec.Struct):
    """One metric: how many points it has, what seldom changes, and its steps, where they go up evenly."""

    name: str
    count: int
    epochs: _Repeated
    stages: _Repeated
    integers: _Repeated
    large: dict[int, int]
    ranges: list[tuple[int, int, int]] | None

    @classmethod
    def of(cls, name: str, points: Points) -> _Metric:
        chunks = points.steps_column.chunks
        ranges = [(one.start, one.stop, one.step) for one in chunks if isinstance(one, range)]
        repeats = {kind: _Repeated.of(one) for kind, one in points.repeats.items()}
        return cls(
            name, len(points), large=points.large, ranges=ranges if len(ranges) == len(chunks) else None, **repeats
        )

    def is_valid(self) -> bool:
        repeats_are = all(one.is_valid(self.count) for one in (self.epochs, self.stages, self.integers))
        ranges = [range(*one) for one in self.ranges or () if one[2] > 0]
        ranges_are = self.ranges is None or (
            len(ranges) == len(self.ranges) and all(ranges) and sum(map(len, ranges)) == self.count
        )
        return (
            0 < self.count < _MOST_BYTES
            and repeats_are
            and ranges_are
            and all(0 <= one < self.count for one in self.large)
        )

    @property
    def is_small(self) -> bool:
        """Whether what is not in arrays is small in comparison."""
        repeats = sum(len(one.begins) for one in (self.epochs, self.stages, self.integers))
        return repeats + len(self.large) + len(self.ranges or ()) < _MOST_REPEATS


class _About(msgspec.Struct):
    format: int
    journals: dict[str, int]
    metrics: list[_Metric]


_decode = msgspec.json.Decoder(_About).decode


def points_of(folder: Path, names: Iterable[str], *, least_bytes: int = _LEAST_BYTES) -> dict[str, Points]:
    """Return every point of these metrics, as `read_points` does, from what is kept of them where that is possible.

    Of journals of `least_bytes` and more, what has been read is kept.
    """
    wanted = list(dict.fromkeys(names))
    sizes = journal_sizes(folder)
    if sum(sizes.values()) < least_bytes or sys.byteorder != "little":
        return read_points(folder, wanted)
    kept = _kept(folder, sizes)
    found = {name: _lazy(folder, sizes, kept[name]) for name in wanted if name in kept}
    lacking = [name for name in wanted if name not in found]
    if lacking:
        read = read_points(folder, lacking)
        if read and is_being_written(folder / "journal" / "main.jsonl") is False and journal_sizes(folder) == sizes:
            with suppress(OSError, AutotrackError):  # a store that is only read
                _write(folder, sizes, kept, read)
        found |= read
    return {name: found[name] for name in wanted if name in found}


# ---- Reading


def _kept(folder: Path, sizes: Mapping[str, int]) -> dict[str, _Metric]:
    """Return what is kept of the run, by metric; nothing if it is not what the journals come to."""
    try:
        with os.fdopen(open_file(folder, NAME), "rb") as file:
            about = _about(file, sizes)
    except (OSError, AutotrackError, msgspec.DecodeError, ValueError, zipfile.BadZipFile):
        return {}
    return {metric.name: metric for metric in about.metrics}


def _about(file: IO[bytes], sizes: Mapping[str, int]) -> _About:
    """Raises `ValueError` for what is damaged, out of date, or made to do harm."""
    with _opened(file) as archive:
        about = _decode(_member(archive, "about.json", most_bytes=_MOST_ABOUT_BYTES))
    try:
        is_valid = about.format == _FORMAT and about.journals == sizes and all(one.is_valid() for one in about.metrics)
    except OverflowError:  # a range longer than anything
        is_valid = False
    if not is_valid:
        raise ValueError("it is of other journals")
    return about


def _opened(file: IO[bytes]) -> zipfile.ZipFile:
    """Open the zip, whose list of files is short: it is in memory whole."""
    size = os.fstat(file.fileno()).st_size
    end = os.pread(file.fileno(), _END.size + 20, max(size - _END.size - 20, 0))
    if size > _MOST_BYTES or len(end) < _END.size or b"PK\x06\x07" in end[:20]:  # the end of a larger kind of zip
        raise ValueError("it is too large, or none of ours")
    signature, *_, listed, _, comment = _END.unpack(end[-_END.size :])
    if signature != b"PK\x05\x06" or listed > _MOST_LISTED_BYTES or comment:
        raise ValueError("it is none of ours")
    return zipfile.ZipFile(file)


def _member(archive: zipfile.ZipFile, name: str, *, most_bytes: int) -> bytes:
    try:
        info = archive.getinfo(name)
        if info.compress_type != zipfile.ZIP_STORED or info.file_size > most_bytes:
            raise ValueError("it is none of ours")
        return archive.read(info)
    except (KeyError, NotImplementedError, RuntimeError, EOFError) as error:  # of encrypted files, and the like
        raise ValueError("it is damaged") from error


def _lazy(folder: Path, sizes: Mapping[str, int], metric: _Metric) -> Points:
    """Return the points of a metric, whose arrays are read when they are asked for."""
    points = Points(metric.count, load=partial(_load, folder, sizes, metric))
    for kind, repeats in points.repeats.items():
        getattr(metric, kind).put_into(repeats)
    points.large = metric.large
    if metric.ranges is not None:
        column = points.steps_column = StepColumn()
        place = 0
        for one in metric.ranges:
            column.begins.append(place)
            column.chunks.append(range(*one))
            place += len(column.chunks[-1])
    return points


def _load(folder: Path, sizes: Mapping[str, int], metric: _Metric, column: str) -> array[Any]:
    """Return one array of a metric, from the journals if what was kept is gone or damaged. Raises `OSError`."""
    try:
        with os.fdopen(open_file(folder, NAME), "rb") as file:
            about = _about(file, sizes)
            place = next(place for place, one in enumerate(about.metrics) if one.name == metric.name)
            with _opened(file) as archive:
                return _array(archive, place, column, metric.count)
    except (OSError, AutotrackError, msgspec.DecodeError, ValueError, StopIteration, zipfile.BadZipFile):
        points = read_points(folder, [metric.name]).get(metric.name)
        if points is None or len(points) != metric.count:
            raise OSError(f"{folder} was changed while it was read") from None
        return points.column(column)


def _array(archive: zipfile.ZipFile, place: int, column: str, count: int) -> array[Any]:
    kind, described = _KINDS[column]
    header = _header(described, count)
    content = _member(archive, f"{place}/{column}.npy", most_bytes=len(header) + 8 * count)
    if len(content) != len(header) + 8 * count or not content.startswith(header):
        raise ValueError("it is none of ours")
    read = array(kind)
    read.frombytes(memoryview(content)[len(header) :])
    return read


# ---- Writing


def _write(folder: Path, sizes: Mapping[str, int], kept: Mapping[str, _Metric], found: Mapping[str, Points]) -> None:
    """Write what has been found beside what is kept, in one step."""
    new = {name: _Metric.of(name, points) for name, points in found.items()}
    metrics = [*kept.values(), *(metric for metric in new.values() if metric.is_small)]
    if len(metrics) == len(kept) or sum(metric.count for metric in metrics) * 24 > _MOST_BYTES - _MOST_ABOUT_BYTES:
        return
    about = msgspec.json.encode(_About(_FORMAT, dict(sizes), metrics))
    if len(about) > _MOST_ABOUT_BYTES:
        return
    with replacing_file(folder, NAME) as file, zipfile.ZipFile(file, "w") as archive:
        for place, metric in enumerate(metrics):
            points = found[metric.name] if metric.name in found else _lazy(folder, sizes, metric)
            for column, (_, described) in _KINDS.items():
                with archive.open(zipfile.ZipInfo(f"{place}/{column}.npy"), "w") as member:
                    member.write(_header(described, metric.count))
                    member.write(memoryview(points.column(column)).cast("B"))
        archive.writestr(zipfile.ZipInfo("about.json"), about)


def _header(described: str, count: int) -> bytes:
    """Return how a file of NumPy with one column begins: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html."""
    text = f"{{'descr': '{described}', 'fortran_order': False, 'shape': ({count},), }}".encode()
    padded = text.ljust(-(-(len(text) + 11) // 64) * 64 - 11) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded
