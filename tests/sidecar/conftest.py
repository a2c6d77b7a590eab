"""A run that is going on, and a sidecar's view of it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import autotrack
from autotrack.protocol import Follow
from autotrack.sidecar.followed_run import FollowedRun


@pytest.fixture
def run(store: Path) -> Iterator[autotrack.Run]:
    """A run that is going on."""
    with autotrack.start_run("mine", to=store, experiment="tests") as started:
        yield started


@pytest.fixture
def follow(run: autotrack.Run) -> Iterator[Callable[..., FollowedRun]]:
    """Follow that run; what it holds is let go at the end."""
    followed: list[FollowedRun] = []

    def make(**about: Any) -> FollowedRun:
        followed.append(FollowedRun(Follow(folder=str(run.folder), **about)))
        followed[-1].update()
        return followed[-1]

    yield make
    for each in followed:
        each.close()
