"""Calls back when a module has been imported, so that a hook costs nothing until its framework is used.

The standard library has no such event. The library wrapt has one, but importing it loads 100 modules and asyncio.
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
    """Finds nothing itself: it asks the other finders and makes the loader that they return call back."""

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
    """Loads a module with its own loader, restores that loader on the module, and calls back."""

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
    """Call back with the module `name`: now if it has been imported already, otherwise when it is imported."""
    module = sys.modules.get(name)
    if module is not None and not getattr(module.__spec__, "_initializing", False):
        callback(module)
        return
    _watcher.callbacks[name] = callback
    if _watcher not in sys.meta_path:
        sys.meta_path.insert(0, _watcher)


def forget(name: str) -> None:
    """Stop calling back for the module `name`."""
    _watcher.callbacks.pop(name, None)
    if not _watcher.callbacks and _watcher in sys.meta_path:
        sys.meta_path.remove(_watcher)
