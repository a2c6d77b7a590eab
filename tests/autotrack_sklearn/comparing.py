"""Fits any class of scikit-learn on small data, and compares fitted estimators bit by bit."""

import inspect
import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from sklearn.utils.discovery import all_estimators

_TIMED = ("time", "seconds")
"""Words in the names of what is measured, and never the same twice."""

_dice = np.random.default_rng(5)
_FEATURES = np.round(_dice.normal(size=(36, 4)), 3)
_CLASSES = np.arange(36) % 3
_NUMBERS = _FEATURES @ [1.0, -1.0, 0.5, 2.0]
_WORDS = ["some words of a text", "other words", "text of some other kind"] * 12

DATA: dict[str, Callable[[], tuple[Any, ...]]] = {
    "classes": lambda: (_FEATURES, _CLASSES),
    "numbers": lambda: (_FEATURES, _NUMBERS),
    "positive": lambda: (np.abs(_FEATURES), np.abs(_NUMBERS)),
    "two classes": lambda: (_FEATURES, _CLASSES % 2),
    "several outputs": lambda: (_FEATURES, np.column_stack([_CLASSES, _CLASSES[::-1]])),
    "several numbers": lambda: (_FEATURES, np.column_stack([_NUMBERS, _NUMBERS[::-1]])),
    "one feature": lambda: (_FEATURES[:, 0], _NUMBERS),
    "labels": lambda: (_CLASSES,),
    "sets of labels": lambda: ([[int(one)] for one in _CLASSES],),
    "texts": lambda: (_WORDS,),
    "mappings": lambda: ([{"a": float(one)} for one in _NUMBERS],),
    "pictures": lambda: (_FEATURES.reshape(6, 6, 4),),
    "square": lambda: (np.abs(_FEATURES @ _FEATURES.T), _CLASSES),
}


def classes() -> dict[str, type]:
    """Every estimator class of scikit-learn, by name."""
    return {name: kind for name, kind in all_estimators() if not inspect.isabstract(kind)}


def instance(kind: type) -> Any:
    """An estimator of this class, made as scikit-learn's own tests make it; None where nobody knows how."""
    try:
        from sklearn.utils._test_common.instance_generator import _construct_instances

        return next(_construct_instances(kind))
    except ImportError:  # before 1.6
        try:
            return kind()
        except TypeError:
            return None
    except Exception as skipped:  # scikit-learn's own way to say that it makes none
        if type(skipped).__name__ != "SkipTest":
            raise
        return None


def fitting_data(kind: type) -> str | None:
    """The name of the first data that an estimator of this class can be fitted on."""
    for name in DATA:
        estimator = instance(kind)
        if estimator is None:
            return None
        try:
            fit(estimator, name)
        except Exception:  # noqa: BLE001  other data, then
            continue
        return name
    return None


def fit(estimator: Any, data: str) -> tuple[Any, ...]:
    """Fit from a fixed state of chance; return the states that are left."""
    np.random.seed(3)
    random.seed(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(*DATA[data]())
    return random.getstate(), str(np.random.get_state())


def differences(one: Any, two: Any, at: str = "", depth: int = 0) -> Iterator[str]:
    """Yield where two values differ, down to single bits."""
    if depth > 12 or any(word in at.rpartition(".")[2] for word in _TIMED):
        return
    if type(one) is not type(two):
        yield f"{at}: {type(one)} and {type(two)}"
    elif isinstance(one, np.ndarray) and one.dtype.kind not in "OV":
        if one.dtype != two.dtype or one.shape != two.shape or one.tobytes() != two.tobytes():
            yield f"{at}: arrays"
    elif isinstance(one, (str, bytes, int, float, complex, bool, type(None), np.generic)):
        if repr(one) != repr(two):
            yield f"{at}: {one!r} and {two!r}"
    else:
        mine, theirs = _parts(one), _parts(two)
        if list(mine) != list(theirs):
            yield f"{at}: {list(mine)} and {list(theirs)}"
        for name in mine.keys() & theirs.keys():
            yield from differences(mine[name], theirs[name], f"{at}.{name}", depth + 1)


def _parts(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {str(name): part for name, part in value.items()}
    if isinstance(value, np.ndarray) and value.dtype.names:  # not as bytes: there are gaps between the fields
        return {name: value[name] for name in value.dtype.names}
    if isinstance(value, (list, tuple, np.ndarray)):
        return {str(number): part for number, part in enumerate(value)}
    if type(value).__name__ == "Tree":  # of Cython, without a __dict__
        return dict(value.__getstate__())
    return dict(vars(value)) if hasattr(value, "__dict__") and not isinstance(value, type) else {}
