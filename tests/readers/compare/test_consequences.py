"""What a person has set comes before what follows from it."""

from typing import Any

import pytest

from autotrack.journal.summary import Summary
from autotrack.readers.compare.cause import Cause
from autotrack.readers.compare.causes import likely_causes


def run(*, given: dict[str, Any], lightning: dict[str, Any], hparams: dict[str, Any] | None = None,
        module: str = "1", torch: str = "2.0", optimizer: dict[str, Any] | None = None) -> Summary:  # fmt: skip
    by_source = {"argparse": {"lr": 0.1, **given}, "trainer": lightning, "hparams": hparams or {}}
    by_source["optimizer"] = optimizer or {}
    return Summary(
        id="a",
        status="finished",
        entry_point="train.py",
        params={name: value for values in by_source.values() for name, value in values.items()},
        params_by_source=by_source,
        params_given={"argparse": list(given)},
        environment={
            "git": {"commit": "1" * 40},
            "packages": {"python": "3.11.7", "versions": {"torch": torch}},
            "used": {"modules": {"train.py": module}, "packages": ["torch"]},
        },
    )


def causes(now: Summary, before: Summary) -> dict[str, Cause]:
    return {cause.name or cause.kind: cause for cause in likely_causes(now, before)}


def test_what_changes_along_with_an_option_follows_from_it() -> None:
    found = causes(
        run(given={"epochs": 6, "batch": 32}, lightning={"max_epochs": 6, "total": 600, "batches": 50}),
        run(given={"epochs": 3, "batch": 64}, lightning={"max_epochs": 3, "total": 300, "batches": 25}),
    )
    assert list(found)[:2] == ["epochs", "batch"]
    assert {name for name, cause in found.items() if cause.confidence > 0.3} == {"epochs", "batch"}
    assert "with the same values as epochs 3 → 6" in found["max_epochs"].evidence
    assert "in step with" in found["batches"].evidence


@pytest.mark.parametrize(("module", "leads"), [("1", False), ("2", True)])
def test_what_nobody_gave_cannot_lead_unless_the_code_is_another_one(module: str, leads: bool) -> None:
    found = causes(
        run(given={"preset": "big"}, lightning={}, hparams={"hidden": 512}, module=module),
        run(given={"preset": "small"}, lightning={}, hparams={"hidden": 64}),
    )
    assert (found["hidden"].confidence > found["preset"].confidence) is leads
    assert ("may come from preset small → big" in found["hidden"].evidence) is not leads


def test_a_value_that_the_command_line_has_was_given() -> None:
    now = run(given={"preset": "big"}, lightning={}, hparams={"hidden": 512})
    now.argv = ["train.py", "512", "--preset", "big"]
    found = causes(now, run(given={"preset": "small"}, lightning={}, hparams={"hidden": 64}))
    assert "may come from" not in found["hidden"].evidence


def test_params_of_another_optimizer_come_with_it() -> None:
    found = causes(
        run(given={"opt": "b"}, lightning={}, optimizer={"optimizer": "Adam", "betas": [0.9, 0.99]}, module="2"),
        run(given={"opt": "a"}, lightning={}, optimizer={"optimizer": "SGD", "nesterov": False}),
    )
    assert all("comes with optimizer SGD → Adam" in found[name].evidence for name in ("betas", "nesterov"))
    assert list(found)[:2] == ["optimizer", "code"]


def test_another_default_follows_from_the_package_that_was_upgraded() -> None:
    found = causes(run(given={}, lightning={"drop_last": True, "eps": 1}, torch="2.1"),
                   run(given={}, lightning={"drop_last": False}))  # fmt: skip
    assert next(iter(found)) == "packages"
    assert found["drop_last"].confidence < found["packages"].confidence
    assert found["eps"].confidence < found["packages"].confidence


def test_an_option_that_was_added_and_left_at_its_default_is_no_cause() -> None:
    now, before = run(given={}, lightning={}, module="2"), run(given={}, lightning={})
    now.params_by_source["argparse"]["clip"] = now.params["clip"] = 1.0
    found = causes(now, before)
    assert list(found) == ["code", "clip"]
    assert found["clip"].confidence <= 0.3


def test_a_count_that_somebody_gave_is_no_consequence() -> None:
    found = causes(run(given={"num_samples": 20}, lightning={}), run(given={"num_samples": 10}, lightning={}))
    assert found["num_samples"].confidence > 0.7
