"""The arguments that the script has parsed in this process, and the runs that they belong to.

They belong to the run that is open when they are parsed, and to every run that starts later in this process: a script
that trains five folds has five runs with the same arguments. What the same line of code parses again replaces what it
parsed before, so that each run of a loop has its own. Of two parsers that both know a name, the later one counts.
"""

import os
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import suppress
from enum import Enum
from itertools import islice
from pathlib import PurePath
from time import time
from typing import Any, Protocol, cast
from weakref import ReferenceType, ref

import msgspec

from autotrack.interactive import interactive_session
from autotrack.journal import records
from autotrack.journal.records import AnyRecord
from autotrack.redaction.names import REDACTED, secrecy
from autotrack.redaction.record_redactor import redactor_of_this_process
from autotrack.training.hooks.current_run import innermost_run
from autotrack.training.hooks.faults import attempt
from autotrack.training.values import flatten

_MOST_PARSERS = 20
"""How many parsers are remembered. A test suite may have hundreds, each in a line of its own."""


_EARLIER = "earlier"
"""Stands for the parser of arguments that nobody here saw parsed."""


_SETTINGS = (str, int, float, list, tuple, dict, PurePath, Enum, type(None))
"""The types of values that settings have."""


class Arguments(msgspec.Struct, frozen=True):
    """What one parser has returned, as plain values by dotted name.

    `given` are the names of the values that somebody gave: on the command line, or in a variable or file that the
    parser reads; None where nobody saw them parsed. `defaults` are the defaults of those values that differ from
    theirs, as far as they are known.
    """

    source: str
    values: dict[str, Any]
    given: list[str] | None = None
    defaults: dict[str, Any] = {}

    def as_record(self) -> records.Params:
        """Return them as they are recorded."""
        return records.Params(
            time=time(), values=self.values, source=self.source, given=self.given, defaults=self.defaults
        )


class TakesRecords(Protocol):
    """What is needed of a run."""

    def _put(self, record: AnyRecord) -> None:
        """Record this, without its secrets."""


def read(
    source: str,
    values: Mapping[str, Any],
    *,
    given: Iterable[str] = (),
    defaults: Mapping[str, Any] | None = None,
    secret: Iterable[str] = (),
) -> Arguments:
    """Return arguments as plain values. What is named in `given` may be a group of them, as a dataclass is.

    `secret` are those that are secrets although their names do not tell, as an option `--api-key` that is kept as `k`.
    """
    flat = flatten(values)
    for name in secret:
        if isinstance(value := flat.get(name), str):
            redactor_of_this_process().redact({"password": value}, learn=True)
            flat[name] = REDACTED
    given = set(given)
    groups = tuple(f"{name}." for name in given if name not in flat)
    return Arguments(
        source,
        flat,
        [name for name in flat if name in given or name.startswith(groups)],
        {name: value for name, value in flatten(defaults or {}).items() if name in flat and flat[name] != value},
    )


class ParsedArguments:
    """The arguments that were parsed in this process, or handed over by the one that started it."""

    def __init__(self) -> None:
        self._by_parser: dict[Hashable, Arguments] = {}
        self._kept_in: dict[Hashable, ReferenceType[Any]] = {}
        self.before_job: Callable[[], None] = lambda: None
        """Called before a job of a sweep begins, which has arguments of its own."""

    def note(self, arguments: Arguments, *, parsed_by: Hashable, kept_in: object = None) -> None:
        """Take arguments that were just parsed. Those that `parsed_by` has parsed before are replaced.

        So are those of the same source that were parsed before this process began to look. `kept_in` is the object
        whose attributes they are: scripts change these before they train.
        """
        # A cell that was edited is another line of code, but what the earlier one has parsed is no longer meant.
        key = (arguments.source, "session" if interactive_session() else parsed_by)
        self._by_parser.pop((arguments.source, _EARLIER), None)
        self._by_parser.pop(key, None)
        if not arguments.values:
            return
        self._by_parser[key] = arguments
        self._kept_in.pop(key, None)
        with suppress(TypeError):  # not every object can be referred to weakly
            self._kept_in[key] = ref(kept_in)
        for oldest in list(islice(self._by_parser, max(len(self._by_parser) - _MOST_PARSERS, 0))):
            del self._by_parser[oldest]
            self._kept_in.pop(oldest, None)
        _learn_secrets(arguments.values)
        run = innermost_run()
        if run is not None and run.pid == os.getpid():
            cast("TakesRecords", run)._put(arguments.as_record())

    def log_to(self, run: TakesRecords) -> None:
        """Record in a run that has just started what was parsed before it. Never raises."""
        for arguments in self.all():
            with attempt("arguments"):
                run._put(arguments.as_record())
        for key, reference in list(self._kept_in.items()):  # another thread may be parsing
            with attempt("arguments", of_user=True):
                arguments = self._by_parser[key]
                if changed := _changed_since(arguments, reference()):
                    run._put(records.Params(time=time(), values=changed, source=f"{arguments.source}.changed"))

    def all(self) -> list[Arguments]:
        """Return what was parsed, one for each source."""
        merged: dict[str, Arguments] = {}
        for new in list(self._by_parser.values()):
            old = merged.get(new.source)
            merged[new.source] = new if old is None else _merged(old, new)
        return list(merged.values())

    def take_over(self, arguments: Iterable[Arguments]) -> None:
        """Take arguments of the process that started this one, or that were parsed before this one began to look.

        Those of a source that has been seen are known already.
        """
        seen = {one.source for one in self._by_parser.values()}
        self._by_parser.update({(one.source, _EARLIER): one for one in arguments if one.source not in seen})

    def forget(self) -> None:
        """Forget everything."""
        self._by_parser.clear()
        self._kept_in.clear()


parsed_arguments = ParsedArguments()
"""Those of this process."""


def _merged(old: Arguments, new: Arguments) -> Arguments:
    return Arguments(
        new.source,
        {**old.values, **new.values},
        [*(name for name in old.given or [] if name not in new.values), *(new.given or [])],
        {**{name: value for name, value in old.defaults.items() if name not in new.values}, **new.defaults},
    )


def _changed_since(arguments: Arguments, kept_in: object) -> dict[str, Any]:
    """Return the settings that the script has added to its arguments, or given another value, since they were parsed.

    Scripts keep models and loggers there as well, which are no settings.
    """
    attributes = {} if kept_in is None else vars(kept_in)
    flat = flatten({name: value for name, value in attributes.items() if isinstance(value, _SETTINGS)})
    parsed = arguments.values
    return {name: value for name, value in flat.items() if name not in parsed or parsed[name] not in (value, REDACTED)}


def _learn_secrets(values: Mapping[str, Any]) -> None:
    """Have secrets searched for from now on: the command line of the run is written first, and may have them too."""
    if secrets := {name: value for name, value in values.items() if secrecy(name)}:
        redactor_of_this_process().redact(secrets, learn=True)
