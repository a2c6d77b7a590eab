"""Runs of different trainings: that is said first, and no single param is called the reason."""

from typing import Any

import pytest

from autotrack.journal.summary import Summary
from autotrack.readers.compare.causes import likely_causes
from autotrack.readers.compare.last_two import last_two_alike
from autotrack.readers.compare.unlike import in_words, unlike
from autotrack.readers.recorded_run import RecordedRun


def run(script: str = "train.py", frameworks: tuple[str, ...] = ("torch",), model: str = "", **params: Any) -> Summary:
    values = {**({"model": model} if model else {}), **params}
    return Summary(
        id=f"{script}{params}",
        name=script,
        status="finished",
        started_by="script",
        entry_point=script and f"/somewhere/{script}",
        frameworks=dict.fromkeys(frameworks, "1.0"),
        params=values,
        params_by_source={"model": values},
        environment={"git": {"commit": "1" * 40}, "packages": {"versions": {"a": "1"}}},
    )


KERAS = run("keras_digits.py", ("keras", "torch"), "keras.src.models.Sequential", lr=0.1, dropout=0.2)
WINE = run("wine.py", ("scikit-learn",), "sklearn.pipeline.Pipeline", svc__kernel="rbf", svc__C=1, lr=0.5)


def test_of_different_trainings_that_is_the_first_cause_and_no_param_is_likely() -> None:
    first, *others = likely_causes(WINE, KERAS)
    assert first.kind == "training"
    assert first.cause == (
        "script keras_digits.py → wine.py; framework keras, torch → scikit-learn; model Sequential → Pipeline"
    )
    assert {cause.name for cause in others} >= {"svc__kernel", "svc__C", "dropout", "lr"}
    assert "model" not in {cause.name for cause in others}  # told once
    assert all(cause.confidence < 0.5 for cause in others)
    assert in_words([KERAS, WINE]) == (
        "different scripts (keras_digits.py and wine.py), frameworks (keras, torch and scikit-learn) and models "
        "(Sequential and Pipeline)"
    )


def test_of_another_model_what_it_alone_has_follows_and_what_both_have_may_be_the_reason() -> None:
    before, now = run(model="train.Small", lr=0.1, kernel="rbf"), run(model="train.Large", lr=0.5, depth=3)
    sure = {cause.name or cause.kind: cause.confidence for cause in likely_causes(now, before)}
    assert sure["training"] > sure["lr"] > 0.8
    assert max(sure["depth"], sure["kernel"]) < 0.5


@pytest.mark.parametrize(
    "other",
    [
        run(model="__main__.Net", lr=0.5),  # the same script, run in another way
        run(frameworks=("torch", "scikit-learn"), model="train.Net"),  # which may be there for its data alone
        run(model="large"),  # what somebody calls it, which is a param like any other
        run(script=""),
    ],
)
def test_runs_of_one_training_are_not_called_different(other: Summary) -> None:
    assert not unlike(other, run(model="train.Net", lr=0.1))


def of_kind(*scripts: str) -> list[RecordedRun]:
    """Return runs of these scripts, the newest first."""
    return [RecordedRun(b"/nowhere", run(script, lr=place)) for place, script in enumerate(scripts)]


@pytest.mark.parametrize(
    ("scripts", "chosen", "newer"),
    [
        (("a.py", "a.py", "b.py"), [1, 0], 0),
        (("a.py", "b.py", "b.py", "a.py"), [3, 0], 0),
        (("c.py", "a.py", "b.py", "b.py", "a.py"), [4, 1], 1),
        (("a.py", "b.py"), [1, 0], 0),
        (("a.py",), [0], 0),
        ((), [], 0),
    ],
)
def test_the_last_two_of_one_kind_are_chosen(scripts: tuple[str, ...], chosen: list[int], newer: int) -> None:
    runs = of_kind(*scripts)
    assert last_two_alike(runs) == ([runs[place] for place in chosen], runs[:newer])


def test_a_script_whose_model_has_changed_is_compared_with_itself() -> None:
    runs = [RecordedRun(b"/nowhere", run(model=model)) for model in ("train.New", "train.Old", "train.New")]
    assert last_two_alike(runs)[0] == [runs[1], runs[0]]
