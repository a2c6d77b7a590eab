"""Hooks inside functions of scikit-learn, so that it does not matter how and when they were imported.

Public functions of scikit-learn check their arguments in a wrapper and then call the function proper, which that
wrapper holds in a cell. The hook goes into that cell, and the public function stays the same object everywhere. A
function without such a wrapper is left alone: a replacement could not be pickled, and code that has already imported
the function would not see it.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType, ModuleType
from typing import Any, cast

from autotrack.integrations import Hook, Patch
from autotrack_sklearn import evaluation_hooks, registry, validation

_PREDICTIONS = {"y_pred", "y_score", "y_prob", "y_proba", "labels_pred", "labels", "pred_decision"}
"""Names of parameters that take predictions."""

_OF_CURVES = {"auc"}
"""Functions that take the points of a curve, which another function made of predictions."""


def metric_patches(module: ModuleType) -> Iterator[Patch]:
    """Yield the hooks in every function that takes predictions."""
    for name in getattr(module, "__all__", dir(module)):
        function = getattr(module, name, None)
        if isinstance(function, FunctionType):
            parameters = {key: of.default for key, of in inspect.signature(function).parameters.items()}
            if name in _OF_CURVES or _PREDICTIONS & set(parameters):
                yield from _patch(
                    function, evaluation_hooks.measured(name, parameters), concerns=registry.is_outermost
                )


def validation_patches(module: ModuleType) -> Iterable[Patch]:
    """Yield the hooks in the functions that validate."""
    return _patches(module, validation.FUNCTIONS, validation.validated)


def inspection_patches(module: ModuleType) -> Iterable[Patch]:
    """Yield the hook in the function that inspects a model."""
    return _patches(module, ("permutation_importance",), evaluation_hooks.inspected, concerns=registry.is_outermost)


def _patches(
    module: ModuleType, names: Iterable[str], hook: Callable[[str, tuple[str, ...]], Hook], **options: Any
) -> Iterator[Patch]:
    for name in names:
        function = getattr(module, name, None)
        if isinstance(function, FunctionType):
            yield from _patch(function, hook(name, tuple(inspect.signature(function).parameters)), **options)


class _Cell:
    """The function that a wrapper holds, as an attribute that can be patched."""

    func: Callable[..., Any]

    def __init__(self, function: FunctionType, cell: Any) -> None:
        vars(self).update(__name__=function.__name__, func=cell.cell_contents, _cell=cell)

    def __setattr__(self, name: str, value: Any) -> None:
        vars(self)[name] = value
        if name == "func":
            vars(self)["_cell"].cell_contents = value


def _patch(function: FunctionType, hook: Hook, **options: Any) -> Iterator[Patch]:
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    cell = cells.get("func")
    if cell is not None and callable(cell.cell_contents):
        yield Patch(cast("Any", _Cell(function, cell)), "func", hook, **options)
