"""What the user has computed about a model: the importance of its features by permutation."""

from collections.abc import Generator
from typing import Any

from autotrack.integrations import Outcome
from autotrack_sklearn import binding, evaluation, scope


def inspected(name: str, parameters: tuple[str, ...]) -> Any:
    """Return the hook round `permutation_importance`, given its name and those of its parameters."""

    def record(*args: Any, **kwargs: Any) -> Generator[None, Outcome, None]:
        arguments = dict(zip(parameters, args, strict=False)) | kwargs
        model = binding.models.get(arguments.get("estimator"))
        before = scope.enter(scope.INSIDE)
        outcome = yield
        scope.leave(before)
        values = getattr(outcome.result, "importances_mean", None)
        if model is None or values is None:
            return
        columns = getattr(arguments.get("X"), "columns", None)
        names = [f"x{number}" for number in range(len(values))] if columns is None else [str(one) for one in columns]
        model.run.log_plot(f"{model.prefix}{name}", "importances", {"names": names, "values": values})
        evaluation.settle_later(model.run)

    return record
