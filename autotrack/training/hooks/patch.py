"""The firewall round patched callables: whatever happens in a hook, the original runs as if nobody watched.

A hook is a generator function that takes the arguments of the original and yields once: before the `yield` the
original has not run, after it the hook holds an `Outcome`. The core runs the original, so it is never in doubt
whose exception it is.
"""

import contextlib
import functools
import inspect
from collections.abc import Callable, Generator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from autotrack.training.hooks.faults import report_fault
from autotrack.training.hooks.overhead import overhead


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the original ended: with a `result`, or with an `error` that is on its way to the caller."""

    result: Any = None
    error: BaseException | None = None


Hook = Callable[..., Generator[None, Outcome, None]]


def _nothing() -> None:
    """There is nothing that the hook is left out for."""


class Patch:
    """A hook round the callable `name` of a class or module; `apply` and `revert` as often as you like.

    Calls for which `unless()` returns something are left alone; asking that costs a tenth of entering the hook.
    The patched callable keeps its name, docstring, signature, kind of descriptor and pickling; of an inherited method,
    the qualified name becomes that of the class which is patched. `revert` puts the very object back that was there;
    when somebody else has patched it meanwhile, ours is switched off in place.
    """

    def __init__(
        self, owner: type | ModuleType, name: str, hook: Hook, *, unless: Callable[[], object] = _nothing
    ) -> None:
        self.owner = owner
        self.name = name
        self._hook = hook
        self._unless = unless
        self._active = False
        self._was_own = False
        self._found: Any = None
        self._put: Any = None
        self._made: Any = None
        self._wrapper: Callable[..., Any] | None = None

    def __repr__(self) -> str:
        return f"<Patch {self.owner.__name__}.{self.name}>"

    def apply(self) -> None:
        """Put the hook in place. Raises `AttributeError` when there is nothing of that name."""
        if self._put is not None and self.owner.__dict__.get(self.name) is self._put:
            self._active = True
            return
        found, was_own = inspect.getattr_static(self.owner, self.name), self.name in self.owner.__dict__
        if self._made is not None and found is self._found and was_own == self._was_own:
            self._put = self._made  # some hooks are put and taken away with every run
        else:
            self._found, self._was_own = found, was_own
            if isinstance(found, (staticmethod, classmethod)):
                self._put = type(found)(self._wrap(found.__func__))
            else:
                self._put = self._wrap(found)
            self._made = self._put
        setattr(self.owner, self.name, self._put)
        self._active = True

    def revert(self) -> None:
        """Take the hook away."""
        self._active = False
        if self._put is None or self.owner.__dict__.get(self.name) is not self._put:
            return
        if self._was_own:
            setattr(self.owner, self.name, self._found)
        else:
            delattr(self.owner, self.name)
        self._put = None

    def _wrap(self, original: Callable[..., Any]) -> Callable[..., Any]:
        about = f"{self.owner.__name__}.{self.name}"

        @functools.wraps(original)
        def patched(*args: Any, **kwargs: Any) -> Any:
            # Somebody else's patch may lie between an earlier wrapper of ours and the present one, which alone works.
            if not self._active or self._wrapper is not patched or self._unless() is not None:
                return original(*args, **kwargs)
            running = _enter(self._hook, about, args, kwargs)
            try:
                result = original(*args, **kwargs)
            except BaseException as error:
                _leave(running, about, Outcome(error=error))
                raise
            _leave(running, about, Outcome(result=result))
            return result

        if isinstance(self.owner, type) and not self._was_own:  # pickle looks for it under this name
            patched.__module__, patched.__qualname__ = self.owner.__module__, f"{self.owner.__qualname__}.{self.name}"
        with contextlib.suppress(ValueError):  # some callables of C have no signature
            vars(patched)["__signature__"] = inspect.signature(original)  # for inspect.getfullargspec
        self._wrapper = patched
        return patched


def _enter(hook: Hook, about: str, args: Any, kwargs: Any) -> Generator[None, Outcome, None] | None:
    outermost = overhead.start()
    try:
        running = hook(*args, **kwargs)
        next(running)
    except StopIteration:  # the hook had nothing to do afterwards
        return None
    except Exception as fault:  # noqa: BLE001  this is the firewall
        report_fault(about, fault)
        return None
    finally:
        if outermost:
            overhead.stop()
    return running


def _leave(running: Generator[None, Outcome, None] | None, about: str, outcome: Outcome) -> None:
    if running is None:
        return
    outermost = overhead.start()
    try:
        running.send(outcome)
    except StopIteration:
        return
    except Exception as fault:  # noqa: BLE001  this is the firewall
        report_fault(about, fault)
    else:
        report_fault(about, "a hook must yield exactly once")
    finally:
        if outermost:
            overhead.stop()
