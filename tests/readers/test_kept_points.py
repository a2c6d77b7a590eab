"""Points that are kept as columns: the same as those of the journals, or else as if they were not there."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from autotrack.journal.point_reader import read_points
from autotrack.journal.points import Points
from autotrack.journal.records import Metrics, Tags
from autotrack.readers import kept_points
from autotrack.readers.kept_points import NAME
from tests.support import journals

NAMES = ["loss", "acc", "n"]


def points(folder: Path, *names: str, least_bytes: int = 1) -> dict[str, Points]:
    return kept_points.points_of(folder, names or NAMES, least_bytes=least_bytes)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    odd = [Metrics(time=3.0, values={"n": 10**30}), Metrics(time=3.0, values={"n": "NaN", "loss": 2}, step=-1)]
    journals.add(tmp_path, [journals.start(), *journals.steps(0, 40, names=["loss", "acc"]), *odd, journals.end()])
    return tmp_path


@pytest.fixture
def journals_read(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The metrics for which journals have been read."""
    found: list[list[str]] = []

    def noting(folder: Path, names: list[str]) -> dict[str, Points]:
        found.append(names)
        return read_points(folder, names)

    monkeypatch.setattr(kept_points, "read_points", noting)
    return found


def same(folder: Path, *names: str) -> bool:
    found, expected = points(folder, *names), read_points(folder, names or NAMES)
    assert list(found) == list(expected)
    return all([*map(repr, found[name])] == [*map(repr, expected[name])] for name in found)


def test_what_was_read_once_comes_from_the_columns(run: Path, journals_read: list[list[str]]) -> None:
    assert same(run, "loss")
    assert same(run, "loss", "acc")
    assert same(run)
    assert journals_read == [["loss"], ["acc"], ["n"]]
    assert same(run)
    assert len(journals_read) == 3


def test_numpy_reads_it(run: Path) -> None:
    points(run, "acc")
    with np.load(run / NAME) as kept:
        assert kept["0/values"].tolist() == [(step * 7919 % 1000) / 8 for step in range(40)]
        assert kept["0/steps"].tolist() == list(range(40))
        assert json.loads(kept["about.json"])["metrics"][0]["name"] == "acc"


def test_when_the_run_has_changed_it_does_not_count(run: Path, journals_read: list[list[str]]) -> None:
    points(run)
    journals.add(run, [Tags(time=1.0, values={"why": "paper"})], "edits")
    assert same(run)
    assert len(journals_read) == 2
    assert same(run)
    assert len(journals_read) == 2, "it was made again"


def test_of_small_journals_nothing_is_kept(run: Path) -> None:
    assert points(run, least_bytes=2**20)
    assert not (run / NAME).exists()


def test_where_nothing_can_be_written_points_are_read_all_the_same(run: Path) -> None:
    (run / NAME).mkdir()
    assert same(run)


def _rewritten(run: Path, change: dict[str, bytes | None]) -> None:
    with zipfile.ZipFile(run / NAME) as archive:
        members: dict[str, bytes | None] = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(run / NAME, "w") as archive:
        for name, content in {**members, **change}.items():
            if content is not None:
                archive.writestr(name, content)


def _about(run: Path, **change: object) -> bytes:
    with zipfile.ZipFile(run / NAME) as archive:
        about = json.loads(archive.read("about.json"))
    about["metrics"][0].update(change)
    return json.dumps(about).encode()


@pytest.mark.parametrize(
    "change",
    [
        {"count": -1},
        {"count": 10**12},
        {"count": 39},
        {"epochs": {"begins": [0, 0], "values": [1, 2]}},
        {"stages": {"begins": [5], "values": ["train"]}},
        {"integers": {"begins": [], "values": []}},
        {"ranges": [[0, 10**9, 1]]},
        {"ranges": [[0, 10**18, 1], [0, 10**19, 1]]},
        {"count": 10**30, "epochs": {"begins": [0, 10**25], "values": [1, 2]}},
        {"ranges": [[0, 40, 0]]},
        {"ranges": [[0, 0, 1], [0, 40, 1]]},
        {"large": {"99": 1}},
    ],
)
def test_what_contradicts_itself_does_not_count(run: Path, change: dict[str, object]) -> None:
    points(run, "acc")
    _rewritten(run, {"about.json": _about(run, **change)})
    assert same(run, "acc")


def test_damaged_columns_do_not_count(run: Path) -> None:
    points(run, "acc")
    whole = (run / NAME).read_bytes()
    for content in (b"", b"PK\x05\x06", whole[:-1], whole[: len(whole) // 2], whole[:100] + b"!" + whole[101:]):
        (run / NAME).write_bytes(content)
        assert same(run, "acc")
    (run / NAME).write_bytes(whole)
    _rewritten(run, {"0/values.npy": b"\x93NUMPY"})
    assert same(run, "acc")
    _rewritten(run, {"0/times.npy": None})
    assert same(run, "acc")


def test_a_link_in_its_place_is_not_followed(run: Path, tmp_path: Path) -> None:
    points(run)
    elsewhere = tmp_path / "elsewhere"
    (run / NAME).rename(elsewhere)
    (run / NAME).symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    assert same(run)
    assert elsewhere.read_bytes() == before
