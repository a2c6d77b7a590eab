"""Sees classes as they are defined below some bases, also where a base has no `__init_subclass__` of its own."""

import functools
from collections.abc import Callable
from typing import Any


class Definitions:
    """What defines classes below these bases, as an attribute that can be patched.

    Most mixins of scikit-learn inherit `__init_subclass__` from `object`. As long as a patch is in place, each base
    has a method of its own, which calls what the patch put there.
    """

    define: Callable[..., None]

    def __init__(self, bases: tuple[type, ...]) -> None:
        replaced: dict[type, tuple[Any, Any]] = {}

        def define(base: Any, kind: Any, /, **kwargs: Any) -> None:
            """Do what the base would have done, or else what comes after it among the bases of the new class."""
            before = replaced[base][1]
            if before is None:
                super(base, kind).__init_subclass__(**kwargs)
            else:
                before.__get__(None, kind)(**kwargs)

        vars(self).update(
            __name__=bases[0].__name__, define=define, _original=define, _bases=bases, _replaced=replaced
        )

    def __setattr__(self, name: str, value: Any) -> None:
        vars(self)[name] = value
        if name == "define":
            self._restore()
            if value is not vars(self)["_original"]:
                for base in vars(self)["_bases"]:
                    self._put(base, value)

    def _put(self, base: type, define: Callable[..., None]) -> None:
        before = vars(base).get("__init_subclass__")
        inherited: Any = base.__init_subclass__
        first, original = vars(self)["_bases"][0], vars(self)["_original"]

        @functools.wraps(getattr(inherited, "__func__", inherited))
        def init_subclass(kind: type, /, **kwargs: Any) -> None:
            if base is first or not issubclass(kind, first):
                define(base, kind, **kwargs)
            else:  # the first base sees it as well
                original(base, kind, **kwargs)

        put: Any = classmethod(init_subclass)
        vars(self)["_replaced"][base] = put, before
        base.__init_subclass__ = put  # type: ignore[method-assign]  # mypy takes it for a plain function

    def _restore(self) -> None:
        """Take away what was put in place; what somebody else has put there since stays."""
        for base, (put, before) in vars(self)["_replaced"].items():
            if vars(base).get("__init_subclass__") is not put:
                continue
            if before is None:
                del base.__init_subclass__
            else:
                base.__init_subclass__ = before
