"""A sample of scikit-learn's gallery: its scripts print and end with autotrack as they do without."""

from pathlib import Path

import pytest

from tests.gallery.__main__ import MOST_LINES
from tests.gallery.comparison import compare
from tests.gallery.examples import scripts, unpacked

SAMPLE = (
    "linear_model/plot_ols_ridge.py",
    "model_selection/plot_cv_predict.py",
    "ensemble/plot_voting_regressor.py",
)


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The gallery of the installed version, from the package index."""
    try:
        return unpacked(tmp_path_factory.getbasetemp().parent / "gallery")
    except OSError as error:
        pytest.skip(f"the package index cannot be reached: {error}")


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLE)
def test_a_script_of_the_gallery_is_the_same_with_autotrack(examples: Path, tmp_path: Path, name: str) -> None:
    comparison = compare(examples / name, tmp_path, rounds=1)
    assert comparison.problems == []
    assert comparison.runs >= 1
    assert comparison.lines <= MOST_LINES


@pytest.mark.slow
def test_most_of_the_gallery_needs_nothing_but_scikit_learn(examples: Path) -> None:
    names = {f"{path.parent.name}/{path.name}" for path in scripts(examples)}
    assert len(names) > 80
    assert set(SAMPLE) <= names
