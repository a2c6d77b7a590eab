"""The firewall around patched callables: whatever happens in a hook, the original runs as if nobody watched.

A hook is a generator function that takes the arguments of the original and yields once: before the `yield` the
original has not run; the `yield` returns its `Outcome`. The core runs the original, so it is never in doubt whose
exception it is.
"""

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from autotrack.training.hooks.faults import report_fault
from autotrack.training.hooks.importlib_bootstrap_wrapper import wrap
from autotrack.training.hooks.overhead import overhead
from autotrack.training.terminal import held_lines


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the original ended: with a `result`, or with an `error` that is about to reach the caller."""

    result: Any = None
    error: BaseException | None = None


Hook = Callable[..., Generator[None, Outcome, None]]

Concerns = Callable[[tuple[Any, ...], dict[str, Any]], bool]
"""Tells from the arguments of a call, as a tuple and a dict, whether a hook has anything to do. It must not raise."""


class Guard:
    """Runs a hook around one wrapper, and turns whatever fails in the hook into a notice."""

    __slots__ = ("_about", "_hook", "concerns", "is_on")

    def __init__(self, hook: Hook, about: str, concerns: Concerns | None) -> None:
        self.is_on = False
        self.concerns = concerns
        self._hook = hook
        self._about = about

    def __reduce__(self) -> tuple[type, tuple[()]]:
        """Be pickled as False, which needs no class of ours to be read."""
        return bool, ()

    def enter(self, args: Any, kwargs: Any) -> Generator[None, Outcome, None] | None:
        """Run the first half of the hook; return what is left of it, or None."""
        outermost = overhead.start()
        try:
            running = self._hook(*args, **kwargs)
            next(running)
        except StopIteration:  # the hook had nothing to do afterwards
            return None
        except Exception as fault:  # noqa: BLE001  this is the firewall
            report_fault(self._about, fault)
            return None
        finally:
            if outermost:
                overhead.stop()
        return running

    def leave(
        self, running: Generator[None, Outcome, None], result: Any = None, error: BaseException | None = None
    ) -> None:
        """Run the second half of the hook, given how the original ended."""
        outermost = overhead.start()
        try:
            running.send(Outcome(result, error))
        except StopIteration:
            return
        except Exception as fault:  # noqa: BLE001  this is the firewall
            report_fault(self._about, fault)
        else:
            report_fault(self._about, "a hook must yield exactly once")
        finally:
            if outermost:
                overhead.stop()
                if held_lines.waiting:  # the framework has drawn its last bar
                    held_lines.release()


class Patch:
    """A hook around the callable `name` of a class or module. It can be applied and reverted any number of times.

    Calls for which `concerns` returns False skip the hook; asking costs a tenth of entering it.
    A call that is made many times a step, and by few lines, may have a wrapper of its own instead of a hook: `wrap`
    gets the original and a guard, and has to let the original run alone when `guard.is_on` is false.
    The patched callable keeps its name, docstring, signature, kind of descriptor and pickling. Only the qualified name
    of an inherited method changes, to that of the patched class, and the module of a function that was imported into
    the patched one. `revert` restores the very object that was there. If
    somebody else has patched the callable since, the wrapper stays in place and does nothing.
    """

    def __init__(
        self,
        owner: type | ModuleType,
        name: str,
        hook: Hook | None = None,
        *,
        concerns: Concerns | None = None,
        wrap: Callable[[Callable[..., Any], Any], Callable[..., Any]] = wrap,
    ) -> None:
        self.owner = owner
        self.name = name
        self._hook = hook or _no_hook
        self._make_wrapper = wrap
        self._concerns = concerns
        self._guard: Guard | None = None
        self._was_own = False
        self._original: Any = None
        self._replacement: Any = None
        self._last_replacement: Any = None

    @staticmethod
    def by_registering(owner: ModuleType, name: str, hook: Callable[..., Any]) -> "Patch":
        """Return a patch that hands `hook` to a function of the framework which registers hooks.

        The function has to return a handle with a method `remove`. The framework calls the hook itself, which must not
        raise: nothing stands between the two.
        """
        return _Registration(owner, name, hook)

    def __repr__(self) -> str:
        return f"<Patch {self.owner.__name__}.{self.name}>"

    def apply(self) -> None:
        """Put the hook in place. Raises `AttributeError` if the owner has nothing of that name."""
        if self._replacement is not None and self._is_in_chain():
            self._switch(is_on=True)
            return
        original, was_own = inspect.getattr_static(self.owner, self.name), self.name in self.owner.__dict__
        if self._last_replacement is not None and original is self._original and was_own == self._was_own:
            self._replacement = self._last_replacement  # some hooks are applied and reverted with every run
        else:
            self._original, self._was_own = original, was_own
            if isinstance(original, (staticmethod, classmethod)):
                self._replacement = type(original)(self._wrap(original.__func__))
            else:
                self._replacement = self._wrap(original)
            self._last_replacement = self._replacement
        setattr(self.owner, self.name, self._replacement)
        self._switch(is_on=True)

    def _is_in_chain(self) -> bool:
        """Whether the wrapper is there, alone or below others of ours."""
        ours, found = _function(self._replacement), _function(self.owner.__dict__.get(self.name))
        while found is not ours and getattr(found, "__code__", None) is ours.__code__:
            found = found.__wrapped__
        return found is ours

    @property
    def is_in_place(self) -> bool:
        """Whether the wrapper is still there, switched on or not."""
        return self._replacement is not None

    def revert(self) -> None:
        """Switch the hook off, and remove it unless it is below another one."""
        self._switch(is_on=False)
        if self._replacement is None or self.owner.__dict__.get(self.name) is not self._replacement:
            return
        if self._was_own:
            setattr(self.owner, self.name, self._original)
        else:
            delattr(self.owner, self.name)
        self._replacement = None

    def _switch(self, *, is_on: bool) -> None:
        if self._guard is not None:
            self._guard.is_on = is_on

    def _wrap(self, original: Callable[..., Any]) -> Callable[..., Any]:
        self._switch(is_on=False)  # an earlier wrapper may still be below somebody else's patch: only the latest works
        self._guard = Guard(self._hook, f"{self.owner.__name__}.{self.name}", self._concerns)
        patched = functools.wraps(original)(self._make_wrapper(original, self._guard))
        if isinstance(self.owner, type) and not self._was_own:  # where pickle looks it up
            patched.__module__, patched.__qualname__ = self.owner.__module__, f"{self.owner.__qualname__}.{self.name}"
        elif isinstance(self.owner, ModuleType) and sys.modules.get(self.owner.__name__) is self.owner:
            patched.__module__ = self.owner.__name__  # it may have been imported from another one
        with contextlib.suppress(ValueError):  # some callables written in C have no signature
            vars(patched)["__signature__"] = inspect.signature(original)  # for inspect.getfullargspec
        return patched


class _Registration(Patch):
    """A hook that the framework itself has a place for: the function `name` of a module registers it."""

    def __init__(self, owner: ModuleType, name: str, hook: Callable[..., Any]) -> None:
        super().__init__(owner, name)
        self._registered = hook
        self._handle: Any = None

    def apply(self) -> None:
        """Register the hook, once."""
        if self._handle is None:
            self._handle = getattr(self.owner, self.name)(self._registered)

    @property
    def is_in_place(self) -> bool:
        """Whether the hook is registered."""
        return self._handle is not None

    def revert(self) -> None:
        """Take the hook out."""
        if self._handle is not None:
            self._handle.remove()
            self._handle = None


def _no_hook(*_args: Any, **_kwargs: Any) -> Generator[None, Outcome, None]:
    yield


def _function(found: Any) -> Any:
    return found.__func__ if isinstance(found, (staticmethod, classmethod)) else found
