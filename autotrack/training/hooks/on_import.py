"""Calls back when a module has been imported, so that a hook costs nothing until its framework is there.

The standard library has no such event; wrapt has one, and takes 100 modules and asyncio to import.
"""

import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

Callback = Callable[[ModuleType], None]


class _Watcher(MetaPathFinder):
    """Finds nothing itself: asks the other finders, and has the loader they name call back."""

    def __init__(self) -> None:
        self.callbacks: dict[str, Callback] = {}
        self._asking: set[str] = set()

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002  the protocol of finders
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if fullname not in self.callbacks or fullname in self._asking:
            return None
        self._asking.add(fullname)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._asking.discard(fullname)
        if spec is not None and spec.loader is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _CallingLoader(spec.loader, self.callbacks)
        return spec


class _CallingLoader(Loader):
    """Loads as the framework's own loader does, puts that one back in its place, and calls back."""

    def __init__(self, loader: Loader, callbacks: dict[str, Callback]) -> None:
        self._loader = loader
        self._callbacks = callbacks

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        if callback := self._callbacks.get(module.__name__):
            callback(module)


_watcher = _Watcher()


def when_imported(name: str, callback: Callback) -> None:
    """Call back with the module `name`: now when it is imported already, otherwise once it is."""
    module = sys.modules.get(name)
    if module is not None and not getattr(module.__spec__, "_initializing", False):
        callback(module)
        return
    _watcher.callbacks[name] = callback
    if _watcher not in sys.meta_path:
        sys.meta_path.insert(0, _watcher)


def forget(name: str) -> None:
    """Do not call back for the module `name` any more."""
    _watcher.callbacks.pop(name, None)
    if not _watcher.callbacks and _watcher in sys.meta_path:
        sys.meta_path.remove(_watcher)
