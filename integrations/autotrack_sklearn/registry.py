"""Everything that this process knows of scikit-learn's estimators, their results and their runs.

The modules of this package keep nothing of their own; they ask `registry.current`. A test replaces it by an empty one:

    monkeypatch.setattr(registry, "current", registry.Registry())
"""

from dataclasses import dataclass, field

from autotrack_sklearn.calls import Calls
from autotrack_sklearn.classes import Classes
from autotrack_sklearn.folds import ParentFolds
from autotrack_sklearn.models import Models
from autotrack_sklearn.partial_fit_run import PartialFits
from autotrack_sklearn.prepared_data import PreparedData
from autotrack_sklearn.recording import Options
from autotrack_sklearn.runs import Runs
from autotrack_sklearn.scope import Scope, UnderWay
from autotrack_sklearn.task_watch import TaskWatch


@dataclass
class Registry:
    """What is known, by what it is about.

    Attributes:
        options: What `configure` chose.
        scope: The calls that are under way.
        models: Which run a model belongs to, and which model a result comes from.
        prepared_data: Which preprocessing data went through.
        runs: What has been written to each run.
        partial_fits: The runs of estimators that are trained by `partial_fit`.
        parent_folds: In a worker process, the searches that its tasks belong to.
        task_watch: The hook around tasks.
        classes: Facts about classes of estimators.
        calls: The calls in the user's code that were read.
    """

    options: Options = field(default_factory=Options)
    scope: Scope = field(default_factory=Scope)
    models: Models = field(default_factory=Models)
    prepared_data: PreparedData = field(default_factory=PreparedData)
    runs: Runs = field(default_factory=Runs)
    partial_fits: PartialFits = field(default_factory=PartialFits)
    parent_folds: ParentFolds = field(default_factory=ParentFolds)
    task_watch: TaskWatch = field(default_factory=TaskWatch)
    classes: Classes = field(default_factory=Classes)
    calls: Calls = field(default_factory=Calls)


current = Registry()


def under_way() -> UnderWay | None:
    """Return the call that is under way in this thread, or None."""
    return current.scope.here.get()


def is_outermost(_args: object, _kwargs: object) -> bool:
    """Whether no call is under way in this thread; the only cost of a hook to a nested call."""
    return current.scope.here.get() is None
