"""A curve of a run that goes on: any part of it has all extremes, and is what thinning all of it would show."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from autotrack.journal.series import Point
from autotrack.report.growing_curve import GrowingCurve


def points_of(values: list[float]) -> list[Point]:
    return [Point(value, time=100.0 + place, step=place) for place, value in enumerate(values)]


def numbers(values: list[float | str]) -> list[float]:
    return [float(value) for value in values]


@settings(max_examples=40)
@given(
    st.lists(st.floats(-9, 9), min_size=1, max_size=900), st.integers(0, 900), st.integers(1, 900), st.integers(8, 60)
)
def test_a_part_keeps_the_ends_and_the_extremes_of_what_it_covers(
    values: list[float], first: int, width: int, most: int
) -> None:
    values = [round(value, 3) for value in values]
    points = points_of(values)
    curve = GrowingCurve()
    for length in (len(points) // 3, len(points)):  # it has grown meanwhile
        grown = points[:length]
        curve.follow(grown)
    first = min(first, len(values) - 1)
    after = min(first + width, len(values))
    part = curve.part(100.0, most, first, after)
    assert part["count"] == len(values)
    assert part["place"] == part["step"] == sorted(set(part["place"]))
    assert (part["place"][0], part["place"][-1]) == (first, after - 1)
    assert [values[place] for place in part["place"]] == numbers(part["value"])
    assert min(part["value"]) == min(values[first:after])
    assert max(part["value"]) == max(values[first:after])
    assert len(part["value"]) <= max(most * 5 / 4, 5)


def test_points_that_are_recorded_again_and_values_that_are_no_numbers_are_seen() -> None:
    points = points_of([math.sin(place) for place in range(5_000)])
    curve = GrowingCurve()
    curve.follow(points)
    points.append(Point("NaN", time=9e3, step=5_000))
    curve.follow(points)
    assert curve.part(100.0, 100)["value"][-1] == "NaN"
    del points[2_000:]
    curve.follow(points)
    assert curve.part(100.0, 100)["count"] == 2_000
