"""What the scripts that train models have in common: training by name.

Each model is trained under autolog in an experiment of its own, and its predictions are written beside the runs.
"""

import pickle
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import autotrack

Trained = tuple[Callable[[Any], Any], Any]
"""What predicts, and what it is given."""


def main(trainings: Mapping[str, Any]) -> None:
    """Train the models with the names on the command line, after the folder."""
    folder = Path(sys.argv[1])
    for name in sys.argv[2:]:
        autotrack.autolog(to=folder / "runs", experiment=name)
        predict, data = trainings[name]()
        with (folder / f"{name}.pickle").open("wb") as file:
            pickle.dump((data, predict(data)), file)
