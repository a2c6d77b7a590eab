"""The hook around the tasks that scikit-learn hands to joblib: each is inside of a recording, and may be a fold of it.

In the threads of this process the hook sees every task. Another process gets only what is pickled: the callback of
scikit-learn 1.9, which sets up the same hook there and writes to a journal of that process.
"""

from collections.abc import Generator
from time import time
from typing import Any

from autotrack.integrations import Outcome, Patch, is_worker
from autotrack_sklearn import registry
from autotrack_sklearn.recording import Recording

_FITTING = {"_fit_and_score", "_fit_and_predict"}


def patch(kind: type) -> Patch:
    """Return the hook around the tasks of this class, which autolog and callbacks share."""
    return registry.current.task_watch.patch(kind, _in_task)


def watch() -> None:
    """Watch tasks for a callback, until as many calls of `unwatch`; autolog does so anyway."""
    from sklearn.utils.parallel import _FuncWrapper  # autolog imports nothing of scikit-learn that the user does not

    registry.current.task_watch.begin(_FuncWrapper, _in_task)


def unwatch() -> None:
    """Stop watching tasks, unless autolog or another callback asked for it."""
    registry.current.task_watch.end()


def _in_task(task: Any, *_args: Any, **kwargs: Any) -> Generator[None, Outcome, None]:
    """Hook around a task of scikit-learn, in whichever thread or process it runs."""
    folds = registry.current.parent_folds.of(getattr(kwargs.get("callback_ctx"), "root_uuid", None))
    if folds is None and not is_worker():
        call = registry.current.scope.of_task()
        if call is None:
            return
        if isinstance(call, Recording):
            folds = call.folds
    name = getattr(getattr(task, "function", None), "__name__", "")
    with registry.current.scope.enter():
        started = time()
        outcome = yield
    if folds is not None and name in _FITTING:
        folds.add(kwargs, outcome, started)
