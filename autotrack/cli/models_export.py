"""`autotrack models export` writes a run's model in a form that needs none of the code it was trained with."""

from pathlib import Path
from typing import Annotated

import typer

from autotrack.cli.named_run import named_run
from autotrack.cli.options import RunArgument, StoreOption
from autotrack.cli.printing import say
from autotrack.format import shown
from autotrack.models.export import Format, export_model


def export(
    run: RunArgument,
    to_format: Annotated[
        Format, typer.Option("--format", help="A program of `torch.export`, or TorchScript.")
    ] = "pt2",
    target: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file; by default one in the working folder.")
    ] = None,
    trusted: Annotated[
        bool, typer.Option("--trusted", help="You trust whoever made the run: its model is unpickled.")
    ] = False,
    store: StoreOption = None,
) -> None:
    """Write the PyTorch model of a run in a form that needs none of the code it was trained with."""
    path = export_model(named_run(run, store), to_format, target, trusted=trusted)
    say(f"{shown(path)}  ({to_format})")
