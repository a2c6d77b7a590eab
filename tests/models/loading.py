"""Loads models with the real MLflow in a process without the code that trained them: `python loading.py FOLDER NAME…`.

Prints, for each, what went wrong, as JSON.
"""

import importlib
import json
import pickle
import sys
import warnings
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import torch

warnings.simplefilter("ignore")


def problem_of(folder: Path, name: str) -> str | None:
    """Return how a model differs from the one in memory when it was trained; None if it predicts the same."""
    model = next((folder / "runs" / name).glob("*/model"))
    data, expected = pickle.loads((folder / f"{name}.pickle").read_bytes())
    generic = mlflow.pyfunc.load_model(str(model))
    if not _same(generic.predict(data), expected):
        return "pyfunc predicts something else"
    flavor = next(one for one in generic.metadata.flavors if one != "python_function")
    own = importlib.import_module(f"mlflow.{flavor}").load_model(str(model))
    predicted = own.predict(data) if hasattr(own, "predict") else own(torch.tensor(data)).detach().numpy()
    return None if _same(predicted, expected) else f"{flavor} predicts something else"


def _same(one: Any, two: Any) -> bool:
    one, two = np.asarray(one), np.asarray(two)
    return bool(one.shape == two.shape and one.dtype == two.dtype and one.tobytes() == two.tobytes())


if __name__ == "__main__":
    found = {}
    for name in sys.argv[2:]:
        try:
            found[name] = problem_of(Path(sys.argv[1]), name)
        except Exception as error:  # noqa: BLE001  whatever it is, the test shows it
            found[name] = f"{type(error).__name__}: {error}"
    print(json.dumps(found))
