"""Facts about classes of estimators. They do not change, and reading a signature is slow, so each is read once."""

import inspect
import sys
from typing import Any
from weakref import WeakKeyDictionary


class Classes:
    """What is known of classes of estimators, for as long as they live."""

    def __init__(self) -> None:
        self._param_names: WeakKeyDictionary[type, list[str]] = WeakKeyDictionary()
        self._defaults: WeakKeyDictionary[type, dict[str, Any]] = WeakKeyDictionary()
        self._methods: WeakKeyDictionary[type, dict[str, list[str]]] = WeakKeyDictionary()

    def param_names(self, kind: Any) -> list[str] | None:
        """Return the names of the params; None for a class without scikit-learn's `get_params`, or one it refuses."""
        base = sys.modules.get("sklearn.base")
        if base is None or getattr(kind, "get_params", None) is not base.BaseEstimator.get_params:
            return None
        names = self._param_names.get(kind)
        if names is None:
            try:
                names = kind._get_param_names()
            except (RuntimeError, TypeError):  # params without names; scikeras asks the estimator, not its class
                return None
            self._param_names[kind] = names
        return names

    def defaults(self, kind: type) -> dict[str, Any]:
        """Return the params with their defaults; nothing for a class without a signature."""
        defaults = self._defaults.get(kind)
        if defaults is None:
            try:
                parameters = inspect.signature(kind).parameters
            except (ValueError, TypeError):
                parameters = {}  # type: ignore[assignment]  # it is only iterated
            defaults = {name: parameter.default for name, parameter in parameters.items()}
            self._defaults[kind] = defaults
        return defaults

    def method_params(self, kind: type, method: str) -> list[str]:
        """Return the names of what a method takes, without `self`."""
        methods = self._methods.get(kind)
        if methods is None:
            methods = self._methods[kind] = {}
        if method not in methods:
            methods[method] = list(inspect.signature(getattr(kind, method)).parameters)[1:]
        return methods[method]
