"""The options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

StoreOption = Annotated[
    Path | None,
    typer.Option("--store", "-s", help="The folder of runs; by default `runs`, or the one in the settings."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]
WhereOption = Annotated[str | None, typer.Option("--where", "-w", help="Those for which this holds, as in `ls`.")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A folder, an id, a name, or `latest`.")]
RunsArgument = Annotated[list[str] | None, typer.Argument(metavar="[RUN]…", help="Folders, ids or names.")]
MetricOption = Annotated[
    str | None,
    typer.Option("--metric", "-m", help="What runs are judged by, such as `val_loss` or `min my_cost`."),
]
CommandArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[-- COMMAND…]", help="A command line in place of the recorded one."),
]
RepositoryOption = Annotated[
    str | None, typer.Option("--repository", help="Where the repository is now: a folder or a URL.")
]
ProjectOption = Annotated[
    Path | None, typer.Option("--project", help="Where the project is now, for data that runs do not keep.")
]
