"""Methods of one of Lightning's objects that are replaced by ours, on that object alone."""

from collections.abc import Callable
from functools import partial
from typing import Any


def replace(owner: Any, name: str, method: Callable[..., None]) -> Callable[..., None]:
    """Replace a method of this object until it is restored, and return its own one."""
    original: Callable[..., None] = getattr(owner, name)
    setattr(owner, name, _Replacement(method).of(owner, name))
    return original


def restore(owner: Any, *names: str) -> None:
    """Give the object its own methods back."""
    for name in names:
        vars(owner).pop(name, None)


class _Replacement(partial[Any]):
    """A method of ours in place of one of Lightning's; copies of the object have Lightning's own."""

    def of(self, owner: Any, name: str) -> "_Replacement":
        """Say whose method it replaces."""
        self._owner, self._name = owner, name
        return self

    def __reduce__(self) -> Any:
        return getattr, (self._owner, self._name)
