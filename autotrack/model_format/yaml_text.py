"""Writes the little YAML that model folders need: mappings, lists and scalars.

No YAML library is among what autotrack needs, and every reader of MLflow's format has one.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_WORDS = frozenset("y n yes no on off true false null".split())
"""Texts that YAML would take for something else."""


def dump(content: Mapping[str, Any]) -> str:
    """Return a mapping as YAML. Its values are texts, numbers, booleans, None, and lists and mappings of these.

    >>> print(dump({"flavors": {"keras": {"data": "model"}}, "sizes": [1, None], "empty": {}}), end="")
    flavors:
      keras:
        data: model
    sizes:
      - 1
      - null
    empty: {}
    """
    return "".join(f"{line}\n" for line in _lines(content))


def _lines(content: Mapping[str, Any] | list[Any]) -> Iterator[str]:
    items = content.items() if isinstance(content, Mapping) else ((None, value) for value in content)
    for name, value in items:
        head = "-" if name is None else f"{_scalar(name)}:"
        if isinstance(value, (Mapping, list)) and value:
            inner = list(_lines(value))
            yield from ([head, *(f"  {line}" for line in inner)])
        else:
            yield f"{head} {_scalar(value)}"


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    if value.isascii() and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return f'"{"".join(map(_escaped, value))}"'


def _escaped(character: str) -> str:
    if " " <= character <= "~" and character not in '"\\':
        return character
    return f"\\U{ord(character):08x}"  # what YAML may not contain as it is, control characters among it
