"""The one hook around scikit-learn's tasks, which autolog and callbacks share."""

from autotrack.integrations import Hook, Patch, is_autologging


class TaskWatch:
    """Keeps the hook in place for as long as autolog is on or a callback has asked for it."""

    def __init__(self) -> None:
        self._patch: Patch | None = None
        self._callbacks = 0

    def patch(self, kind: type, hook: Hook) -> Patch:
        """Return the hook around the tasks of this class."""
        if self._patch is None or self._patch.owner is not kind:
            self._patch = Patch(kind, "__call__", hook)
        return self._patch

    def begin(self, kind: type, hook: Hook) -> None:
        """Put the hook in place for a callback, until as many calls of `end`."""
        self._callbacks += 1
        self.patch(kind, hook).apply()

    def end(self) -> None:
        """Take the hook away, unless autolog or another callback needs it."""
        self._callbacks -= 1
        if self._patch is not None and not self._callbacks and not is_autologging("sklearn"):
            self._patch.revert()
