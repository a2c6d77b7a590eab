"""Reads a pickle of PyTorch as a description of what it would make, without making it: nothing in it is executed."""

import io
import pickle
from collections import OrderedDict
from typing import Any, NamedTuple

_MOST_BYTES = 2**26


class Storage(NamedTuple):
    """A block of numbers that lies beside the pickle under `key`; `dtype` is the name of its class."""

    key: str
    dtype: str


class Inert(type):
    """What a pickle names or would make: `origin` is its name, or what would have been called with `arguments`.

    These are classes because pickles create objects of what they have named or made before, which has to be a class.
    """

    origin: Any
    arguments: tuple[Any, ...]
    states: list[Any]

    def __call__(cls, *arguments: Any, **_: Any) -> "Inert":
        """Note that it would be called."""
        return _inert(cls, arguments)

    def __setstate__(cls, state: Any) -> None:
        """Note the attributes that it would be given."""
        cls.states.append(state)

    def __setitem__(cls, key: Any, value: Any) -> None:
        """Let entries of a mapping of a class of its own go."""

    def append(cls, value: Any) -> None:
        """Let items of a sequence of a class of its own go."""

    def add(cls, value: Any) -> None:
        """Let items of a set of a class of its own go."""

    @property
    def attributes(cls) -> dict[str, Any]:
        """The attributes that it would have, as far as they are told."""
        found: dict[str, Any] = {}
        for state in cls.states:
            for part in state if isinstance(state, tuple) else (state,):
                if isinstance(part, dict):
                    found |= {name: value for name, value in part.items() if isinstance(name, str)}
        return found


def _inert(origin: Any, arguments: tuple[Any, ...]) -> Inert:
    names = {
        "origin": origin,
        "arguments": arguments,
        "states": [],
        "__new__": lambda cls, *given, **_: _inert(cls, given),
    }
    return Inert("Inert", (), names)


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) in (("builtins", "set"), ("__builtin__", "set")):
            return set
        return _inert(f"{module}.{name}", ())

    def persistent_load(self, pid: Any) -> Any:
        if isinstance(pid, tuple) and len(pid) >= 3 and pid[0] == "storage":
            dtype = pid[1].origin if isinstance(pid[1], Inert) else str(pid[1])
            return Storage(str(pid[2]), str(dtype).rpartition(".")[2])
        return None


def read(content: bytes) -> Any:
    """Return what a pickle describes: plain data, `Storage`, and `Inert` for all else. Raises `ValueError`."""
    if len(content) > _MOST_BYTES:
        raise ValueError("it holds too much besides weights")
    try:
        return _Reader(io.BytesIO(content)).load()
    except Exception as error:  # a damaged pickle raises nearly anything
        raise ValueError(f"it cannot be read: {error}") from error
