"""A run passes through its stages in order, whichever thread moves it on, and is done when nothing is left."""

from concurrent.futures import Future

from autotrack.sidecar.lifecycle import Lifecycle


def captured() -> Lifecycle:
    lifecycle = Lifecycle(captures_environment=True)
    lifecycle.mark_captured()
    return lifecycle


def test_a_run_is_compared_once_when_it_is_captured_and_has_metrics() -> None:
    lifecycle = Lifecycle(captures_environment=True)
    assert not lifecycle.begin_comparing(has_metrics=True), "it is not captured yet"
    lifecycle.mark_captured()
    assert not lifecycle.begin_comparing(has_metrics=False), "more params may come"
    assert lifecycle.begin_comparing(has_metrics=True)
    assert not lifecycle.begin_comparing(has_metrics=True)
    assert not lifecycle.is_compared
    lifecycle.mark_compared()
    assert lifecycle.is_compared


def test_a_run_without_metrics_is_compared_when_it_has_ended() -> None:
    lifecycle = captured()
    lifecycle.finalize()
    assert lifecycle.begin_comparing(has_metrics=False)


def test_a_run_of_which_nothing_is_captured_is_neither_captured_nor_compared() -> None:
    lifecycle = Lifecycle(captures_environment=False)
    assert lifecycle.is_captured
    assert lifecycle.is_compared
    assert not lifecycle.begin_comparing(has_metrics=True)


def test_a_run_is_done_when_it_has_ended_and_every_job_has() -> None:
    lifecycle, job = captured(), Future[None]()
    lifecycle.begin_comparing(has_metrics=True)
    lifecycle.add_job(job)
    lifecycle.finalize()
    assert not lifecycle.is_done
    job.set_result(None)
    assert lifecycle.is_done


def test_a_run_that_has_ended_is_not_done_before_it_is_captured_and_compared() -> None:
    lifecycle = Lifecycle(captures_environment=True)
    lifecycle.finalize()
    assert not lifecycle.is_done
    lifecycle.mark_captured()
    assert not lifecycle.is_done
    lifecycle.begin_comparing(has_metrics=False)
    assert lifecycle.is_done, "a comparison that could not be started has no job, and holds nothing up"


def test_an_end_recorded_while_python_exits_is_final_when_the_exit_code_is_known() -> None:
    lifecycle = captured()
    lifecycle.finalize(awaits_exit_code=True)
    assert (lifecycle.is_finalized, lifecycle.awaits_exit_code) == (True, True)
    lifecycle.finalize()
    assert (lifecycle.is_finalized, lifecycle.awaits_exit_code) == (True, False)


def test_a_resumed_run_begins_again_and_a_comparison_of_before_does_not_count() -> None:
    lifecycle = captured()
    lifecycle.begin_comparing(has_metrics=True)
    lifecycle.finalize(awaits_exit_code=True)
    lifecycle.restart(captures_environment=True)
    assert (lifecycle.is_captured, lifecycle.is_finalized, lifecycle.awaits_exit_code) == (False, False, False)
    lifecycle.mark_compared()  # by the job that was under way
    assert not lifecycle.is_captured
