"""How deep values may be nested. What autotrack records is never deeper than a few dozen lists and mappings.

JSON of somebody else may be nested without end. Readers go through values level by level, and a value that is decoded
just within the limit of Python would raise `RecursionError` in one of them, far from where it came from. So what is
too deep is left out where it is read, in one place for all readers.
"""

from typing import Any

from autotrack.journal import records

DEEPEST = 100

_HOLDING_ANYTHING: dict[type[records.Record], tuple[str, ...]] = {
    records.Params: ("values", "defaults"),
    records.Environment: ("values",),
    records.Trial: ("params",),
    records.Plot: ("data",),
    records.Table: ("rows",),
    records.Model: ("flavors",),
}


_NEEDLES = (b"\\u", *(f'"{kind.__name__}"'.encode() for kind in _HOLDING_ANYTHING))


def without_too_deep(batch: list[records.AnyRecord], lines: bytes) -> list[records.AnyRecord]:
    """Return the records that are not nested too deep, of those that `lines` hold.

    Most are numbers, which cannot be, and to ask each record takes longer than to decode it: so a search of bytes
    comes first. A name may be written with escapes.
    """
    if not any(needle in lines for needle in _NEEDLES) or not any(map(is_too_deep, batch)):
        return batch
    return [record for record in batch if not is_too_deep(record)]


def is_too_deep(record: records.AnyRecord) -> bool:
    """Return whether anything in a record is nested deeper than autotrack would have recorded it."""
    names = _HOLDING_ANYTHING.get(record.__class__)
    return names is not None and are_too_deep(getattr(record, name) for name in names)


def are_too_deep(values: Any) -> bool:
    """Return whether any of these values is nested deeper than `DEEPEST`.

    >>> nested = []
    >>> for _ in range(200):
    ...     nested = [nested]
    >>> are_too_deep([1, {"a": [2]}]), are_too_deep([{"a": nested}])
    (False, True)
    """
    level = [value for value in values if value.__class__ is dict or value.__class__ is list]
    for _ in range(DEEPEST):
        if not level:
            return False
        level = [
            inner
            for outer in level
            for inner in (outer.values() if outer.__class__ is dict else outer)
            if inner.__class__ is dict or inner.__class__ is list
        ]
    return bool(level)
