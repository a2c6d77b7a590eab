"""The hooks around `cross_validate`, `cross_val_score`, `cross_val_predict` and the curves: each call is one run."""

from collections.abc import Generator, Mapping, Sequence
from typing import Any

import numpy as np

from autotrack.integrations import Outcome, attempt
from autotrack_sklearn import registry, search, start
from autotrack_sklearn.configuration import options_of_autolog
from autotrack_sklearn.folds import Folds
from autotrack_sklearn.models import Result
from autotrack_sklearn.recording import Recording
from autotrack_sklearn.scope import INSIDE
from autotrack_sklearn.values import plain

FUNCTIONS = (
    "cross_validate",
    "cross_val_score",
    "cross_val_predict",
    "learning_curve",
    "validation_curve",
    "permutation_test_score",
)

Rows = list[tuple[dict[str, Any], dict[str, Any]]]

_NOT_SETTINGS = {"estimator", "X", "y", "groups", "params", "scoring", "cv"}


def validated(function: str, parameters: tuple[str, ...]) -> Any:
    """Return the hook around a function that validates, given its name and those of its parameters."""

    def record(*args: Any, **kwargs: Any) -> Generator[None, Outcome, None]:
        outer = registry.under_way()
        if outer is not None:
            if function == "cross_validate" and isinstance(outer, Recording):  # cross_val_score has called it
                outcome = yield
                outer.inner_result = outcome.result
            return
        arguments = dict(zip(parameters, args, strict=False)) | kwargs
        recording = _start(function, arguments)
        with registry.current.scope.enter(recording or INSIDE):
            outcome = yield
        if recording is None:
            return
        with attempt(f"sklearn {function}"):
            if outcome.error is None:
                _conclude(recording, function, arguments, outcome.result)
        recording.finish(outcome.error)

    return record


def _start(function: str, arguments: Mapping[str, Any]) -> Recording | None:
    estimator = arguments.get("estimator")
    recording = None
    with attempt(f"sklearn {function}"):
        if hasattr(estimator, "get_params"):
            recording = start.start(estimator, options_of_autolog())
        if recording is not None:
            first = registry.current.runs.first_trial(recording.run)
            recording.folds = Folds(recording.run, first=first, is_silent=not function.startswith("cross_"))
            _describe(recording, function, arguments)
    return recording


def _describe(recording: Recording, function: str, arguments: Mapping[str, Any]) -> None:
    with attempt("sklearn params"):
        start.describe(recording)
        settings = {name: plain(value) for name, value in arguments.items() if name not in _NOT_SETTINGS}
        for name in ("cv", "scoring"):
            if arguments.get(name) is not None:
                settings[name] = plain(arguments[name])
        recording.run.log_params({function: settings}, function)
        recording.run.log_tags({"validation": function})
    data_name = registry.current.calls.innermost().source(1, "X")
    start.describe_data(recording, arguments.get("X"), arguments.get("y"), name=data_name)


def _conclude(recording: Recording, function: str, arguments: Mapping[str, Any], result: Any) -> None:
    if function in ("cross_validate", "cross_val_score"):
        scores = result if isinstance(result, Mapping) else recording.inner_result or {"test_score": result}
        _record_folds(recording, scores)
    elif function == "cross_val_predict":
        _record_predictions(recording, arguments, result)
    elif function == "learning_curve":
        _record_points(recording, "train_size", list(result[0]), result[1:])
    elif function == "validation_curve":
        _record_points(recording, str(arguments["param_name"]), list(arguments["param_range"]), result)
    else:
        score, _, p_value = result
        recording.log({"score": score, "p_value": p_value}, stage="validate")


def _record_predictions(recording: Recording, arguments: Mapping[str, Any], predictions: Any) -> None:
    folds = recording.folds
    rows: Rows = [({}, {"seconds": fold.ended - fold.started}) for fold in folds.done] if folds is not None else []
    search.write_points(recording.run, rows, "fold", folds)
    classes = np.unique(arguments["y"]) if arguments.get("method", "predict") != "predict" else None
    result = Result(recording.model(arguments.get("X")), "cross_val_predict", classes)
    registry.current.models.add_result(predictions, result)


def _record_folds(recording: Recording, scores: Mapping[str, Any]) -> None:
    columns = {
        name: np.asarray(values).tolist()
        for name, values in scores.items()
        if name.endswith("_time") or name.startswith(("test_", "train_"))
    }
    count = max((len(values) for values in columns.values()), default=0)
    rows: Rows = [({}, {name: values[number] for name, values in columns.items()}) for number in range(count)]
    search.write_points(recording.run, rows, "fold", recording.folds)
    for name, values in columns.items():
        recording.log({f"mean_{name}": np.mean(values), f"std_{name}": np.std(values)}, stage="validate")


def _record_points(recording: Recording, name: str, points: Sequence[Any], tables: Sequence[Any]) -> None:
    """Record a curve: each table has a row for each point, and a column for each split."""
    kinds = ("train_score", "test_score", "fit_time", "score_time")
    rows: Rows = []
    for number, point in enumerate(points):
        values: dict[str, Any] = {}
        for kind, table in zip(kinds, tables, strict=False):
            values.update({f"split{split}_{kind}": value for split, value in enumerate(table[number].tolist())})
            values[f"mean_{kind}"], values[f"std_{kind}"] = table[number].mean(), table[number].std()
        rows.append(({name: plain(point)}, values))
    search.write_points(recording.run, rows, "point", recording.folds)
    for kind in kinds[:2]:
        data = {"x": [plain(point) for point in points], "y": [values[f"mean_{kind}"] for _, values in rows]}
        recording.run.log_plot(f"{recording.prefix}{kind}", "curve", {**data, "x_name": name, "y_name": kind})
