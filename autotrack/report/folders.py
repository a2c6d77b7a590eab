"""Which folders a tab of TensorBoard looks for runs in."""

from collections.abc import Iterator
from pathlib import Path

from autotrack.journal.own_folders import LINKS, is_private
from autotrack.readers.scan import scan


def roots(place: Path) -> Iterator[Path]:
    """Yield the folders of runs at a place: itself, or, if autotrack has made it of links, where those lead.

    No other link is followed.
    """
    if place.name.startswith(LINKS) and is_private(place):
        yield from dict.fromkeys(link.resolve() for link in sorted(place.rglob("*")) if link.is_symlink())
    elif place.is_dir():
        yield place.absolute()


def has_runs(place: Path) -> bool:
    """Return whether there is any run."""
    return any(True for root in roots(place) for _ in scan(root))
