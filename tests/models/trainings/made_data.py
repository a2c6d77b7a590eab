"""The data that models are trained with."""
# ruff: noqa: N806  features are called X in scikit-learn

from typing import Any

import numpy as np


def arrays() -> tuple[Any, Any]:
    """Return points and their classes."""
    random = np.random.default_rng(0)
    X = random.normal(size=(60, 4))
    return X, (X.sum(axis=1) > 0).astype(int)


def frame() -> tuple[Any, Any]:
    """Return points in a frame, and their classes."""
    import pandas as pd

    X, y = arrays()
    columns = pd.DataFrame(X[:, :3], columns=["length, cm", "größe", 'the "weight"'])
    return columns.assign(count=range(60), color=["red", "blue", "green"] * 20, is_new=X[:, 3] > 0), y
