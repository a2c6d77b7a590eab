"""`autotrack.tensorboard()`: TensorBoard below the cell of a notebook."""

import atexit
import os
import sys

from autotrack.readers.tensorboard.refresh import bring_up_to_date_beside
from autotrack.readers.tensorboard.selection import Filter, Shown, View, choose
from autotrack.readers.tensorboard.server import TensorBoardServer

_started: dict[tuple[object, ...], TensorBoardServer] = {}


def tensorboard(
    *places: Shown,
    store: str | os.PathLike[str] | None = None,
    where: str | None = None,
    last: int | None = None,
    port: int | None = None,
    height: int = 800,
) -> None:
    """Show stores or runs in TensorBoard, inline in a notebook; elsewhere, say its address.

    `places` are folders, runs by name, id or `latest`, and what `autotrack.runs` and `autotrack.load` return; without
    any it is the `store`. `where` and `last` choose among them, as in `autotrack ls`. `height` is in pixels, `port`
    the first free one from 6006 on unless given. TensorBoard runs in a process of its own that ends with this one;
    called again for the same, it is not started again.

    Raises `RunNotFoundError`, `QueryError`, `MissingLibraryError` without TensorBoard, and `AutotrackError` when it
    does not start.
    """
    view = choose(places, store=store, only=Filter(where=where, last=last))
    bring_up_to_date_beside(view.runs, on_problem=lambda said: _say(f"autotrack: {said}"))
    server = _server_for(view, port)
    if not _is_notebook():
        _say(f"autotrack: TensorBoard is at {server.address} until this process ends")
        return
    # It knows Colab, proxies and Jupyter, and imports nothing but the standard library.
    from tensorboard import notebook  # type: ignore[import-untyped]  # it comes without types

    notebook.display(port=int(server.address.rstrip("/").rpartition(":")[2]), height=height)


def _server_for(view: View, port: int | None) -> TensorBoardServer:
    """Return the one that shows this already, or start one."""
    wanted = (view.logdir, *sorted(view.links.items()), port)
    known = _started.get(wanted)
    if known is not None and known.is_alive:
        return known
    server = _started[wanted] = TensorBoardServer(view, port=port)
    atexit.register(server.close)
    return server


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _is_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return getattr(shell, "kernel", None) is not None
