"""The hooks around `fit`, `fit_transform` and `fit_predict`."""

from collections.abc import Generator, Mapping
from typing import Any

from autotrack.integrations import Outcome, attempt
from autotrack_sklearn import partial_fit, registry, start
from autotrack_sklearn.attaching import Attached, attach
from autotrack_sklearn.callback import AutotrackCallback
from autotrack_sklearn.calls import is_by_library
from autotrack_sklearn.conclusion import conclude
from autotrack_sklearn.configuration import options_of_autolog
from autotrack_sklearn.estimator_kinds import is_preprocessor, is_transformer
from autotrack_sklearn.models import Result
from autotrack_sklearn.preprocessing import fit_preprocessor
from autotrack_sklearn.recording import Recording
from autotrack_sklearn.scope import INSIDE
from autotrack_sklearn.values import plain


def fitting(method: str) -> Any:
    """Return the hook around a method that fits."""

    def record(estimator: Any, *args: Any, **kwargs: Any) -> Generator[None, Outcome, None]:
        if _has_own_callback(estimator):
            return
        arguments = _arguments(estimator, method, args, kwargs)
        if _is_preparation(estimator) and not registry.current.options.preprocessing:
            yield from fit_preprocessor(estimator, arguments, method)
        else:
            yield from _fit(estimator, arguments, method)

    return record


def _is_preparation(estimator: Any) -> bool:
    """Whether a fit is no run: that of a preprocessor, or of any transformer that a library fits for itself."""
    return is_preprocessor(estimator) or (is_transformer(estimator) and is_by_library())


def _fit(estimator: Any, arguments: Mapping[str, Any], method: str) -> Generator[None, Outcome, None]:
    name = registry.current.calls.innermost().source(0, "X")
    partial_fit.end(estimator)
    recording, attached = None, None
    with attempt(f"sklearn {method}"):
        recording = start.start(estimator, options_of_autolog())
    if recording is not None:
        with attempt(f"sklearn {method}"):
            attached = _prepare(recording, arguments, name)
    with registry.current.scope.enter(recording or INSIDE):
        outcome = yield
    if recording is None:
        return
    if attached is not None:
        attached.detach()
    with attempt(f"sklearn {method}"):
        if outcome.error is None:
            conclude(recording, arguments.get("X"), arguments.get("y"), name)
            if method != "fit":
                _remember_result(recording, method, outcome.result, name)
    recording.finish(outcome.error)


def _prepare(recording: Recording, arguments: Mapping[str, Any], name: str | None) -> Attached | None:
    """Record what is known before the fit, and attach a callback to the estimator where that tells more of the fit."""
    with attempt("sklearn params"):
        start.describe(recording)
        simple = {key: plain(value) for key, value in arguments.items() if isinstance(value, (str, int, float))}
        if simple:
            recording.run.log_params({f"fit.{key}": value for key, value in simple.items()}, "fit")
    features = arguments.get("X")
    start.describe_data(recording, features, arguments.get("y"), arguments.get("sample_weight"), name)
    return attach(recording, features)


def _remember_result(recording: Recording, method: str, returned: Any, name: str | None) -> None:
    model = registry.current.models.model_of(recording.subject)
    if model is not None:
        registry.current.models.add_result(returned, Result(model, method, None, model.features, name))


def _arguments(estimator: Any, method: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a method that fits, by name; the first one, the data, is always called X."""
    names = registry.current.classes.method_params(type(estimator), method)
    arguments = dict(zip(names, args, strict=False)) | dict(kwargs)
    if names and names[0] not in ("X", "y", "self") and names[0] in arguments:
        arguments["X"] = arguments.pop(names[0])
    return arguments


def _has_own_callback(estimator: Any) -> bool:
    """Whether the user gave the estimator a callback of ours, which records the fit."""
    return any(isinstance(callback, AutotrackCallback) for callback in vars(estimator).get("_skl_callbacks", ()))
