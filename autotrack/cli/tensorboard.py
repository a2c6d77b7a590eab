"""`autotrack tensorboard`: shows a store, or chosen runs, in TensorBoard."""

import webbrowser
from typing import Annotated

import typer

from autotrack.cli.options import StoreOption
from autotrack.cli.printing import say
from autotrack.cli.progress import with_progress
from autotrack.readers.tensorboard.refresh import bring_up_to_date
from autotrack.readers.tensorboard.selection import Filter, View, choose
from autotrack.readers.tensorboard.server import TensorBoardServer

_MOST_PROBLEMS = 3


def tensorboard(
    places: Annotated[
        list[str] | None,
        typer.Argument(metavar="STORE|RUN", help="Stores or runs, by folder, id, name or `latest`."),
    ] = None,
    store: StoreOption = None,
    where: Annotated[
        str | None,
        typer.Option(
            "--where",
            "-w",
            help="Only runs for which this holds, such as `metrics.val_loss < 0.2 and params.lr > 1e-3`.",
        ),
    ] = None,
    sort: Annotated[
        str | None, typer.Option("--sort", help="With --last: order by a name, such as `best.val_loss`.")
    ] = None,
    descending: Annotated[bool, typer.Option("--descending", help="With --sort: largest first.")] = False,
    last: Annotated[
        int | None,
        typer.Option("--last", "-n", min=1, help="Only the newest N, or the first N in the order of --sort."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", "-p", min=0, max=65535, help="The port; by default the first free one from 6006 on."),
    ] = None,
    in_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open TensorBoard in the web browser.")] = False,
) -> None:
    """Show a store, or chosen runs, in TensorBoard until Ctrl-C. It can be reached from this machine only.

    Missing or incomplete event files of the runs are written first.
    """
    only = Filter(where=where, sort=sort, descending=descending, last=last)
    view = choose(places or [], store=store, only=only, watch=lambda folders: with_progress(folders, "reading runs"))
    _update(view)
    with TensorBoardServer(view, port=port) as server:
        count = len(view.runs)
        say(f"TensorBoard with {count} {'run' if count == 1 else 'runs'}: {server.address}   (Ctrl-C ends it)")
        if in_browser:
            webbrowser.open(server.address)
        try:
            server.wait()
        except KeyboardInterrupt:  # the normal end
            say("", err=True)


def _update(view: View) -> None:
    problems: list[str] = []
    bring_up_to_date(with_progress(view.runs, "event files"), on_problem=problems.append)
    for problem in problems[:_MOST_PROBLEMS]:
        say(f"autotrack: {problem}", err=True)
    if len(problems) > _MOST_PROBLEMS:
        say(
            f"autotrack: the event files of {len(problems) - _MOST_PROBLEMS} more runs cannot be brought up to date",
            err=True,
        )
