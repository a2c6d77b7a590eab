"""The function that stands in for a patched callable, in a file whose name keeps it out of the way of others.

`warnings.warn(..., stacklevel=2)` in the original points at its caller, and filters for warnings go by the module of
that caller. The wrapper stands between the two. Python's `warnings` and `logging` count no frame of a file that has
both "importlib" and "_bootstrap" in its name, as they do not show the machinery of imports; hence the name of this
one. In tracebacks the wrapper is a frame like any other.

A class of the user's script may be pickled by value, as cloudpickle does, and its methods with it. So `patched` uses
no global of autotrack, and its guard is pickled as nothing at all: where such a class is read, the wrapper only calls
the original, and autotrack need not be installed there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def wrap(original: Callable[..., Any], guard: Any) -> Callable[..., Any]:
    """Return a function that calls the original between the two halves of the hook that its `Guard` keeps."""

    def patched(*args: Any, **kwargs: Any) -> Any:
        if not guard or not guard.is_on or (guard.concerns is not None and not guard.concerns(args, kwargs)):
            return original(*args, **kwargs)
        running = guard.enter(args, kwargs)
        try:
            result = original(*args, **kwargs)
        except BaseException as error:
            if running is not None:
                guard.leave(running, error=error)
            raise
        if running is not None:
            guard.leave(running, result)
        return result

    return patched
