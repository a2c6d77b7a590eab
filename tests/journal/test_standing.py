"""How a run ranks among earlier ones of its kind, and how that is said."""

import pytest

from autotrack.format import verdict
from autotrack.journal.fold import Fold
from autotrack.journal.records import Metrics, Number, RunStarted
from autotrack.journal.standing import Rivals, standing_of


def said(metric: str, value: Number, rivals: Rivals) -> str:
    fold = Fold()
    fold.add([RunStarted(time=1.0, id="a", name="mine", experiment="digits")])
    fold.add([Metrics(time=2.0, values={metric: value, "other": 1.0})])
    standing = standing_of(fold.summary(), rivals)
    return verdict(standing) if standing else ""


@pytest.mark.parametrize(
    ("metric", "value", "rivals", "expected"),
    [
        ("val_acc", 0.9917, {"val_acc": [("a", 0.9), ("fleet-lemur", 0.9944)]},
         "val_acc 0.9917, 2nd of 3 (best: fleet-lemur 0.9944)"),
        ("val_loss", 0.1, {"val_loss": [("a", 0.3), ("b", 0.2)]}, "val_loss 0.1, 1st of 3 (best before: b 0.2)"),
        ("val_loss", 0.4, {"val_loss": [("a", 0.3), ("b", 0.2)]}, "val_loss 0.4, 3rd of 3 (best: b 0.2)"),
        ("val_loss", 0.2, {"val_loss": [("b", 0.2)]}, "val_loss 0.2, shared 1st of 2 (best before: b 0.2)"),
        ("val_loss", 0.2, {"val_acc": [("b", 0.2)]}, ""),
        ("val_loss", "NaN", {"val_loss": [("b", 0.2)]}, ""),
        ("unclear", 0.2, {"unclear": [("b", 0.2)]}, ""),
    ],
)  # fmt: skip
def test_the_rank_is_that_of_the_best_value(metric: str, value: Number, rivals: Rivals, expected: str) -> None:
    assert said(metric, value, rivals) == expected
