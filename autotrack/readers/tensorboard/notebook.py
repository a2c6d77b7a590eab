"""`autotrack.tensorboard()`: TensorBoard below the cell of a notebook."""

import atexit
import os
import sys

from autotrack import amounts
from autotrack.escapes import printable
from autotrack.interactive import interactive_session
from autotrack.readers.tensorboard.refresh import bring_up_to_date_beside
from autotrack.readers.tensorboard.selection import Filter, Shown, View, choose
from autotrack.readers.tensorboard.server import TensorBoardServer

_HIGHEST_PORT = 65535


def tensorboard(
    *places: Shown,
    store: str | os.PathLike[str] | None = None,
    where: str | None = None,
    last: int | None = None,
    port: int | None = None,
    height: int = 800,
) -> None:
    """Show stores or runs in TensorBoard: below the cell in a notebook, elsewhere by printing the address.

    TensorBoard runs in a process of its own, which ends with this one. Another call for the same runs shows the same
    TensorBoard again.

    Args:
        places: Folders, names, ids or `latest`, or what `autotrack.runs` and `autotrack.load` return. Without any, the
            whole `store` is shown.
        store: The folder of runs in which names and ids are looked up. By default, the one in the settings.
        where: Show only the runs for which this condition holds, as in `autotrack ls`.
        last: Show only the newest runs, this many.
        port: The port to listen on. By default, the first free one from 6006 on.
        height: The height in the notebook, in pixels.

    Raises:
        RunNotFoundError: A place holds no run, or the condition holds for none.
        QueryError: The condition cannot be understood.
        MissingLibraryError: TensorBoard is not installed.
        AutotrackError: TensorBoard does not start.
    """
    last, port, height = _amounts(last, port, height)
    view = choose(places, store=store, only=Filter(where=where, last=last))
    bring_up_to_date_beside(view.runs, on_problem=lambda problem: _print(f"autotrack: {problem}"))
    server = _servers.get(view, port)
    if interactive_session() != "notebook":
        _print(f"autotrack: TensorBoard is at {server.address} until this process ends")
        return
    # It knows Colab, proxies and Jupyter, and imports nothing but the standard library.
    from tensorboard import notebook  # type: ignore[import-untyped]  # it comes without types

    notebook.display(port=int(server.address.rstrip("/").rpartition(":")[2]), height=height)


def _amounts(last: int | None, port: int | None, height: int) -> tuple[int | None, int | None, int]:
    if port is not None and amounts.count("port", port) > _HIGHEST_PORT:
        raise ValueError(f"port is {port!r:.100}; expected one from 1 to {_HIGHEST_PORT}, or None for a free one")
    return None if last is None else amounts.count("last", last), port, amounts.count("height", height)


class _Servers:
    """The TensorBoards that this process started; each ends when the process exits."""

    def __init__(self) -> None:
        self._servers: dict[tuple[object, ...], TensorBoardServer] = {}

    def get(self, view: View, port: int | None) -> TensorBoardServer:
        """Return the one that shows this already, or start one."""
        key = (view.logdir, *sorted(view.links.items()), port)
        running = self._servers.get(key)
        if running is not None and running.is_alive:
            return running
        server = self._servers[key] = TensorBoardServer(view, port=port)
        atexit.register(server.close)
        return server


_servers = _Servers()  # of this process, whichever cells ask


def _print(line: str) -> None:
    print(printable(line), file=sys.stderr, flush=True)
