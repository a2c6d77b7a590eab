"""Takes the secrets out of the records of one run, and remembers what they were called."""

from typing import Any, TypeVar, cast

import msgspec

from autotrack import records
from autotrack.redaction import Redactor

_UNTOUCHED = {"id", "path", "sha256", "schema", "metrics", "shared_rows"}
"""Fields that hold no text of the user's, or names of columns and metrics that only sound secret."""

_OF_NUMBERS = (records.Metrics, records.Trial, records.SystemStats)
"""Records whose `values` are numbers."""

_R = TypeVar("_R", bound=records.Record)


class Cleaner:
    """Cleans the records of one run with its `redactor`."""

    def __init__(self) -> None:
        self.redactor = Redactor()
        self._found: set[str] = set()
        self._told: set[str] = set()

    def clean(self, record: _R) -> _R:
        """Return the record without the secrets in it; the very same one where there are none."""
        self.redactor.refresh()
        clean: dict[str, Any] = {}
        for field in record.__struct_fields__:
            value = getattr(record, field)
            if field in _UNTOUCHED or not isinstance(value, (str, list, dict)):
                continue
            if field == "values" and isinstance(record, _OF_NUMBERS):
                continue
            redacted, secrets = self._clean_field(record, field, value)
            if secrets:
                clean[field] = redacted
                self._found.update(secrets)
        return msgspec.structs.replace(record, **clean) if clean else record

    def news(self) -> str | None:
        """Say what has been taken out since this was asked last, by name."""
        new = sorted(self._found - self._told)
        self._told.update(new)
        return self.redactor.redact_text(f"kept out of the record: {', '.join(new)}")[0] if new else None

    def _clean_field(self, record: records.Record, field: str, value: Any) -> tuple[Any, list[str]]:
        if isinstance(record, records.RunStarted) and field == "argv":
            return self.redactor.redact_argv(record.argv)
        if isinstance(record, records.Table) and field == "rows":
            return self._clean_rows(record)
        return self.redactor.redact(value, "" if field == "values" else field)

    def _clean_rows(self, table: records.Table) -> tuple[list[Any], list[str]]:
        """Rows as dicts, for a column's name tells of its values; but not where two columns share one."""
        if len(set(table.columns)) < len(table.columns):
            return cast("tuple[list[Any], list[str]]", self.redactor.redact(table.rows))
        redacted, secrets = self.redactor.redact([dict(zip(table.columns, row, strict=False)) for row in table.rows])
        return [list(row.values()) for row in redacted], sorted({name.partition(".")[2] for name in secrets})
