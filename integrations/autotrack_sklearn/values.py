"""Values of params as plain data."""

from typing import Any

from autotrack.integrations import as_plain


def plain(value: Any) -> Any:
    """Turn the value of a param into plain data; splitters and scorers of scikit-learn into their repr."""
    if isinstance(value, (str, int, float, type(None))) or not _has_telling_repr(value):
        return as_plain(value)
    return repr(value)[:_LONGEST]


_LONGEST = 200


def _has_telling_repr(value: Any) -> bool:
    """Whether this is a splitter or a scorer of scikit-learn, whose repr shows the arguments it was made with."""
    kind = type(value)
    is_told = kind.__module__.startswith("sklearn.") and not hasattr(value, "get_params")
    return is_told and (hasattr(kind, "get_n_splits") or hasattr(value, "_score_func"))
