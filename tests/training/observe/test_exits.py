"""How a script is ending is known while it ends, and `sys.exit` stays what it is."""

import inspect
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from autotrack.training.observe.exits import ExitWatch


@pytest.fixture
def watch() -> Iterator[ExitWatch]:
    made = ExitWatch()
    made.begin()
    yield made
    made.end()


@pytest.fixture(autouse=True)
def _no_uncaught_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(sys, "last_value", raising=False)


def leave(*arguments: object) -> None:
    with pytest.raises(SystemExit):
        sys.exit(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("arguments", [(), (None,), (0,)])
def test_a_good_exit_is_no_error(watch: ExitWatch, arguments: tuple[object, ...]) -> None:
    leave(*arguments)
    assert watch.error() is None


@pytest.mark.parametrize("code", [1, 2, "no data", (1, 2)])
def test_a_bad_exit_is_an_error(watch: ExitWatch, code: object) -> None:
    leave(code)
    error = watch.error()
    assert isinstance(error, SystemExit)
    assert error.code == code
    assert error.__traceback__ is None  # its frames would keep alive what the script had


def test_an_uncaught_exception_goes_before_an_exit_that_was_caught(
    watch: ExitWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(2)
    uncaught = ValueError("bad")
    monkeypatch.setattr(sys, "last_value", uncaught, raising=False)
    assert watch.error() is uncaught


def test_a_thread_that_exits_does_not_end_the_script(watch: ExitWatch) -> None:
    thread = threading.Thread(target=leave, args=[3])
    thread.start()
    thread.join()
    assert watch.error() is None


def test_an_exit_before_a_run_began_did_not_end_it(watch: ExitWatch) -> None:
    leave(2)
    watch.begin()
    assert watch.error() is None
    watch.end()


def test_nothing_ends_an_interactive_session(watch: ExitWatch, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(2)
    monkeypatch.setattr(sys, "last_value", ValueError("bad"), raising=False)
    with monkeypatch.context() as prompt:
        prompt.setattr(sys, "ps1", ">>> ", raising=False)
        assert watch.error() is None
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=object))
    assert watch.error() is None


def test_sys_exit_is_put_back_with_the_last_run_and_looks_the_same_meanwhile() -> None:
    original, watch = sys.exit, ExitWatch()
    watch.begin()
    watch.begin()
    assert sys.exit is not original
    assert (sys.exit.__name__, sys.exit.__doc__) == ("exit", original.__doc__)
    assert inspect.signature(sys.exit) == inspect.signature(original)
    assert pickle.loads(pickle.dumps(sys.exit)) is sys.exit
    watch.end()
    assert sys.exit is not original
    watch.end()
    assert sys.exit is original


def test_arguments_that_sys_exit_refuses_are_refused(watch: ExitWatch) -> None:
    with pytest.raises(TypeError):
        sys.exit(1, 2)  # type: ignore[call-arg]
    assert watch.error() is None


@pytest.mark.parametrize(
    ("end", "code"), [("raise KeyboardInterrupt", -2), ("sys.exit(3)", 3), ("1 / 0", 1), ("pass", 0)]
)
def test_what_is_imported_at_exit_leaves_the_exit_code_alone(
    run_script: Callable[..., str], end: str, code: int
) -> None:
    run_script(
        f"""
        import atexit, sys
        from autotrack.training.observe.exits import watch
        def at_exit():
            import dataclasses
            dataclasses.make_dataclass("Point", ["x", "y"])
            watch.keep_exit_code()
        atexit.register(at_exit)
        watch.begin()
        {end}
        """,
        exit_code=code,
    )
