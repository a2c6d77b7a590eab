"""`autotrack models export` writes a model in a form that needs none of the code it was trained with."""

from pathlib import Path
from typing import Annotated

import typer

from autotrack.cli.named_model import named_version
from autotrack.cli.named_run import named_run
from autotrack.cli.options import StoreOption
from autotrack.cli.printing import say
from autotrack.format import shown
from autotrack.models.export import Format, export_model, export_version
from autotrack.models.registry import Registry
from autotrack.readers import catalog


def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="`digits@champion`, `digits/3`, or a run.")],
    to_format: Annotated[
        Format, typer.Option("--format", help="A program of `torch.export`, or TorchScript.")
    ] = "pt2",
    target: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file; by default one in the working folder.")
    ] = None,
    trusted: Annotated[
        bool, typer.Option("--trusted", help="You trust whoever made it: the model is unpickled.")
    ] = False,
    store: StoreOption = None,
) -> None:
    """Write a PyTorch model in a form that needs none of the code it was trained with."""
    registry = Registry(catalog.existing_store(store))
    if (found := named_version(registry, model)) is not None:
        path = export_version(registry, *found, to_format, target, trusted=trusted)
    else:
        path = export_model(named_run(model, store), to_format, target, trusted=trusted)
    say(f"{shown(path)}  ({to_format})")
