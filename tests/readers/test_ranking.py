"""A run has one rank, whoever tells it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import autotrack
from autotrack.cli.app import app
from autotrack.format import verdict
from autotrack.journal.standing import Ladder
from autotrack.readers.compare.since import changes_of
from autotrack.readers.ranking import Ranks
from autotrack.report.document import document_of


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of two models, the same value twice, one that diverged, and one of another kind."""
    store = tmp_path_factory.mktemp("ranked") / "runs"
    losses = {"a": 0.3, "b": 0.1, "c": 0.2, "d": 0.2, "e": float("nan"), "last": 0.25}
    for name, loss in losses.items():
        model = "Large" if name == "b" else "Small"
        with autotrack.start_run(name, to=store, experiment="digits", params={"model": model}) as run:
            run.log({"val_loss": loss})
    return store


def test_the_terminal_show_and_the_report_tell_the_same_rank(store: Path) -> None:
    run = autotrack.load("last", store)
    changes = changes_of(run.folder)
    assert changes is not None
    _, standing = changes.said.of(run.summary)
    assert standing is not None
    assert verdict(standing).startswith("val_loss 0.25, 3rd of 4 (best: ")
    shown = CliRunner().invoke(app, ["show", "last", "--store", str(store)]).stdout
    assert "val_loss 0.25, 3rd of 4, best is" in shown
    runs = autotrack.runs(store)
    few = runs.where("name == 'last'")
    (details,) = document_of(few, few.names, title="one of them", whole=runs)["details"].values()
    assert details["standing"].startswith("val_loss 0.25, 3rd of 4 (best: ")


def test_a_shared_place_is_called_that_and_what_diverged_has_none(store: Path) -> None:
    ranks = Ranks(autotrack.runs(store))
    told = {run.name: str(ranks.of(run)) for run in autotrack.runs(store)}
    assert told["c"] == told["d"] == "shared 1st of 4 by val_loss"
    assert told["a"] == "4th of 4 by val_loss"
    assert told["b"] == "", "the only one of its kind"
    assert told["e"] == "None", "it has no best value"


def test_a_run_that_has_changed_since_it_was_looked_at_is_not_its_own_rival() -> None:
    ladder = Ladder([("a", 0.5), ("b", 0.3), ("c", 0.1)], "min")
    place = ladder.place_of(0.4, own="b")
    assert place is not None
    assert (place.rank, place.count, place.best) == (2, 3, "c")
    assert Ladder([("a", 0.5)], "min").place_of(0.5, own="a") is None
