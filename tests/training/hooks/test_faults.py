"""A failure of autotrack becomes a notice in a run and one warning, and never an exception."""

import inspect
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import autotrack
from autotrack.errors import AutotrackWarning, SettingsError
from autotrack.journal.records import AnyRecord, Notice
from autotrack.training.hooks.faults import attempt, guarded, report_fault, unplaced_faults
from autotrack.training.hooks.overhead import overhead


def notices_in(journal: list[AnyRecord]) -> list[tuple[str, str]]:
    return [(record.about, record.message) for record in journal if isinstance(record, Notice)]


def test_a_fault_is_a_notice_in_the_current_run_and_a_warning(
    store: Path, read_journal: Callable[..., list[AnyRecord]]
) -> None:
    with autotrack.start_run(to=store) as run:
        with pytest.warns(
            AutotrackWarning, match=rf"^run {run.name}: git: OSError: no such command; training is not affected$"
        ):
            report_fault("git", OSError("no such command"))
        with pytest.warns(AutotrackWarning, match=rf"^run {run.name}: disk: slow; training"):
            report_fault("disk", "slow")
    assert notices_in(read_journal(run.folder)) == [("git", "OSError: no such command"), ("disk", "slow")]


def test_a_fault_of_a_given_run_is_noted_there(store: Path, read_journal: Callable[..., list[AnyRecord]]) -> None:
    with autotrack.start_run(to=store) as outer, autotrack.start_run(to=store) as inner:
        with pytest.warns(AutotrackWarning):
            report_fault("disk", "slow", run=outer)
        assert notices_in(read_journal(outer.folder)) == [("disk", "slow")]
        assert notices_in(read_journal(inner.folder)) == []


def test_the_same_fault_is_noted_once_and_warned_of_once(
    store: Path, read_journal: Callable[..., list[AnyRecord]]
) -> None:
    with autotrack.start_run(to=store) as run, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            report_fault("disk", "slow")
    assert len(caught) == 1
    assert notices_in(read_journal(run.folder)) == [("disk", "slow")]


def test_a_kind_of_fault_is_one_warning_whatever_its_words_and_its_run(store: Path) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for number in range(3):
            with autotrack.start_run("one", to=store):
                report_fault("params", ValueError(f"the value {number}"))
        report_fault("params", KeyError("another kind"))
    assert [str(warning.message).partition(";")[0] for warning in caught] == [
        "run one: params: ValueError: the value 0",
        "params: KeyError: 'another kind'",
    ]


def test_a_mistake_is_told_once_in_the_words_of_the_user_wherever_it_shows() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for about in ("Callback.on_fit_start", "_record"):
            report_fault(about, SettingsError("no run can be kept in there: full. Choose another folder"))
    said = "this is not recorded: no run can be kept in there: full. Choose another folder; training is not affected"
    assert [str(warning.message) for warning in caught] == [said]


def test_a_warning_points_at_the_line_of_the_user_below_libraries_and_us() -> None:
    with pytest.warns(AutotrackWarning) as caught:
        json.dumps({"value": object()}, default=lambda _: report_fault("disk", "slow"))  # the library calls back
    assert (caught[0].filename, caught[0].lineno) == (__file__, _line_of("the library calls back"))
    with pytest.warns(AutotrackWarning) as caught, attempt("a part"):
        raise ZeroDivisionError  # in a block
    assert (caught[0].filename, caught[0].lineno) == (__file__, _line_of("in a block") - 1)


def _line_of(comment: str) -> int:
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if f"# {comment}" in line)


def test_what_cannot_be_read_of_a_users_object_is_a_notice_without_a_warning(
    store: Path, read_journal: Callable[..., list[AnyRecord]]
) -> None:
    with autotrack.start_run(to=store) as run, warnings.catch_warnings():
        warnings.simplefilter("error")
        with attempt("params", of_user=True):
            raise RuntimeError("no params")
    assert notices_in(read_journal(run.folder)) == [("params", "RuntimeError: no params")]


def test_faults_outside_any_run_are_noted_in_the_next_one(
    store: Path, read_journal: Callable[..., list[AnyRecord]]
) -> None:
    for number in range(30):
        with pytest.warns(AutotrackWarning):
            report_fault("import", f"fault {number}")
    with autotrack.start_run(to=store) as run:
        pass
    assert notices_in(read_journal(run.folder)) == [("import", f"fault {number}") for number in range(10, 30)]
    assert not unplaced_faults
    with autotrack.start_run(to=store) as run:
        pass
    assert notices_in(read_journal(run.folder)) == []


def test_a_fault_stops_no_training_where_warnings_are_errors(
    store: Path, read_journal: Callable[..., list[AnyRecord]]
) -> None:
    with autotrack.start_run(to=store) as run, warnings.catch_warnings():
        warnings.simplefilter("error")
        report_fault("disk", "slow")
    assert notices_in(read_journal(run.folder)) == [("disk", "slow")]


def test_a_run_that_cannot_take_the_notice_stops_nothing() -> None:
    class Broken:
        name = "broken"

        def notice(self, about: str, message: str) -> None:
            raise OSError("the journal is gone")

    run: Any = Broken()
    with pytest.warns(AutotrackWarning, match=r"disk: slow \(the journal is gone\); training is not affected"):
        report_fault("disk", "slow", run=run)


def test_a_secret_in_a_fault_is_not_noted(store: Path, read_journal: Callable[..., list[AnyRecord]]) -> None:
    with autotrack.start_run(to=store) as run, pytest.warns(AutotrackWarning):
        report_fault("git", OSError("https://me:s3cr3tpw@host/repository not found"))
    assert "s3cr3tpw" not in str(notices_in(read_journal(run.folder)))


class Callback:
    @guarded
    def on_fit_start(self, trainer: object, *, error: BaseException | None = None) -> None:
        """Begin."""
        if error is not None:
            raise error


def test_a_guarded_method_fails_alone() -> None:
    Callback().on_fit_start("trainer")
    with pytest.warns(AutotrackWarning, match=r"Callback\.on_fit_start: ValueError: mine") as caught:
        Callback().on_fit_start("trainer", error=ValueError("mine"))
    assert len(caught) == 1
    with pytest.raises(KeyboardInterrupt):
        Callback().on_fit_start("trainer", error=KeyboardInterrupt())


def test_a_guarded_method_is_what_it_was() -> None:
    assert (Callback.on_fit_start.__name__, Callback.on_fit_start.__doc__) == ("on_fit_start", "Begin.")
    assert list(inspect.signature(Callback.on_fit_start).parameters) == ["self", "trainer", "error"]


def test_the_time_of_guarded_methods_counts_as_ours() -> None:
    before = overhead.seconds()
    Callback().on_fit_start("trainer")
    assert overhead.seconds() > before


def test_an_attempt_fails_alone() -> None:
    with pytest.warns(AutotrackWarning, match="a part: ZeroDivisionError"), attempt("a part"):
        raise ZeroDivisionError
    with pytest.raises(KeyboardInterrupt), attempt("a part"):
        raise KeyboardInterrupt
