"""Points as columns: they are what was recorded, value by value, whatever it was."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotrack.journal.fold import Fold
from autotrack.journal.point_reader import read_points
from autotrack.journal.points import Points
from autotrack.journal.reader import RunReader
from autotrack.journal.records import AnyRecord, Metrics, Number, SystemStats
from autotrack.journal.series import Point
from tests.support import journals

values = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False), st.integers(), st.sampled_from(["NaN", "Infinity", "-Infinity"])
)
rows = st.tuples(
    values,
    st.floats(0, 2e9),
    st.one_of(st.none(), st.integers(-(10**20), 10**20), st.integers(0, 50)),
    st.one_of(st.none(), st.integers(0, 3)),
    st.sampled_from([None, "train", "test"]),
)


def points_of(batches: Sequence[Sequence[Point]]) -> Points:
    points = Points()
    for batch in batches:
        columns = ([getattr(point, name) for point in batch] for name in Point.__struct_fields__)
        points.extend(*columns)
    return points


def told_apart(points: Sequence[Point]) -> list[tuple[type, Point]]:
    """0 and 0.0 are equal, but not the same."""
    return [(type(point.value), point) for point in points]


@settings(max_examples=60, deadline=None)
@given(batches=st.lists(st.lists(rows, min_size=1), max_size=4))
def test_they_are_the_points_that_were_put_in(batches: list[list[tuple[Number, float, int, int, str]]]) -> None:
    put_in = [[Point(*row) for row in batch] for batch in batches]
    points, flat = points_of(put_in), [point for batch in put_in for point in batch]
    assert told_apart(list(points)) == told_apart(flat)
    assert told_apart([points[place] for place in range(-len(flat), 0)]) == told_apart(flat)
    assert told_apart(points[1::2]) == told_apart(flat[1::2])
    assert points == flat
    assert list(points.steps) == [point.step for point in flat]
    assert (points.epochs, points.stages) == ([point.epoch for point in flat], [point.stage for point in flat])
    kept = points.without(lambda step: step is not None and step >= 3)
    assert told_apart(list(kept)) == told_apart([one for one in flat if one.step is None or one.step < 3])


def test_steps_that_go_up_evenly_take_no_memory() -> None:
    batches = [[Point(0.5, 1.0, step) for step in range(begin, begin + 500, 5)] for begin in range(0, 5000, 500)]
    points = points_of(batches)
    assert points.steps == range(0, 5000, 5)


def test_columns_become_arrays_without_a_copy() -> None:
    points = points_of([[Point(0.5, 1.0, 0), Point("NaN", 2.0, 1)]])
    values = np.asarray(points.values)
    assert values[0] == 0.5
    assert math.isnan(values[1])
    assert np.asarray(points.times).tolist() == [1.0, 2.0]


def test_out_of_range_is_an_error_and_no_points_are_none() -> None:
    with pytest.raises(IndexError):
        Points()[0]
    assert list(Points()) == [] == Points()


# ---- Straight from journals


def read_whole(folder: Path) -> dict[str, list[Point]]:
    fold = Fold()
    for rank, batch in RunReader(folder):
        fold.add(batch, rank=rank)
    return {**fold.points, **{f"system/{name}": points for name, points in fold.system.items()}}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that went back twice, of two ranks, with load, and with lines that are no records."""
    load = [
        SystemStats(time=float(at), values={"host_cpu": at, "gpu": "NaN"}, epoch=at // 3) for at in range(100, 109)
    ]
    first: list[AnyRecord] = [journals.start(), *journals.steps(0, 40, names=["loss", "acc"])]
    journals.add(tmp_path, [*first, Metrics(time=5.0, values={'odd " name\n': 10**30}), *load[:2]])
    journals.add_bytes(tmp_path, b'{"record":"Metrics"\n\n{"record":"Of a later version"}\n')
    journals.add(
        tmp_path, [journals.start(200.0, step=30), *journals.steps(30, 50), Metrics(time=6.0, values={"n": 3})]
    )
    journals.add(tmp_path, [journals.start(300.0, step=45), *journals.steps(45, 60, names=["acc", "loss"])])
    journals.add(tmp_path, load, "sidecar")
    journals.add(tmp_path, [journals.start(101.0, rank=1), *journals.steps(0, 9), *load], "rank1")
    journals.add_bytes(tmp_path, b'{"record":"Metrics","time":1.0,"values":{"loss":0.')
    return tmp_path


def test_the_points_of_some_metrics_are_those_of_reading_everything(run: Path) -> None:
    whole = read_whole(run)
    assert {"loss", "acc", "n", "rank1/loss", "system/host_cpu", "system/rank1/gpu"} <= set(whole)
    together = read_points(run, whole)
    for name, points in whole.items():
        (alone,) = read_points(run, [name]).values()
        assert told_apart(list(alone)) == told_apart(points), name
        assert told_apart(list(together[name])) == told_apart(points), name


def test_the_points_of_very_many_metrics_are_the_same(tmp_path: Path) -> None:
    names = [f"metric_{number}" for number in range(60)]
    journals.add(tmp_path, [journals.start(), *journals.steps(0, 3, names=names)])
    assert read_points(tmp_path, names) == read_whole(tmp_path)


def test_a_metric_that_is_not_there_has_no_points(run: Path) -> None:
    assert list(read_points(run, ["loss", "val_loss"])) == ["loss"]
