"""Has the derived files made when a run ends. The one place of the training side that knows the shipping side."""

from pathlib import Path

from autotrack.summary import Summary


def settle(folder: Path) -> Summary:
    """Make everything that is derived from the journals in `folder`; return what the run came to."""
    from autotrack import catalog, shipping  # only now: while training runs, neither is in the process

    shipping.settle(folder)
    return catalog.summarise(folder)
