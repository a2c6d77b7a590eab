"""Turns the records of a run into events: a fold that returns what is new."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import assert_never, cast

from autotrack.journal.directions import Direction, better, monitored, split_direction
from autotrack.journal.fold import Fold
from autotrack.journal.records import (
    AnyRecord,
    Artifact,
    Dataset,
    Environment,
    Metrics,
    Model,
    Notice,
    Params,
    Plot,
    Registration,
    Renamed,
    RunFinished,
    RunStarted,
    SystemStats,
    Table,
    Tags,
    Text,
    Trial,
)
from autotrack.journal.rewinds import Rewinds
from autotrack.journal.run_folder import remove_file
from autotrack.journal.summary import Summary
from autotrack.sinks.tensorboard import far_steps, tags, text, trials
from autotrack.sinks.tensorboard.encoding import summary_event, text_value
from autotrack.sinks.tensorboard.event_file import preamble, replace
from autotrack.sinks.tensorboard.hparams import Session, session_of
from autotrack.sinks.tensorboard.pictures import Pictures
from autotrack.sinks.tensorboard.scalars import Scalars

SESSION_FILE = "events.out.tfevents.0000000000.autotrack-session"
"""By its name it is read first, and of several sessions in one run, readers take the first."""


_Fact = (
    RunStarted | Params | Environment | Dataset | Trial | Model | Registration | Tags | Notice | RunFinished | Renamed
)
"""The records that are shown by way of the run's summary."""


class RunEvents:
    """Takes a run's records in order.

    Attributes:
        waiting: The events that can be written at once.
        has_gone_back: Whether training has gone back to a step before events that were returned.
        session_digests: Digests of the start and the end of the session, if they were returned.
        began: The time of the first start.
        was_killed: Whether the run has no end, and its process is gone.
    """

    def __init__(self, folder: Path, rewinds: Rewinds) -> None:
        self.waiting = bytearray()
        self.has_gone_back = False
        self.session_digests: list[str | None] = [None, None]
        self.began = 0.0
        self.was_killed = False
        self._folder = folder
        self._tags = tags.Tags()
        self._directions: dict[str, Direction] = {}
        self._rewinds = rewinds
        self._scalars = Scalars(self._tags, self._direction_of, rewinds)
        self._pictures = Pictures(folder, self._tags)
        self._fold = Fold(keep_points=False)
        self._texts: dict[str, str] = {}
        self._trials: dict[int, object] = {}
        self._has_trials = False
        self._latest = 0.0
        self._status: str | None = None
        self._has_news = self._has_values = False

    @property
    def must_start_over(self) -> bool:
        """Whether events that were returned must not stay."""
        return self.has_gone_back or (self._has_far_steps and self.session_digests[0] is not None)

    @property
    def status(self) -> str:
        """How the run ended, or `running`."""
        if self._status is None:
            self._status = self._summary().status
        return self._status

    @property
    def latest(self) -> float:
        """The time of the latest record other than metrics and load."""
        return self._latest

    def add(self, batch: Iterable[AnyRecord], rank: int) -> None:
        """Take more records from a journal of this rank."""
        waiting, events_of = self.waiting, self._scalars.metrics
        for record in batch:
            if record.__class__ is Metrics:  # most of them
                self._has_values = True
                waiting += events_of(record, rank)
                continue
            match record:
                case SystemStats():
                    waiting += self._scalars.load(record, rank, began=self.began or record.time)
                case Plot() | Artifact() | Text() | Table():
                    self._note_time(record)
                    self._add_content(record, rank)
                case _:
                    self._note_time(record)
                    self._add_fact(cast("_Fact", record), rank)

    def take(self) -> bytes:
        """Return the events of everything new but pictures, and forget them."""
        if self._has_news or (self._has_values and self.session_digests[0] is None):
            summary = self._summary()
            for tag, markdown in text.about_run(summary).items():
                if self._texts.get(tag) != markdown:
                    self._texts[tag] = markdown
                    self.waiting += summary_event(self._latest, 0, [text_value(tag, markdown)])
            self._add_session(summary)
        # They are columns of the HParams page. Candidates of a search would lack them, and have no lines there.
        if self.status not in ("running", "killed") and not self._has_trials:
            self.waiting += self._scalars.single_bests()
        taken = bytes(self.waiting)
        self.waiting.clear()
        return taken

    def pictures(self, *, draws: bool) -> Iterator[bytes]:
        """Yield an event for each new picture. Plots are included only with `draws`, because that takes a while."""
        return self._pictures.events(draws=draws)

    @property
    def has_undrawn(self) -> bool:
        """Whether plots wait to be drawn."""
        return self._pictures.has_undrawn

    def forget(self, *, but_plots: bool = False) -> None:
        """Forget everything new, except plots with `but_plots`, because it has been written before."""
        self.take()
        self._pictures.forget(but_plots=but_plots)
        self._has_news = False

    def write_beside(self) -> None:
        """Write the event files that are replaced when their content changes: trials, and the corrected session."""
        if not self._has_news:
            return
        self._has_news = False
        summary = self._summary()
        trials.write_trials(self._folder, summary, self._trials)
        session = session_of(summary)
        if self._has_far_steps:
            remove_file(self._folder, SESSION_FILE)
            far_steps.write_session(self._folder, session, self._scalars.latest(), at=summary.ended or self._latest)
            return
        has_ended = summary.status != "running" or self.session_digests[1] is not None
        if has_ended and _digests(session) != self.session_digests:
            values = [session.start(), session.end()]
            content = preamble(summary.started, starts=False) + summary_event(summary.started, 0, values)
            replace(self._folder, SESSION_FILE, content)
        else:
            remove_file(self._folder, SESSION_FILE)

    def note_killed(self) -> None:
        """Note that the process of the run is gone and nobody recorded how it ended."""
        self.was_killed = self._has_news = True
        self._status = None

    @property
    def _has_far_steps(self) -> bool:
        """Whether the run can have no session of its own, because of the steps of its values."""
        return max(self._scalars.highest_step, -self._scalars.lowest_step) > far_steps.HIGHEST_STEP

    def _direction_of(self, name: str, tag: str) -> Direction | None:
        """Return which way a metric gets better, by the callback that monitors it, or else by its name.

        Metrics of the training data have no direction unless a callback monitors them: nobody chooses a model by them.
        """
        return self._directions.get(name) or (None if tag.startswith("train/") else better(name))

    def _note_time(self, record: AnyRecord) -> None:
        self._latest = max(self._latest, record.time)
        self._status = None

    def _add_content(self, record: Plot | Artifact | Text | Table, rank: int) -> None:
        match record:
            case Plot():
                self._pictures.add_plot(record)
            case Artifact():
                self._pictures.add_artifact(record)
            case Text():
                tag, markdown = text.of_text(record)
                self._add_text(tag or self._tags.named("text", _of_rank(record.name, rank)), markdown, record)
            case Table():
                tag = self._tags.named("tables", _of_rank(record.name, rank))
                self._add_text(tag, text.of_table(record), record)
            case _:
                assert_never(record)

    def _add_fact(self, record: _Fact, rank: int) -> None:
        self._has_news = True
        self._fold.add([record], rank=rank)
        match record:
            case RunStarted() if not record.rank:
                self._note_start(record)
            case Params(source="callbacks"):
                self._directions |= monitored(record.values)
            case Trial():
                self._has_trials = True

    def _note_start(self, record: RunStarted) -> None:
        name, direction = split_direction(record.metric)
        if name and direction:
            self._directions[name] = direction
        self.was_killed = False
        self.began = self.began or record.time
        if rewind := self._rewinds.note(record):
            self.has_gone_back |= rewind.repeats(self._scalars.highest_step)

    def _add_text(self, tag: str, markdown: str, record: Text | Table) -> None:
        self.waiting += summary_event(record.time, record.step or 0, [text_value(tag, markdown)])

    def _add_session(self, summary: Summary) -> None:
        """Add the start and the end of the session. Params that come later are added by `write_beside` in the end."""
        if self._has_far_steps:
            return
        session, has_ended = session_of(summary), summary.status != "running"
        start, end = _digests(session)
        if self.session_digests[0] is None and (self._has_values or summary.trials or has_ended):
            self.session_digests[0] = start
            self.waiting += summary_event(summary.started, 0, [session.start()])
        if self.session_digests[1] is None and has_ended:
            self.session_digests[1] = end
            self.waiting += summary_event(summary.ended or self._latest, 0, [session.end()])

    def _summary(self) -> Summary:
        summary = self._fold.summary()
        if self.was_killed and summary.ended is None:
            summary.status, summary.ended = "killed", self._latest
        return summary


def _digests(session: Session) -> list[str | None]:
    return [hashlib.sha256(value.SerializeToString()).hexdigest()[:16] for value in (session.start(), session.end())]


def _of_rank(name: str, rank: int) -> str:
    return f"rank{rank}/{name}" if rank else name
