"""The beginning of a recording: the run, the params of the estimator and the data of the fit."""

from typing import Any

import autotrack
from autotrack.integrations import RunFiles, attempt, is_worker
from autotrack_sklearn import params, registry
from autotrack_sklearn.estimator_kinds import class_of, frameworks_of, is_estimator, is_search
from autotrack_sklearn.folds import Folds
from autotrack_sklearn.recording import Options, Recording
from autotrack_sklearn.schema import schema_of
from autotrack_sklearn.values import plain


def start(subject: Any, options: Options, *, is_current: bool = True) -> Recording | None:
    """Start a recording; return None in a worker, and inside the run of another framework.

    With `is_current=False`, other estimators that are fitted meanwhile have runs of their own.
    """
    outer = options.run.enclosing_run()
    if outer is None:
        if is_worker():
            return None
        frameworks = frameworks_of(subject)
        kind = f"fit of {type(subject).__name__}"
        run = options.run.start_run(started_by="sklearn", frameworks=frameworks, kind=kind, is_current=is_current)
    elif outer.started_by == "user":
        run = outer
    else:
        return None
    label, prefix = registry.current.runs.label_fit(run, type(subject).__name__)
    recording = Recording(run, subject, options, label=label, prefix=prefix, owns_run=outer is None)
    if is_search(subject):
        caller = subject if hasattr(subject, "set_callbacks") else None  # tasks name it from scikit-learn 1.9 on
        recording.folds = Folds(run, caller=caller, first=registry.current.runs.first_trial(run))
    return recording


def describe(recording: Recording) -> None:
    """Record the params of the estimator as they are before the fit, and what it is made of."""
    subject, run = recording.subject, recording.run
    deep = params.deep_params(subject)
    run.log_params({name: plain(value) for name, value in deep.items()}, recording.label)
    if changed := params.changed_params(subject):
        run.log_params(changed, f"{recording.label}.changed")
    tag = f"{recording.label}.estimator" if recording.prefix else "estimator"
    run.log_tags({tag: class_of(subject)})
    rows = [[name, class_of(value)] for name, value in deep.items() if is_estimator(value)]
    if rows:
        run.log_table(f"{recording.prefix}steps", rows, columns=["name", "class"])


def describe_data(
    recording: Recording, features: Any, target: Any, weights: Any = None, name: str | None = None
) -> None:
    """Record the data of the fit, and the preprocessing that it went through."""
    with attempt("sklearn data"):
        recording.input_schema, recording.output_schema = schema_of(features), schema_of(target)
        recording.input_rows = RunFiles(recording.run).rows_of(features)
        log_dataset(recording.run, "train", features, target, name)
        if weights is not None:
            recording.run.log_dataset("train", weights, "sample_weight")
    for kind, values in registry.current.prepared_data.steps_of(features):
        recording.run.log_params({f"{kind}.{key}": value for key, value in values.items()}, "preprocessing")


def log_dataset(run: autotrack.Run, role: str, features: Any, target: Any, name: str | None) -> None:
    """Describe features and labels as one data set; some estimators take neither."""
    if features is None and target is None:
        return
    run.log_dataset(role, features if target is None else (features, target), name)
