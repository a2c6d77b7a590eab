"""Removes the secrets from the records of one run, and remembers their names."""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

from autotrack.journal import records
from autotrack.redaction import Redactor

_UNTOUCHED = {"id", "path", "sha256", "flavors"}
"""Fields without text of the user; paths in the run folder are cleaned before there is a file."""

_ONLY_NAMED = {"schema", "metrics", "shared_rows"}
"""Fields with names of columns and metrics that only sound secret: the values under them never are."""

_FIELDS_WITH_NAMES = ("values", "argv", "rows", "defaults")
"""Fields whose content has names of its own, which tell what is secret: params, options, columns."""

_OF_NUMBERS = (records.Metrics, records.Trial, records.SystemStats)
"""Records whose `values` are numbers."""

_R = TypeVar("_R", bound=records.Record)


@cache
def redactor_of_this_process() -> Redactor:
    """Return the redactor that all runs of this process share, because they share the environment."""
    return Redactor()


@cache
def _redacted_fields(kind: type[records.Record]) -> list[str]:
    only_named = _named_fields(kind)
    return [field for field in kind.__struct_fields__ if field not in _UNTOUCHED and field not in only_named]


@cache
def _named_fields(kind: type[records.Record]) -> list[str]:
    only_named = {*_ONLY_NAMED, "values"} if issubclass(kind, _OF_NUMBERS) else _ONLY_NAMED
    return [field for field in kind.__struct_fields__ if field in only_named]


class RecordRedactor:
    """Redacts the records of one run with its `redactor`.

    `names_found_clean` are names of metrics and stages, which are few and the same at every step.
    """

    def __init__(self) -> None:
        self.redactor = redactor_of_this_process()
        self.names_found_clean: set[str] = {"train", "validate", "test"}
        self._names: set[str] = set()
        self._reported: set[str] = set()

    def clean(self, record: _R) -> _R:
        """Return the record without its secrets, or the very same record if it has none."""
        fields = {name: getattr(record, name) for name in _redacted_fields(type(record))}
        texts = {name: value for name, value in fields.items() if value and isinstance(value, (str, list, dict))}
        with_names = {name: texts.pop(name) for name in _FIELDS_WITH_NAMES if name in texts}
        cleaned, secrets = self.redactor.redact(texts)
        changed = {name: cleaned[name] for name in texts if cleaned[name] is not texts[name]} if secrets else {}
        for name, value in with_names.items():
            changed_value, names = self._redact(record, value)
            if names:
                changed[name] = changed_value
                secrets += names
        for name in _named_fields(type(record)):
            named = getattr(record, name)
            clean = self.redactor.redact_names(named)
            types = {key: self.redactor.redact_name(dtype) for key, dtype in clean.items()} if name == "schema" else {}
            if types and types != clean:  # a type may list the values there are
                clean = types
            if clean is not named:
                changed[name] = clean
                secrets.append("a name")
        if not secrets:
            return record
        self._names.update(secrets)
        return msgspec.structs.replace(record, **changed)

    def clean_names(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return values with the secrets in their names removed; the very same mapping if there are none."""
        self.redactor.refresh()
        clean = self.redactor.redact_names(values)
        if clean is values:
            self.names_found_clean.update(name for name in values if isinstance(name, str))
        else:
            self._names.add("a name")
        return clean

    def clean_stage(self, stage: str) -> str:
        """Return the name of a stage of training with the secrets in it removed."""
        self.redactor.refresh()
        clean = self.redactor.redact_name(stage)
        if clean == stage:
            self.names_found_clean.add(stage)
        else:
            self._names.add("a name")
        return clean

    def news(self) -> str | None:
        """Return a sentence with the names of what was removed since the last call; None if there is nothing new."""
        known = set(map(_plain, self._reported))
        # An option and its param are one, which is told once.
        by_name = {_plain(name): name for name in sorted(self._names - self._reported)}
        new = [name for plain, name in by_name.items() if plain not in known]
        self._reported.update(self._names)
        return self.redactor.redact_text(f"kept out of the record: {', '.join(new)}")[0] if new else None

    def _redact(self, record: records.Record, value: Any) -> tuple[Any, list[str]]:
        if isinstance(record, records.RunStarted):
            return self.redactor.redact_argv(record.argv)
        if isinstance(record, records.Table):
            return self._redact_rows(record)
        return self.redactor.redact(value, learn=True)

    def _redact_rows(self, table: records.Table) -> tuple[list[Any], list[str]]:
        """Redact rows as dicts, because a column's name tells about its values; unless two columns share a name."""
        if len(set(table.columns)) < len(table.columns):
            return cast("tuple[list[Any], list[str]]", self.redactor.redact(table.rows))
        redacted, secrets = self.redactor.redact([dict(zip(table.columns, row, strict=False)) for row in table.rows])
        return [list(row.values()) for row in redacted], sorted({name.partition(".")[2] for name in secrets})


def _plain(name: str) -> str:
    """Return a name as a param has it: `wandb_api_key` for the option `--wandb-api-key`."""
    return name.lstrip("-").replace("-", "_")
