"""Reads `printed_corpus.txt`: what scripts print, and what of it is a metric, as a person has labelled it."""

import re
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from autotrack.journal.records import AnyRecord, Metrics, RunStarted, number
from autotrack.sidecar.facts import RunFacts
from autotrack.sidecar.output.log import OutputLog
from autotrack.sidecar.output.printed_follower import PrintedMetrics
from tests.support.output_logs import NoRedaction

Found = list[tuple[str, float, int | None]]
"""Names, values and epochs."""


class Script(NamedTuple):
    """The output of one script, and its metrics."""

    title: str
    lines: list[str]
    labels: Found


class FakeRun:
    """A run that remembers what is recorded in it."""

    def __init__(self, started_by: str = "user", logged: Iterable[str] = ()) -> None:
        self.facts = RunFacts()
        self.facts.add(RunStarted(time=0.0, id="1", name="a", experiment="b", started_by=started_by))
        self.facts.logged_metrics.update(logged)
        self.records: list[Metrics] = []
        self.notices: list[str] = []

    def read(self) -> None:
        """There is nothing to read."""

    def put(self, records: Iterable[AnyRecord]) -> None:
        self.records += [record for record in records if isinstance(record, Metrics)]

    def notice(self, about: str, message: str) -> None:
        self.notices.append(message)

    @property
    def found(self) -> Found:
        return [
            (name, number(value), record.epoch) for record in self.records for name, value in record.values.items()
        ]


def scripts() -> list[Script]:
    """Return all scripts of the corpus."""
    text = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8")
    return [_script(block) for block in re.split(r"^== ", text, flags=re.MULTILINE)[1:]]


def new_file() -> Path:
    """Return where a log may write that nobody reads. It is no device: what is none of a run is not written to."""
    return Path(_FOLDER.name) / f"{next(_NUMBERS)}.log"


_FOLDER = TemporaryDirectory()
_NUMBERS = count()


def heard(lines: list[str]) -> Found:
    """Return what is found in lines, printed by a run of which the journal tells no epochs."""
    run = FakeRun()
    listener = PrintedMetrics(run, lambda line: line)
    listener.note_place("[null,null]")
    log = OutputLog(new_file(), NoRedaction(), on_problem=run.notices.append, listener=listener)
    for line in lines:
        log.take("stdout", line + "\n")
    listener.note_place("end")
    listener.close()
    assert not run.notices
    return run.found


def _script(block: str) -> Script:
    title, *rows = block.rstrip().split("\n")
    lines, labels = [], Found()
    for row in rows:
        line, _, told = row.partition("⇒")
        lines.append((line.rstrip() if told else line).replace("\\t", "\t").replace("\\r", "\r"))
        epoch = re.search(r"@(\d+)$", told)
        pairs = re.findall(r"(\S+)=(\S+)", told)
        labels += [(name, float(value), int(epoch[1]) if epoch else None) for name, value in pairs]
    return Script(title, lines, labels)
