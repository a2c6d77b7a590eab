"""Validations: `cross_validate`, `cross_val_score`, `cross_val_predict`, the curves, each one run."""

from collections.abc import Generator, Mapping, Sequence
from typing import Any

import numpy as np

from autotrack.integrations import Outcome, attempt
from autotrack_sklearn import binding, scope, search
from autotrack_sklearn.binding import Result
from autotrack_sklearn.calls import call_of_user
from autotrack_sklearn.options import for_autolog
from autotrack_sklearn.params import plain
from autotrack_sklearn.recording import Recording
from autotrack_sklearn.tasks import Folds

FUNCTIONS = (
    "cross_validate",
    "cross_val_score",
    "cross_val_predict",
    "learning_curve",
    "validation_curve",
    "permutation_test_score",
)

Rows = list[tuple[dict[str, Any], dict[str, Any]]]

_DATA = {"estimator", "X", "y", "groups", "params", "scoring", "cv"}


def validated(function: str, parameters: tuple[str, ...]) -> Any:
    """Return the hook round a function that validates, given its name and those of its parameters."""

    def record(*args: Any, **kwargs: Any) -> Generator[None, Outcome, None]:
        recording = scope.is_inside()
        if recording is not None:
            if function == "cross_validate" and isinstance(recording, Recording):  # inside of cross_val_score
                outcome = yield
                recording.inner_result = outcome.result
            return
        arguments = dict(zip(parameters, args, strict=False)) | kwargs
        own = _start(function, arguments)
        before = scope.enter(own or scope.INSIDE)
        outcome = yield
        scope.leave(before)
        if own is None:
            return
        scope.close_recording(own)
        with attempt(f"sklearn {function}"):
            if outcome.error is None:
                _conclude(own, function, arguments, outcome.result)
        own.finish(outcome.error)

    return record


def _start(function: str, arguments: Mapping[str, Any]) -> Recording | None:
    estimator = arguments.get("estimator")
    with attempt(f"sklearn {function}"):
        own = Recording.start(estimator, for_autolog()) if hasattr(estimator, "get_params") else None
        if own is not None:
            is_of_folds = function.startswith("cross_")
            own.folds = Folds(own.run, first=search.first_trial(own.run), is_silent=not is_of_folds)
            scope.open_recording(own)
            _describe(own, function, arguments)
        return own
    return None


def _describe(recording: Recording, function: str, arguments: Mapping[str, Any]) -> None:
    with attempt("sklearn params"):
        recording.describe()
        settings = {name: plain(value) for name, value in arguments.items() if name not in _DATA}
        for name in ("cv", "scoring"):
            if arguments.get(name) is not None:
                settings[name] = plain(arguments[name])
        recording.run.log_params({function: settings}, function)
        recording.run.log_tags({"validation": function})
    recording.describe_data(arguments.get("X"), arguments.get("y"), name=call_of_user().source(1, "X"))


def _conclude(recording: Recording, function: str, arguments: Mapping[str, Any], result: Any) -> None:
    if function in ("cross_validate", "cross_val_score"):
        found = result if isinstance(result, Mapping) else recording.inner_result or {"test_score": result}
        _record_folds(recording, found)
    elif function == "cross_val_predict":
        folds = recording.folds.done if recording.folds is not None else []
        search.write_points(recording.run, [({}, {"seconds": one.ended - one.started}) for one in folds], "fold",
                            recording.folds)  # fmt: skip
        features = arguments.get("X")
        model = binding.Model(recording.run, recording.prefix, binding.reference(features))
        classes = np.unique(arguments["y"]) if arguments.get("method", "predict") != "predict" else None
        binding.remember_result(result, Result(model, function, classes))
    elif function == "learning_curve":
        _record_points(recording, "train_size", list(result[0]), result[1:])
    elif function == "validation_curve":
        _record_points(recording, str(arguments["param_name"]), list(arguments["param_range"]), result)
    else:
        score, _, p_value = result
        recording.log({"score": score, "p_value": p_value}, stage="validate")


def _record_folds(recording: Recording, found: Mapping[str, Any]) -> None:
    columns = {
        name: np.asarray(values).tolist()
        for name, values in found.items()
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
