"""A mistake in a call gets a message with the value and the fix, not one about the inside of autotrack."""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import autotrack
from autotrack.errors import AutotrackError
from autotrack.integrations import RunOptions

Call = Callable[[autotrack.Run], Any]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda _: autotrack.start_run(3), "start_run was given 3 as the name of a run; give it text"),  # type: ignore[arg-type]
        (lambda _: autotrack.start_run(tags=3), "'tags' from the arguments is 3; expected names and values"),  # type: ignore[arg-type]
        (lambda _: autotrack.start_run(params=[1]), "[1] has no names; expected names and values"),  # type: ignore[arg-type]
        (lambda _: autotrack.start_run(to="/proc/nope"), "no run can be kept in /proc/nope"),
        (lambda _: autotrack.autolog(tags=3), "'tags' from the arguments is 3; expected names and values"),  # type: ignore[arg-type]
        (lambda _: autotrack.autolog(frameworks=3), "frameworks has 3; there are"),  # type: ignore[arg-type]
        (lambda _: autotrack.autolog(frameworks=["kers"]), "frameworks has 'kers'; did you mean 'keras'?"),
        (lambda _: autotrack.runs(3), "the store is 3; expected the path of a folder"),  # type: ignore[arg-type]
        (lambda run: autotrack.runs(run.folder.parent).where(3), "3 is no text; write it as in"),  # type: ignore[arg-type]
        (lambda run: run.log_params([1]), "[1] has no names; expected names and values"),
        (lambda run: run.log_tags([1]), "log_tags was given [1]; give it names and values"),
        (lambda run: run.log_trial(1, {}, 3), "log_trial was given 3; give it names and values"),
        (lambda run: run.log_plot("a", "roc", 3), "log_plot was given 3; give it names and values"),
        (lambda run: run.log_artifact(3), "log_artifact was given 3; give it the path of a file"),
        (lambda run: run.log({"loss": "low"}), "the value of 'loss' is str; expected a single number"),
        (lambda run: run.log({"loss": 1}, step="one"), "step is 'one'; expected an integer"),
        (lambda run: run.finish(error=3), "error is 3; expected the exception"),
        (lambda run: run.log_plot("p", "nokind", {}), "kind is 'nokind'; expected one of confusion_matrix, roc"),
        (lambda run: run.log_dataset("train", None), "log_dataset was given None; give it data, such as"),
        (lambda run: run.log_artifact(__file__, ""), "'' cannot name a file of the run"),
        (lambda run: run.log_artifact(""), "log_artifact was given ''; give it the path of a file or folder"),
        (
            lambda run: run.log_table("t", {"a": [1, 2], "b": [1]}),
            "differ in length: 'a' has 2, 'b' has 1; give each as",
        ),
        (lambda run: run.register("x", tags=3), "register was given 3; give it names and values, such as tags="),
        (lambda run: autotrack.load(run.folder).register("x", tags=3), "the tags are 3; expected names and texts"),  # type: ignore[arg-type]
        (lambda run: run.wait(float("nan")), "timeout is nan; expected a number of seconds, 0 or more"),
        (lambda run: run.wait(-1), "timeout is -1; expected a number of seconds, 0 or more"),
        (lambda run: run.wait("x"), "timeout is 'x'; expected a number of seconds, 0 or more"),
        (lambda _: autotrack.flush(float("nan")), "timeout is nan; expected a number of seconds"),
        (lambda _: autotrack.flush([1]), "timeout is [1]; expected a number of seconds"),  # type: ignore[arg-type]
        (lambda run: autotrack.sync(run.folder, timeout=-1), "timeout is -1; expected a number of seconds"),
        (lambda run: autotrack.runs(run.folder.parent).last("x"), "the number of runs is 'x'; expected an integer"),  # type: ignore[arg-type]
        (lambda run: autotrack.runs(run.folder.parent).last(-1), "the number of runs is -1; expected an integer, 0"),
        (lambda _: autotrack.tensorboard(last=1.5), "last is 1.5; expected an integer, 0 or more"),  # type: ignore[arg-type]
        (lambda _: autotrack.tensorboard(port=70000), "port is 70000; expected one from 1 to 65535"),
    ],
)
def test_the_value_and_the_fix_are_said_in_one_traceback(store: Path, call: Call, said: str) -> None:
    with autotrack.start_run(to=store) as run, pytest.raises((AutotrackError, TypeError, ValueError)) as caught:
        call(run)
    assert said in str(caught.value)
    assert "".join(traceback.format_exception(caught.value)).count("Traceback") == 1


def test_params_that_cannot_be_logged_leave_no_run_behind(store: Path) -> None:
    with pytest.raises(TypeError):
        autotrack.start_run(to=store, params=3)  # type: ignore[arg-type]
    assert len(autotrack.runs(store)) == 0


class MyCallback:
    """Takes the arguments of a run."""

    def __init__(self, **options: Any) -> None:
        RunOptions(self, **options)


def test_an_argument_that_a_callback_does_not_have_is_said_with_its_class() -> None:
    with pytest.raises(TypeError, match=r"^MyCallback has no argument 'experment'; .* mean 'experiment'\?"):
        MyCallback(experment="digits")
    with pytest.raises(TypeError, match=r"^MyCallback was given name=3; give it text, such as 'baseline'"):
        MyCallback(name=3)


def test_a_name_in_an_error_cannot_steer_the_terminal(store: Path) -> None:
    with autotrack.start_run("a\x1b[31m\u202eb", to=store) as run:
        run.log({"a": 1})
    for act in (lambda: run.finish("failed"), lambda: autotrack.load(run.name + "c", store)):
        with pytest.raises(AutotrackError) as caught:
            act()
        assert "a\\x1b[31m\\u202eb" in str(caught.value)
    assert str(AutotrackError("one\n\ttwo")) == "one\n\ttwo"
