"""The params of an estimator, as values where they are plain, and what it is made of."""

import inspect
import sys
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from autotrack.integrations import as_plain

_MOST_ITEMS = 200


def own_params(estimator: Any) -> dict[str, Any]:
    """Return `get_params(deep=False)`, without reading the signature of the class every time as scikit-learn does."""
    kind = type(estimator)
    if not _has_usual_params(kind):
        given: dict[str, Any] = estimator.get_params(deep=False)
        return given
    if kind not in _known_names:
        _known_names[kind] = kind._get_param_names()
    return {name: getattr(estimator, name) for name in _known_names[kind]}


_known_names: WeakKeyDictionary[type, list[str]] = WeakKeyDictionary()


def deep_params(estimator: Any) -> dict[str, Any]:
    """Return `get_params(deep=True)`: the estimator's own and, where it is made of others, theirs."""
    own = own_params(estimator)
    if not _has_usual_params(type(estimator)) or any(hasattr(value, "get_params") for value in own.values()):
        deep: dict[str, Any] = estimator.get_params(deep=True)
        return deep
    return own


def params_of(estimator: Any) -> dict[str, Any]:
    """Return `get_params(deep=True)`, with estimators as their class and small arrays as lists."""
    return {name: plain(value) for name, value in deep_params(estimator).items()}


def method_params(kind: type, method: str) -> list[str]:
    """Return the names of what a method takes, without `self`."""
    known = _known_methods.setdefault(kind, {})
    if method not in known:
        known[method] = list(inspect.signature(getattr(kind, method)).parameters)[1:]
    return known[method]


_known_methods: WeakKeyDictionary[type, dict[str, list[str]]] = WeakKeyDictionary()


def changed_params(estimator: Any) -> dict[str, Any]:
    """Return the params of the estimator itself that are not at their default."""
    defaults = _defaults(type(estimator))
    return {
        name: plain(value)
        for name, value in own_params(estimator).items()
        if not _is_same(value, defaults.get(name, inspect.Parameter.empty))
    }


def plain(value: Any) -> Any:
    """Turn the value of a param into plain data."""
    if isinstance(value, (str, int, float, type(None))):
        return as_plain(value)
    if isinstance(value, np.ndarray) and value.size <= _MOST_ITEMS:
        return as_plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value[:_MOST_ITEMS]]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in list(value.items())[:_MOST_ITEMS]}
    if not hasattr(value, "get_params") and _says_what_it_is(value):
        return repr(value)[:_MOST_ITEMS]
    return as_plain(value)


def class_of(estimator: Any) -> str:
    """Return the name that people import the class by."""
    kind = type(estimator)
    public = ".".join(part for part in kind.__module__.split(".") if not part.startswith("_"))
    return f"{public}.{kind.__qualname__}"


def final_of(estimator: Any) -> Any:
    """Return the estimator that a pipeline ends in or a search refitted; any other one is its own."""
    for _ in range(5):
        held = vars(estimator) if hasattr(estimator, "__dict__") else {}
        steps = held.get("steps")
        if "best_estimator_" in held:
            estimator = held["best_estimator_"]
        elif isinstance(steps, list) and steps and hasattr(steps[-1][-1], "fit"):
            estimator = steps[-1][-1]
        else:
            break
    return estimator


def is_estimator(value: Any) -> bool:
    """Whether this value of a param is an estimator, which the one that has it is made of."""
    return hasattr(value, "get_params") and not isinstance(value, type)


def frameworks_of(estimator: Any) -> dict[str, str]:
    """Return the versions of scikit-learn, and of the packages that the estimator and its bases come from."""
    tops = {kind.__module__.partition(".")[0] for kind in type(estimator).__mro__} - {
        "builtins",
        "__main__",
        "sklearn",
    }
    found = {"scikit-learn": str(sys.modules["sklearn"].__version__)}
    for top in sorted(tops):
        version = getattr(sys.modules.get(top), "__version__", None)
        if isinstance(version, str):
            found[top] = version
    return found


def _has_usual_params(kind: Any) -> bool:
    """Whether the class has `get_params` as scikit-learn made it."""
    return getattr(kind, "get_params", None) is sys.modules["sklearn.base"].BaseEstimator.get_params


def _defaults(kind: type) -> dict[str, Any]:
    if kind not in _known_defaults:
        try:
            parameters = inspect.signature(kind).parameters.values()
        except ValueError:
            parameters = ()  # type: ignore[assignment]  # nothing can be told of a class without a signature
        _known_defaults[kind] = {one.name: one.default for one in parameters}
    return _known_defaults[kind]


_known_defaults: WeakKeyDictionary[type, dict[str, Any]] = WeakKeyDictionary()


def _is_same(value: Any, default: Any) -> bool:
    if value is default:
        return True
    if type(value) is not type(default) or not isinstance(value, (str, int, float, bool, tuple)):
        return False
    return bool(value == default or (value != value and default != default))  # noqa: PLR0124  NaN is a default


def _says_what_it_is(value: Any) -> bool:
    """Whether this is a splitter or a scorer, whose repr are the arguments it was made with."""
    kind = type(value)
    return kind.__module__.startswith("sklearn.") and (hasattr(kind, "get_n_splits") or hasattr(value, "_score_func"))
