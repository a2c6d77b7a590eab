"""The hooks round the methods of estimators: of all classes there are, and of those that are yet to be defined."""

import inspect
from collections.abc import Generator, Iterator
from types import FunctionType
from typing import Any

from autotrack.integrations import Hook, Outcome, Patch, attempt
from autotrack_sklearn import binding, evaluation, fits, partial, scope

_METHODS: dict[str, Hook] = {
    "fit": fits.fitting("fit"),
    "fit_transform": fits.fitting("fit_transform"),
    "fit_predict": fits.fitting("fit_predict"),
    "partial_fit": partial.fitting,
    "score": evaluation.scored,
    "transform": fits.transforming,
    **{
        name: evaluation.predicted(name)
        for name in ("predict", "predict_proba", "predict_log_proba", "decision_function", "score_samples")
    },
}


class EstimatorPatches(Patch):
    """Hooks round every estimator class, kept up as classes are defined: this one itself is in `__init_subclass__`.

    What estimators call of each other, inside of what is being recorded, is left alone.
    """

    def __init__(self, base: type) -> None:
        super().__init__(base, "__init_subclass__", self._defining)
        self._base = base
        self._patches: dict[tuple[int, str], Patch] = {}
        self._covered: binding.ByIdentity[bool] = binding.ByIdentity()
        self._on = False

    def apply(self) -> None:
        """Put the hooks in place."""
        super().apply()
        self._on = True
        for patch in self._patches.values():
            patch.apply()
        for kind in _with_subclasses(self._base):
            self._cover(kind)

    def revert(self) -> None:
        """Take the hooks away."""
        self._on = False
        for patch in reversed(self._patches.values()):
            patch.revert()
        super().revert()

    def _defining(self, kind: type, **_kwargs: Any) -> Generator[None, Outcome, None]:
        """Hook round `__init_subclass__`: a class is being defined."""
        yield
        if self._on:
            self._cover(kind)

    def _cover(self, kind: type) -> None:
        """Put hooks round the methods that a class defines itself or takes from a mixin of scikit-learn."""
        for owner in kind.__mro__:
            if self._covered.get(owner) or not _is_ours(owner, self._base):
                continue
            self._covered[owner] = True
            for name, hook in _METHODS.items():
                with attempt(f"autolog for {owner.__qualname__}"):
                    self._patch(owner, name, hook)

    def _patch(self, owner: type, name: str, hook: Hook) -> None:
        found = vars(owner).get(name)
        target: Any = owner
        if found is not None and not isinstance(found, FunctionType):
            if not isinstance(getattr(found, "fn", None), FunctionType):  # a property, or nothing we know
                return
            target, name = found, "fn"  # available_if: the check stays what it is, the method inside is patched
        if found is not None and (id(target), name) not in self._patches:
            patch = self._patches[id(target), name] = Patch(target, name, hook, unless=scope.is_inside)
            patch.apply()


def _is_ours(kind: type, base: type) -> bool:
    return issubclass(kind, base) or (kind.__module__.startswith("sklearn.") and not inspect.isabstract(kind))


def _with_subclasses(kind: type) -> Iterator[type]:
    seen: set[type] = {kind}
    waiting: list[type] = [kind]
    while waiting:
        one = waiting.pop()
        yield one
        children: list[type] = type.__subclasses__(one)
        waiting += [child for child in children if child not in seen]
        seen.update(children)
