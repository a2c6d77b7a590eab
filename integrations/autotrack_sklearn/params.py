"""The params of an estimator, read as scikit-learn does but without inspecting the class every time."""

import inspect
from typing import Any

from autotrack.integrations import attempt
from autotrack_sklearn import registry
from autotrack_sklearn.estimator_kinds import is_estimator
from autotrack_sklearn.values import plain

_DEEPEST = 10
"""An estimator may hold itself."""


def own_params(estimator: Any) -> dict[str, Any]:
    """Return `get_params(deep=False)`; where that fails, those that can be read."""
    kind = type(estimator)
    names = registry.current.classes.param_names(kind)
    if names is None and hasattr(kind, "get_params"):
        with attempt("sklearn params", of_user=True):
            return dict(estimator.get_params(deep=False))
    params: dict[str, Any] = {}
    for name in registry.current.classes.defaults(kind) if names is None else names:
        with attempt(f"sklearn params, {name}", of_user=True):
            params[name] = getattr(estimator, name)
    return params


def deep_params(estimator: Any, *, depth: int = 0) -> dict[str, Any]:
    """Return `get_params(deep=True)`: the estimator's own params and those of the estimators it is made of."""
    kind = type(estimator)
    if registry.current.classes.param_names(kind) is None and hasattr(kind, "get_params"):
        with attempt("sklearn params", of_user=True):
            return dict(estimator.get_params(deep=True))
    deep: dict[str, Any] = {}
    for name, value in own_params(estimator).items():
        if is_estimator(value) and depth < _DEEPEST:
            deep.update({f"{name}__{key}": part for key, part in deep_params(value, depth=depth + 1).items()})
        deep[name] = value
    return deep


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
