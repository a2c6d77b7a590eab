"""One outermost call being recorded: its run, its params and data, and what it came to."""

from collections import Counter
from collections.abc import Mapping
from time import perf_counter, time
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import autotrack
from autotrack.integrations import attempt, end_run, is_worker, log_numbers
from autotrack_sklearn import binding, fitted, keeping, params, plots, search
from autotrack_sklearn.binding import Model
from autotrack_sklearn.options import Options

if TYPE_CHECKING:
    from autotrack_sklearn.tasks import Folds

_labels_of_runs: WeakKeyDictionary[autotrack.Run, Counter[str]] = WeakKeyDictionary()
_SLOW_SECONDS = 0.1


class Recording:
    """What is recorded of one fit or one validation, in a run of its own or in the one that a person started.

    In a run that holds several, names of the first are plain; those of later ones begin with their `label`.
    """

    def __init__(self, run: autotrack.Run, subject: Any, options: Options, *, owns_run: bool) -> None:
        self.run = run
        self.subject = subject
        self.options = options
        self.owns_run = owns_run
        self.label, self.prefix = _label(run, type(subject).__name__)
        self.folds: Folds | None = None
        self.inner_result: Any = None
        self.started = time()
        self._began = perf_counter()

    @classmethod
    def start(cls, subject: Any, options: Options, *, is_current: bool = True) -> "Recording | None":
        """Start a recording; None in a worker, and inside the run of another framework.

        With `is_current=False`, what else is fitted meanwhile has runs of its own.
        """
        outer = autotrack.current_run()
        if outer is not None:
            return cls(outer, subject, options, owns_run=False) if outer.started_by == "user" else None
        if is_worker():
            return None
        frameworks = params.frameworks_of(subject)
        run = options.run.start_run(started_by="sklearn", frameworks=frameworks, is_current=is_current)
        return cls(run, subject, options, owns_run=True)

    def log(self, values: Mapping[str, Any], step: int | None = None, *, stage: str | None = None) -> None:
        """Log numbers under names that say which fit they are of; those of a whole fit are of step 0."""
        log_numbers(
            self.run, {f"{self.prefix}{name}": value for name, value in values.items()}, step or 0, stage=stage
        )

    # ---- the beginning

    def describe(self) -> None:
        """Record the params of the estimator as they are before the fit, and what it is made of."""
        given = params.deep_params(self.subject)
        self.run.log_params({name: params.plain(value) for name, value in given.items()}, self.label)
        if changed := params.changed_params(self.subject):
            self.run.log_params(changed, f"{self.label}.changed")
        tag = f"{self.label}.estimator" if self.prefix else "estimator"
        self.run.log_tags({tag: params.class_of(self.subject)})
        rows = [[name, params.class_of(value)] for name, value in given.items() if params.is_estimator(value)]
        if rows:
            self.run.log_table(f"{self.prefix}steps", rows, columns=["name", "class"])

    def describe_data(self, features: Any, target: Any, weights: Any = None, name: str | None = None) -> None:
        """Record the data of the fit, and the preprocessing that it went through."""
        with attempt("sklearn data"):
            log_dataset(self.run, "train", features, target, name)
            if weights is not None:
                self.run.log_dataset("train", weights, "sample_weight")
        for kind, values in steps_of(features):
            self.run.log_params({f"{kind}.{key}": value for key, value in values.items()}, "preprocessing")

    def bind(self, model: Any, features: Any, name: str | None) -> Model:
        """Have what this model will be asked for belong to the run."""
        bound = Model(self.run, self.prefix, binding.reference(features), name)
        binding.models[model] = bound
        return bound

    # ---- the end

    def conclude(self, features: Any, target: Any, name: str | None = None) -> None:
        """Record what the fit came to, all of it read off the fitted estimator."""
        seconds = perf_counter() - self._began
        model, final = self.subject, params.final_of(self.subject)
        bound = self.bind(model, features, name)
        if final is not model:
            binding.models[final] = bound
        with attempt("sklearn search"):
            search.record(self)
        with attempt("sklearn fitted attributes"):
            fitted.record(self, final, seconds)
        with attempt("sklearn labels"):
            labels = vars(final).get("labels_")
            if labels is not None and features is not None:
                binding.remember_result(labels, binding.Result(bound, "labels_", None, bound.features, name))
        with attempt("sklearn plots"):
            plots.of_model(self, model, final, quick=seconds < _SLOW_SECONDS)
        if self.options.training_metrics:
            with attempt("sklearn training metrics"):
                fitted.record_training_metrics(self, features, target)
        if self.options.keep_model:
            with attempt("sklearn model"):
                keeping.keep(self, search.refitted(model), features, target, seconds=seconds)
        with attempt("sklearn estimator.html"):
            keeping.draw(self)

    def finish(self, error: BaseException | None) -> None:
        """End the run, if it is the recording's own."""
        end_run(self.run, error, is_own=self.owns_run)


def log_dataset(run: autotrack.Run, role: str, features: Any, target: Any, name: str | None) -> None:
    """Describe features and labels as one data set."""
    run.log_dataset(role, features if target is None else (features, target), name)


def steps_of(features: Any) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Return the preprocessing that this very data, or what it is a view of, went through."""
    known = binding.prepared.get(features) or binding.prepared.get(binding.root(features))
    return known.steps if known is not None else ()


def _label(run: autotrack.Run, name: str) -> tuple[str, str]:
    """Return a name for one of the fits of a run, and what its names begin with."""
    labels = _labels_of_runs.setdefault(run, Counter())
    is_first = not labels
    labels[name] += 1
    label = name if labels[name] == 1 else f"{name}-{labels[name]}"
    return label, "" if is_first else f"{label}/"
