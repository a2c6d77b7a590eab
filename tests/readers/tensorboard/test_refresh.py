"""Event files that are missing are written before TensorBoard is started."""

from collections.abc import Callable
from pathlib import Path

import pytest

import autotrack
from autotrack.readers.tensorboard.refresh import bring_up_to_date, bring_up_to_date_beside
from tests.support.tensorboard_pages import record


def event_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("events.out.tfevents.*"))


@pytest.mark.parametrize("bring", [bring_up_to_date, bring_up_to_date_beside])
def test_a_run_without_event_files_gets_them_once(bring: Callable[..., None], store: Path) -> None:
    folder = record(store, "a")
    assert not event_files(folder)
    bring([folder], on_problem=pytest.fail)
    first = {path: path.read_bytes() for path in event_files(folder)}
    assert first
    bring([folder], on_problem=pytest.fail)
    assert {path: path.read_bytes() for path in event_files(folder)} == first


def test_a_run_that_is_being_recorded_is_left_to_whoever_records_it(store: Path) -> None:
    with autotrack.start_run("a", to=store, experiment="digits") as run:
        run.log({"loss": 0.5})
        bring_up_to_date([run.folder], on_problem=pytest.fail)
        assert not event_files(run.folder)


@pytest.mark.parametrize("bring", [bring_up_to_date, bring_up_to_date_beside])
def test_a_run_that_cannot_be_read_stops_no_other(bring: Callable[..., None], store: Path) -> None:
    newer, good = record(store, "a"), record(store, "b")
    journal = newer / "journal" / "main.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"experiment"', b'"format":99,"experiment"', 1))
    troubles: list[str] = []
    bring([newer, good], on_problem=troubles.append)
    assert event_files(good)
    (said,) = troubles
    assert said.startswith(f"{newer}: ")
    assert "journal format 99" in said
