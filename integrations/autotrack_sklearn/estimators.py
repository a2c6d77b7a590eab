"""The hooks around the methods of estimators, of the classes that exist and of those that will be defined."""

import inspect
from collections.abc import Generator, Iterator
from types import FunctionType
from typing import Any, cast

from autotrack.integrations import Hook, Outcome, Patch, attempt
from autotrack_sklearn import evaluation_hooks, fits, partial_fit, preprocessing, registry
from autotrack_sklearn.definitions import Definitions
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
    """Hooks around every class below these bases. It is itself a hook around the definition of further ones.

    Calls between estimators, while a call of the user's is under way, are left alone.
    """

    def __init__(self, *bases: type) -> None:
        super().__init__(cast("Any", Definitions(bases)), "define", self._defining)
        self._bases = bases
        self._patches: dict[tuple[int, str], Patch] = {}
        self._covered: ByIdentity[bool] = ByIdentity()
        self._is_on = False

    def apply(self) -> None:
        """Put the hooks in place."""
        super().apply()
        self._is_on = True
        for patch in self._patches.values():
            patch.apply()
        for base in self._bases:
            for kind in _with_subclasses(base):
                self._cover(kind)

    def revert(self) -> None:
        """Take the hooks away."""
        self._is_on = False
        for patch in reversed(self._patches.values()):
            patch.revert()
        super().revert()

    def _defining(self, _base: type, kind: type, **_kwargs: Any) -> Generator[None, Outcome, None]:
        """Hook around `__init_subclass__`: a class is being defined."""
        yield
        if self._is_on:
            self._cover(kind)

    def _cover(self, kind: type) -> None:
        """Put hooks around the methods that a class has from itself, from other estimators or from anywhere else."""
        for owner in kind.__mro__:
            if not self._is_estimator(owner):
                continue
            if self._covered.get(owner):
                break
            self._covered[owner] = True
            for name, hook in _METHODS.items():
                with attempt(f"autolog for {owner.__qualname__}"):
                    self._patch(owner, name, hook)

    def _patch(self, owner: type, name: str, hook: Hook) -> None:
        defining = next((kind for kind in owner.__mro__ if name in vars(kind)), None)
        if defining is None or (defining is not owner and self._is_estimator(defining)):
            return  # what another estimator defines is hooked there
        method, target = vars(defining)[name], cast("Any", owner)
        if not isinstance(method, FunctionType):
            if defining is not owner or not isinstance(getattr(method, "fn", None), FunctionType):
                return  # a property, or something unknown
            target, name = method, "fn"  # available_if: the check stays as it is, the method inside is patched
        if (id(target), name) not in self._patches:
            patch = self._patches[id(target), name] = Patch(target, name, hook, concerns=registry.is_outermost)
            patch.apply()

    def _is_estimator(self, kind: type) -> bool:
        """Whether this is an estimator or, among its bases, a mixin of scikit-learn."""
        if issubclass(kind, self._bases):
            return True
        return kind.__module__.startswith("sklearn.") and not inspect.isabstract(kind)


def _with_subclasses(base: type) -> Iterator[type]:
    seen: set[type] = {base}
    waiting: list[type] = [base]
    while waiting:
        kind = waiting.pop()
        yield kind
        children: list[type] = type.__subclasses__(kind)
        waiting += [child for child in children if child not in seen]
        seen.update(children)
