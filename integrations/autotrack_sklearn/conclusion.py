"""The end of a recording: the results of the fit, all of them read from the fitted estimator."""

from typing import Any

from autotrack.integrations import attempt
from autotrack_sklearn import diagram, fitted, keeping, plots, registry, search
from autotrack_sklearn.estimator_kinds import final_of, refitted
from autotrack_sklearn.models import RecordedModel, Result
from autotrack_sklearn.recording import Recording

_SLOW_SECONDS = 0.1
_MOST_DIAGRAMS = 3
"""After so many quick fits of a class there are no more diagrams of it: drawing one takes longer than such a fit."""


def conclude(recording: Recording, features: Any, target: Any, name: str | None = None) -> None:
    """Record the results of the fit; each part fails alone."""
    seconds = recording.seconds()
    estimator, final = recording.subject, final_of(recording.subject)
    model = _bind(recording, estimator, final, features, name)
    with attempt("sklearn search"):
        search.record(recording)
    with attempt("sklearn fitted attributes"):
        fitted.record(recording, final, seconds)
    with attempt("sklearn labels"):
        _remember_labels(model, final, features, name)
    with attempt("sklearn plots"):
        plots.of_model(recording, estimator, final, quick=seconds < _SLOW_SECONDS)
    if recording.options.training_metrics:
        with attempt("sklearn training metrics"):
            fitted.record_training_metrics(recording, features, target)
    if recording.options.keep_model:
        with attempt("sklearn model"):
            keeping.keep(recording, refitted(estimator), seconds=seconds)
    is_one_of_many = seconds < _SLOW_SECONDS and registry.current.runs.add_quick_fit(recording.label) > _MOST_DIAGRAMS
    if not is_one_of_many:
        with attempt("sklearn estimator.html", of_user=True):  # it calls `repr` on what people put into estimators
            diagram.keep_diagram(recording)


def _bind(recording: Recording, estimator: Any, final: Any, features: Any, name: str | None) -> RecordedModel:
    """Have evaluations of the estimator, or of the one it ends in, belong to the run."""
    model = recording.model(features, name)
    registry.current.models.add(estimator, model)
    if final is not estimator:
        registry.current.models.add(final, model)
    return model


def _remember_labels(model: RecordedModel, final: Any, features: Any, name: str | None) -> None:
    labels = vars(final).get("labels_")
    if labels is not None and features is not None:
        registry.current.models.add_result(labels, Result(model, "labels_", None, model.features, name))
