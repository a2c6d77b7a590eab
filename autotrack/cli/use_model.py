"""`autotrack predict` tries a kept model on data in a file, `autotrack serve` serves a registered one over HTTP."""

from pathlib import Path
from typing import Annotated, Any

import typer

from autotrack.cli.named_model import named_version
from autotrack.cli.named_run import named_run
from autotrack.cli.options import StoreOption
from autotrack.cli.printing import say, say_json
from autotrack.model_format.described import described_in
from autotrack.model_format.kept import INPUTS
from autotrack.model_names import SCHEME, Reference, parsed
from autotrack.models import serving
from autotrack.models.input_check import in_order, schema_in
from autotrack.models.loading import folder_of_run, load_model
from autotrack.models.predicting import predictions, read_data
from autotrack.models.registry import Registry
from autotrack.models.version_loading import folder_in_store
from autotrack.readers import catalog

TrustedOption = Annotated[
    bool, typer.Option("--trusted", help="Load it although somebody else made it: that may run their code.")
]


def predict(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="`digits@champion`, `digits/3`, or a run.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A table or array: .csv, .json or .npy.")],
    trusted: TrustedOption = False,
    store: StoreOption = None,
) -> None:
    """Print what a model predicts for the data in a file, as JSON: `autotrack predict digits@champion new.csv`.

    The data are first compared with what the model was trained on: columns, shapes and types.
    """
    data = read_data(file)
    registry = Registry(catalog.existing_store(store))
    loaded: Any
    if (found := named_version(registry, model)) is not None:
        name, version = found
        reference = f"{SCHEME}{Reference(name, version.version)}"
        loaded = load_model(reference, trusted=trusted, inputs=data, store=registry.store)
        place, folder = registry.store, folder_in_store(registry, name, version)
    else:
        run = named_run(model, store)
        loaded = run.load_model(trusted=trusted, inputs=data)
        place, folder = run.folder, folder_of_run(run, "last")
    data = in_order(schema_in(place, folder), data)
    say_json(predictions(loaded, data, described_in(place, f"{folder}/{INPUTS}") if folder is not None else {}))


def serve(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="`digits@champion`, `digits/3` or `digits`.")],
    port: Annotated[int, typer.Option("--port", "-p", help="The port to listen on.")] = 5001,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    trusted: TrustedOption = False,
    store: StoreOption = None,
) -> None:
    """Serve a registered model over HTTP by `mlflow models serve` of this Python: `autotrack serve digits@champion`.

    Then `curl 127.0.0.1:5001/invocations -H 'Content-Type: application/json' -d '{"inputs": [[1, 2]]}'` asks it.
    """
    registry, wanted = Registry(catalog.existing_store(store)), parsed(model)
    version = registry.model(wanted.name).version(wanted)
    raise typer.Exit(
        serving.serve(
            registry, wanted.name, version, host=host, port=port, trusted=trusted, say=lambda line: say(line, err=True)
        )
    )
