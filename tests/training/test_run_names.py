"""Runs have names that people can say, and folders that every file system takes."""

import random
import re

from hypothesis import given
from hypothesis import strategies as st

from autotrack.training.run_names import folder_name, run_name


def test_a_name_is_an_adjective_and_an_animal() -> None:
    names = {run_name() for _ in range(200)}
    assert len(names) > 150
    assert all(re.fullmatch(r"[a-z]+-[a-z]+", name) for name in names)


def test_a_name_does_not_depend_on_a_seed_and_draws_nothing_from_it() -> None:
    random.seed(7)
    expected = random.random()
    random.seed(7)
    names = [run_name() for _ in range(20)]
    assert random.random() == expected
    random.seed(7)
    assert [run_name() for _ in range(20)] != names


def test_a_folder_is_named_after_the_start_in_utc() -> None:
    assert folder_name("brave-otter", 1795247531.9) == "20261121-075211-brave-otter"


def test_what_is_no_letter_or_digit_becomes_a_dash() -> None:
    assert folder_name("a b/c\\d:e*f", 0.0) == "19700101-000000-a-b-c-d-e-f"
    assert folder_name("lr=0.1_v2+x-y", 0.0).endswith("-lr=0.1_v2+x-y")
    assert folder_name("grün", 0.0).endswith("-grün")


def test_a_name_of_nothing_but_signs_is_called_run() -> None:
    for name in ("...", "///", "--", "\udcff"):
        assert folder_name(name, 0.0) == "19700101-000000-run"


@given(st.text(st.characters()), st.floats(0, 4e9))
def test_any_name_makes_a_folder_name(name: str, started: float) -> None:
    folder = folder_name(name, started)
    assert re.match(r"\d{8}-\d{6}-.", folder)
    assert len(folder.encode()) <= 16 + 80
    assert not re.search(r"[\s/\\:*?\"<>|\0]", folder)
    assert not folder.endswith(".")


@given(st.floats(0, 4e9), st.floats(0, 4e9))
def test_folders_sort_by_their_start(first: float, second: float) -> None:
    early, late = sorted([first, second])
    assert folder_name("a", early) <= folder_name("a", late)
