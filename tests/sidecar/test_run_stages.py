"""A run passes through its stages in order, whichever thread moves it on, and is done when nothing is left."""

from concurrent.futures import Future

from autotrack.sidecar.run_stages import RunStages


def captured() -> RunStages:
    stages = RunStages(captures_environment=True)
    stages.mark_captured()
    return stages


def test_a_run_is_compared_once_when_it_is_captured_and_has_metrics() -> None:
    stages = RunStages(captures_environment=True)
    assert not stages.begin_comparing(has_metrics=True), "it is not captured yet"
    stages.mark_captured()
    assert not stages.begin_comparing(has_metrics=False), "more params may come"
    assert stages.begin_comparing(has_metrics=True)
    assert not stages.begin_comparing(has_metrics=True)
    assert not stages.is_compared
    stages.mark_compared()
    assert stages.is_compared


def test_a_run_without_metrics_is_compared_when_it_has_ended() -> None:
    stages = captured()
    stages.finalize()
    assert stages.begin_comparing(has_metrics=False)


def test_what_is_known_of_a_run_is_compared_once_before_its_first_metrics() -> None:
    stages = RunStages(captures_environment=True)
    assert not stages.begin_preview(), "it is not captured yet"
    stages.mark_captured()
    assert [stages.begin_preview(), stages.begin_preview()] == [True, False]
    assert stages.is_captured
    assert not stages.is_compared
    assert stages.begin_comparing(has_metrics=True)
    assert not stages.begin_preview()


def test_a_run_that_has_ended_has_no_beginning_to_speak_of() -> None:
    stages = captured()
    stages.finalize()
    assert not stages.begin_preview()


def test_a_run_of_which_nothing_is_captured_is_neither_captured_nor_compared() -> None:
    stages = RunStages(captures_environment=False)
    assert stages.is_captured
    assert stages.is_compared
    assert not stages.begin_comparing(has_metrics=True)


def test_a_run_is_done_when_it_has_ended_and_every_job_has() -> None:
    stages, job = captured(), Future[None]()
    stages.begin_comparing(has_metrics=True)
    stages.add_job(job)
    stages.finalize()
    assert not stages.is_done
    job.set_result(None)
    assert stages.is_done


def test_a_run_that_has_ended_is_not_done_before_it_is_captured_and_compared() -> None:
    stages = RunStages(captures_environment=True)
    stages.finalize()
    assert not stages.is_done
    stages.mark_captured()
    assert not stages.is_done
    stages.begin_comparing(has_metrics=False)
    assert stages.is_done, "a comparison that could not be started has no job, and holds nothing up"


def test_an_end_recorded_while_python_exits_is_final_when_the_exit_code_is_known() -> None:
    stages = captured()
    stages.finalize(awaits_exit_code=True)
    assert (stages.is_finalized, stages.awaits_exit_code) == (True, True)
    stages.finalize()
    assert (stages.is_finalized, stages.awaits_exit_code) == (True, False)


def test_a_resumed_run_begins_again_and_a_comparison_of_before_does_not_count() -> None:
    stages = captured()
    stages.begin_comparing(has_metrics=True)
    stages.finalize(awaits_exit_code=True)
    stages.restart(captures_environment=True)
    assert (stages.is_captured, stages.is_finalized, stages.awaits_exit_code) == (False, False, False)
    stages.mark_compared()  # by the job that was under way
    assert not stages.is_captured
