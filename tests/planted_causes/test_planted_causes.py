"""Of known changes among harmless differences, the true cause comes first. `make causes` asks for all of them."""

from pathlib import Path

import pytest

from tests.planted_causes.__main__ import answers
from tests.planted_causes.fresh import FRESH, OF_EVERY_KIND
from tests.planted_causes.pairs import PAIRS

QUICK = ["line in features", "package", "labels of rows", "config", "seed alone", "variable"]


@pytest.mark.slow
def test_the_true_cause_of_a_planted_change_comes_first(tmp_path: Path) -> None:
    planted = [one for one in PAIRS if one.framework == "sklearn" and one.name in QUICK]
    wrong = {one.planted.name: one.causes[:3] for one in answers(planted, tmp_path) if one.place != 1}
    assert len(planted) == len(QUICK)
    assert wrong == {}


def test_there_are_forty_changes_of_four_frameworks() -> None:
    assert len(PAIRS) == len({(one.framework, one.name) for one in PAIRS}) == 40
    assert {one.framework for one in PAIRS} == {"sklearn", "torch", "lightning", "keras"}


@pytest.mark.parametrize("framework", ["sklearn", "lightning", "keras"])
def test_each_framework_has_changes_of_every_kind(framework: str) -> None:
    names = {one.name for one in [*PAIRS, *FRESH, *OF_EVERY_KIND] if one.framework == framework}
    assert names >= {"package", "labels of rows", "threads"}
    assert all(any(kind in name for name in names) for kind in ("line", "seed", "order"))
