"""The hooks around the methods of estimators, of the classes that exist and of those that will be defined."""

import inspect
from collections.abc import Generator, Iterator
from types import FunctionType
from typing import Any

from autotrack.integrations import Hook, Outcome, Patch, attempt
from autotrack_sklearn import evaluation_hooks, fits, partial_fit, preprocessing, registry
from autotrack_sklearn.identity import ByIdentity

_METHODS: dict[str, Hook] = {
    "fit": fits.fitting("fit"),
    "fit_transform": fits.fitting("fit_transform"),
    "fit_predict": fits.fitting("fit_predict"),
    "partial_fit": partial_fit.fitting,
    "score": evaluation_hooks.scored,
    "transform": preprocessing.transforming,
    **{
        name: evaluation_hooks.predicted(name)
        for name in ("predict", "predict_proba", "predict_log_proba", "decision_function", "score_samples")
    },
}


class EstimatorPatches(Patch):
    """Hooks around every estimator class. It is itself a hook around `__init_subclass__`, to see new classes.

    Calls between estimators, while a call of the user's is under way, are left alone.
    """

    def __init__(self, base: type) -> None:
        super().__init__(base, "__init_subclass__", self._defining)
        self._base = base
        self._patches: dict[tuple[int, str], Patch] = {}
        self._covered: ByIdentity[bool] = ByIdentity()
        self._is_on = False

    def apply(self) -> None:
        """Put the hooks in place."""
        super().apply()
        self._is_on = True
        for patch in self._patches.values():
            patch.apply()
        for kind in _with_subclasses(self._base):
            self._cover(kind)

    def revert(self) -> None:
        """Take the hooks away."""
        self._is_on = False
        for patch in reversed(self._patches.values()):
            patch.revert()
        super().revert()

    def _defining(self, kind: type, **_kwargs: Any) -> Generator[None, Outcome, None]:
        """Hook around `__init_subclass__`: a class is being defined."""
        yield
        if self._is_on:
            self._cover(kind)

    def _cover(self, kind: type) -> None:
        """Put hooks around the methods that a class defines itself or takes from a mixin of scikit-learn."""
        for owner in kind.__mro__:
            if self._covered.get(owner) or not _has_estimator_methods(owner, self._base):
                continue
            self._covered[owner] = True
            for name, hook in _METHODS.items():
                with attempt(f"autolog for {owner.__qualname__}"):
                    self._patch(owner, name, hook)

    def _patch(self, owner: type, name: str, hook: Hook) -> None:
        method = vars(owner).get(name)
        target: Any = owner
        if method is not None and not isinstance(method, FunctionType):
            if not isinstance(getattr(method, "fn", None), FunctionType):  # a property, or something unknown
                return
            target, name = method, "fn"  # available_if: the check stays as it is, the method inside is patched
        if method is not None and (id(target), name) not in self._patches:
            patch = self._patches[id(target), name] = Patch(target, name, hook, unless=registry.under_way)
            patch.apply()


def _has_estimator_methods(kind: type, base: type) -> bool:
    """Whether this is an estimator or, among its bases, a mixin of scikit-learn."""
    return issubclass(kind, base) or (kind.__module__.startswith("sklearn.") and not inspect.isabstract(kind))


def _with_subclasses(base: type) -> Iterator[type]:
    seen: set[type] = {base}
    waiting: list[type] = [base]
    while waiting:
        kind = waiting.pop()
        yield kind
        children: list[type] = type.__subclasses__(kind)
        waiting += [child for child in children if child not in seen]
        seen.update(children)
