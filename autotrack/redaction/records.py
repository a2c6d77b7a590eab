"""Takes the secrets out of the records of one run, and remembers what they were called."""

from functools import cache
from typing import Any, TypeVar, cast

import msgspec

from autotrack.journal import records
from autotrack.redaction import Redactor

_UNTOUCHED = {"id", "path", "sha256", "schema", "metrics", "shared_rows"}
"""Fields that hold no text of the user's, or names of columns and metrics that only sound secret."""

_CLEANED_APART = ("values", "argv", "rows")
"""Fields in which the names of things are not that of the field: params, options, columns."""

_OF_NUMBERS = (records.Metrics, records.Trial, records.SystemStats)
"""Records whose `values` are numbers."""

_R = TypeVar("_R", bound=records.Record)


@cache
def redactor_of_this_process() -> Redactor:
    """Return the one that all runs of this process share: what it has learned of the environment holds for all."""
    return Redactor()


@cache
def _cleaned_fields(kind: type[records.Record]) -> list[str]:
    untouched = {*_UNTOUCHED, "values"} if issubclass(kind, _OF_NUMBERS) else _UNTOUCHED
    return [field for field in kind.__struct_fields__ if field not in untouched]


class RecordRedactor:
    """Cleans the records of one run with its `redactor`."""

    def __init__(self) -> None:
        self.redactor = redactor_of_this_process()
        self._found: set[str] = set()
        self._told: set[str] = set()

    def clean(self, record: _R) -> _R:
        """Return the record without the secrets in it; the very same one where there are none."""
        fields = {name: getattr(record, name) for name in _cleaned_fields(type(record))}
        texts = {name: value for name, value in fields.items() if value and isinstance(value, (str, list, dict))}
        apart = {name: texts.pop(name) for name in _CLEANED_APART if name in texts}
        cleaned, secrets = self.redactor.redact(texts)
        changed = {name: cleaned[name] for name in texts if cleaned[name] is not texts[name]} if secrets else {}
        for name, value in apart.items():
            changed_value, found = self._redact(record, value)
            if found:
                changed[name] = changed_value
                secrets += found
        if not secrets:
            return record
        self._found.update(secrets)
        return msgspec.structs.replace(record, **changed)

    def news(self) -> str | None:
        """Say what has been taken out since this was asked last, by name."""
        new = sorted(self._found - self._told)
        self._told.update(new)
        return self.redactor.redact_text(f"kept out of the record: {', '.join(new)}")[0] if new else None

    def _redact(self, record: records.Record, value: Any) -> tuple[Any, list[str]]:
        if isinstance(record, records.RunStarted):
            return self.redactor.redact_argv(record.argv)
        if isinstance(record, records.Table):
            return self._clean_rows(record)
        return self.redactor.redact(value)

    def _clean_rows(self, table: records.Table) -> tuple[list[Any], list[str]]:
        """Rows as dicts, for a column's name tells of its values; but not where two columns share one."""
        if len(set(table.columns)) < len(table.columns):
            return cast("tuple[list[Any], list[str]]", self.redactor.redact(table.rows))
        redacted, secrets = self.redactor.redact([dict(zip(table.columns, row, strict=False)) for row in table.rows])
        return [list(row.values()) for row in redacted], sorted({name.partition(".")[2] for name in secrets})
