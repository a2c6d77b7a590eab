"""The params of an estimator, read as scikit-learn does but without inspecting the class every time."""

import inspect
from typing import Any

from autotrack_sklearn import registry
from autotrack_sklearn.values import plain


def own_params(estimator: Any) -> dict[str, Any]:
    """Return `get_params(deep=False)`."""
    names = registry.current.classes.param_names(type(estimator))
    if names is None:
        params: dict[str, Any] = estimator.get_params(deep=False)
        return params
    return {name: getattr(estimator, name) for name in names}


def deep_params(estimator: Any) -> dict[str, Any]:
    """Return `get_params(deep=True)`: the estimator's own params and those of the estimators it is made of."""
    names = registry.current.classes.param_names(type(estimator))
    own = None if names is None else {name: getattr(estimator, name) for name in names}
    if own is None or any(hasattr(value, "get_params") for value in own.values()):
        deep: dict[str, Any] = estimator.get_params(deep=True)
        return deep
    return own


def params_of(estimator: Any) -> dict[str, Any]:
    """Return `get_params(deep=True)`, with estimators as their class and small arrays as lists."""
    return {name: plain(value) for name, value in deep_params(estimator).items()}


def changed_params(estimator: Any) -> dict[str, Any]:
    """Return the params of the estimator itself that are not at their default."""
    defaults = registry.current.classes.defaults(type(estimator))
    return {
        name: plain(value)
        for name, value in own_params(estimator).items()
        if not _is_same(value, defaults.get(name, inspect.Parameter.empty))
    }


def parts_of(estimator: Any) -> list[Any]:
    """Return what the estimator's own params hold, with the items of lists and tuples, as steps of a pipeline are."""
    parts: list[Any] = []
    for value in own_params(estimator).values():
        if isinstance(value, (list, tuple)):
            parts += [part for item in value for part in (item if isinstance(item, tuple) else (item,))]
        elif not isinstance(value, type):
            parts.append(value)
    return parts


def _is_same(value: Any, default: Any) -> bool:
    if value is default:
        return True
    if type(value) is not type(default) or not isinstance(value, (str, int, float, bool, tuple)):
        return False
    return bool(value == default or (value != value and default != default))  # noqa: PLR0124  NaN is a default
