"""Autologging, and what a run that starts now has of the arguments of the script."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import autotrack
from autotrack.journal.records import Params
from autotrack.readers import recorded_run


@pytest.fixture
def autolog(store: Path) -> Iterator[None]:
    """Autologging, until the end of the test."""
    autotrack.autolog(to=str(store))
    yield
    autotrack.autolog(disable=True)


@pytest.fixture
def recorded(store: Path, autolog: None) -> Callable[[], dict[str, Params]]:
    """Start a run, and return the arguments that it has, by source."""

    def records_of_new_run() -> dict[str, Params]:
        with autotrack.start_run(to=str(store)) as run:
            pass
        summary = recorded_run.summarise(run.folder)
        return {
            source: Params(
                time=0,
                source=source,
                values=values,
                given=summary.params_given[source],
                defaults=summary.params_defaults.get(source, {}),
            )
            for source, values in summary.params_by_source.items()
        }

    return records_of_new_run
