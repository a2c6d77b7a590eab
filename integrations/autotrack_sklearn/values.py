"""Values of params as plain data."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from autotrack.integrations import as_plain

_MOST_ITEMS = 200


def plain(value: Any) -> Any:
    """Turn the value of a param into plain data: estimators into their class, small arrays into lists."""
    if isinstance(value, (str, int, float, type(None))):
        return as_plain(value)
    if isinstance(value, np.ndarray) and value.size <= _MOST_ITEMS:
        return as_plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value[:_MOST_ITEMS]]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in list(value.items())[:_MOST_ITEMS]}
    if not hasattr(value, "get_params") and _has_telling_repr(value):
        return repr(value)[:_MOST_ITEMS]
    return as_plain(value)


def _has_telling_repr(value: Any) -> bool:
    """Whether this is a splitter or a scorer of scikit-learn, whose repr shows the arguments it was made with."""
    kind = type(value)
    return kind.__module__.startswith("sklearn.") and (hasattr(kind, "get_n_splits") or hasattr(value, "_score_func"))
