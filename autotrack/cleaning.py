"""Takes the secrets out of the records of one run, and remembers what they were called."""

from functools import cache
from typing import Any, TypeVar, cast

import msgspec

from autotrack import records
from autotrack.redaction import Redactor

_UNTOUCHED = {"id", "path", "sha256", "schema", "metrics", "shared_rows"}
"""Fields that hold no text of the user's, or names of columns and metrics that only sound secret."""

_OF_NUMBERS = (records.Metrics, records.Trial, records.SystemStats)
"""Records whose `values` are numbers."""

_R = TypeVar("_R", bound=records.Record)


@cache
def _redactor_of_this_process() -> Redactor:
    return Redactor()


class Cleaner:
    """Cleans the records of one run with its `redactor`."""

    def __init__(self) -> None:
        self.redactor = _redactor_of_this_process()
        self._found: set[str] = set()
        self._told: set[str] = set()

    def clean(self, record: _R) -> _R:
        """Return the record without the secrets in it; the very same one where there are none."""
        named: dict[str, Any] = {}
        parts: list[tuple[str, tuple[Any, list[str]]]] = []
        for field in record.__struct_fields__:
            value = getattr(record, field)
            if not isinstance(value, (str, list, dict)) or field in _UNTOUCHED:
                continue
            if isinstance(record, records.RunStarted) and field == "argv":
                parts.append((field, self.redactor.redact_argv(record.argv)))
            elif isinstance(record, records.Table) and field == "rows":
                parts.append((field, self._clean_rows(record)))
            elif field != "values":
                named[field] = value
            elif not isinstance(record, _OF_NUMBERS):
                parts.append((field, self.redactor.redact(value)))
        redacted, secrets = self.redactor.redact(named)
        clean = {field: redacted[field] for field in named if redacted[field] is not named[field]}
        for field, (cleaned, found) in parts:
            if found:
                clean[field] = cleaned
                secrets += found
        self._found.update(secrets)
        return msgspec.structs.replace(record, **clean) if clean else record

    def news(self) -> str | None:
        """Say what has been taken out since this was asked last, by name."""
        new = sorted(self._found - self._told)
        self._told.update(new)
        return self.redactor.redact_text(f"kept out of the record: {', '.join(new)}")[0] if new else None

    def _clean_rows(self, table: records.Table) -> tuple[list[Any], list[str]]:
        """Rows as dicts, for a column's name tells of its values; but not where two columns share one."""
        if len(set(table.columns)) < len(table.columns):
            return cast("tuple[list[Any], list[str]]", self.redactor.redact(table.rows))
        redacted, secrets = self.redactor.redact([dict(zip(table.columns, row, strict=False)) for row in table.rows])
        return [list(row.values()) for row in redacted], sorted({name.partition(".")[2] for name in secrets})
