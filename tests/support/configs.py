"""Configs as people write them, for tests of what is read off them."""

from typing import Any


class Magic:
    """A config as people write them: its attributes come from a dict, and others raise what the dict raises."""

    def __init__(self, **values: Any) -> None:
        self._values = values

    def __getattr__(self, name: str) -> Any:
        if name == "_values":
            raise AttributeError(name)
        return self._values[name]
