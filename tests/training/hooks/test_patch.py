"""The firewall: a patched callable is what it was, and whatever happens in a hook, the original runs as before."""

import inspect
import logging
import pickle
import subprocess
import sys
import types
import warnings
from collections.abc import Callable, Generator
from typing import Any

import pytest

import autotrack
from autotrack.errors import AutotrackWarning
from autotrack.training.hooks.overhead import overhead
from autotrack.training.hooks.patch import Outcome, Patch

Hooked = Generator[None, Outcome, None]


class Base:
    def inherited(self, value: int, *, twice: bool = False) -> int:
        """What the base class does."""
        return value * (2 if twice else 1)


class Subject(Base):
    """What is patched here; of this module, so that it can be pickled."""

    def method(self, value: int, *, twice: bool = False) -> int:
        """Return the value, or raise."""
        if value < 0:
            raise LookupError(value)
        return value * (2 if twice else 1)

    @staticmethod
    def static(value: int, *, twice: bool = False) -> int:
        """A function that lives in a class."""
        return value * (2 if twice else 1)

    @classmethod
    def of_class(cls, value: int, *, twice: bool = False) -> int:
        """A method of the class itself."""
        assert cls is Subject
        return value * (2 if twice else 1)

    def countdown(self, value: int) -> list[int]:
        return [] if value == 0 else [value, *self.countdown(value - 1)]


def function(value: int, *, twice: bool = False) -> int:
    """A function of a module."""
    return value * (2 if twice else 1)


HERE = types.ModuleType("a_module")
HERE.function = function  # type: ignore[attr-defined]  # a module is what one puts into it

KINDS = [
    pytest.param(HERE, "function", id="function of a module"),
    pytest.param(Subject, "method", id="method"),
    pytest.param(Subject, "inherited", id="inherited method"),
    pytest.param(Subject, "static", id="static method"),
    pytest.param(Subject, "of_class", id="class method"),
]


def watching(seen: list[Any]) -> Callable[..., Hooked]:
    """A hook that notes what it is called with, and the outcome."""

    def hook(*args: Any, **kwargs: Any) -> Hooked:
        seen.append((args[-1], kwargs))
        outcome = yield
        seen.append(outcome)

    return hook


def caller(owner: Any, name: str) -> Callable[..., Any]:
    return getattr(owner if owner is HERE else owner(), name)  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def _nothing_stays_patched() -> Generator[None]:
    before = {owner: dict(vars(owner)) for owner in (HERE, Base, Subject)}
    yield
    for owner, attributes in before.items():
        for name in [name for name in vars(owner) if name not in attributes]:
            delattr(owner, name)
        for name in ("function", "method", "static", "of_class", "countdown", "inherited"):
            if name in attributes:
                setattr(owner, name, attributes[name])


# ---- a patched callable is what it was


@pytest.mark.parametrize(("owner", "name"), KINDS)
def test_a_hook_sees_the_arguments_and_the_result_and_changes_neither(owner: Any, name: str) -> None:
    seen: list[Any] = []
    Patch(owner, name, watching(seen)).apply()
    assert caller(owner, name)(21, twice=True) == 42
    assert seen == [(21, {"twice": True}), Outcome(result=42)]


@pytest.mark.parametrize(("owner", "name"), KINDS)
def test_a_patched_callable_keeps_name_doc_signature_kind_and_pickling(owner: Any, name: str) -> None:
    found, before = inspect.getattr_static(owner, name), getattr(owner, name)
    Patch(owner, name, watching([])).apply()
    put, after = inspect.getattr_static(owner, name), getattr(owner, name)
    assert put is not found
    assert type(put) is type(found)
    for attribute in ("__name__", "__doc__", "__module__", "__annotations__"):
        assert getattr(after, attribute) == getattr(before, attribute), attribute
    if name != "inherited":
        assert after.__qualname__ == before.__qualname__
    assert inspect.signature(after) == inspect.signature(before)
    assert inspect.getsource(after) == inspect.getsource(before)
    if owner is Subject:
        assert pickle.loads(pickle.dumps(after)) == after
        assert pickle.loads(pickle.dumps(getattr(Subject(), name))).__name__ == name


@pytest.mark.parametrize(("owner", "name"), KINDS)
def test_revert_puts_back_the_very_object(owner: Any, name: str) -> None:
    seen: list[Any] = []
    before = dict(vars(owner))
    patch = Patch(owner, name, watching(seen))
    for _ in range(2):
        patch.apply()
        patch.revert()
        assert dict(vars(owner)) == before
        assert all(vars(owner)[key] is value for key, value in before.items())
    patch.revert()
    assert caller(owner, name)(21) == 21
    assert seen == []


@pytest.mark.parametrize(("owner", "name"), KINDS)
def test_applying_twice_is_applying_once(owner: Any, name: str) -> None:
    seen: list[Any] = []
    before = inspect.getattr_static(owner, name)
    patch = Patch(owner, name, watching(seen))
    patch.apply()
    put = inspect.getattr_static(owner, name)
    patch.apply()
    assert inspect.getattr_static(owner, name) is put
    caller(owner, name)(1)
    assert len(seen) == 2
    patch.revert()
    assert inspect.getattr_static(owner, name) is before


def test_an_inherited_method_is_patched_for_the_class_alone() -> None:
    seen: list[Any] = []
    patch = Patch(Subject, "inherited", watching(seen))
    patch.apply()
    assert (Base().inherited(1), seen) == (1, [])
    assert (Subject().inherited(1), len(seen)) == (1, 2)
    patch.revert()
    assert "inherited" not in vars(Subject)


def test_there_must_be_something_to_patch() -> None:
    with pytest.raises(AttributeError, match="no_such_method"):
        Patch(Subject, "no_such_method", watching([])).apply()


def test_a_patch_says_what_it_patches() -> None:
    assert repr(Patch(Subject, "method", watching([]))) == "<Patch Subject.method>"


@pytest.mark.parametrize(("owner", "name"), KINDS)
def test_warnings_and_log_lines_of_the_original_point_where_they_did(owner: Any, name: str) -> None:
    def points_at_its_caller(*_: Any, **__: Any) -> int:
        warnings.warn("old", DeprecationWarning, stacklevel=2)
        return logging.getLogger().findCaller(stacklevel=2)[1]

    kept = vars(owner).get(name)
    kind = type(kept) if isinstance(kept, (staticmethod, classmethod)) else lambda function: function
    setattr(owner, name, kind(points_at_its_caller))
    try:
        positions = []
        for patched in (False, True):
            if patched:
                Patch(owner, name, watching([])).apply()
            with pytest.warns(DeprecationWarning, match="old") as caught:
                logged_at = caller(owner, name)(1)
            positions.append((caught[0].filename, caught[0].lineno, logged_at))
        assert positions[0] == positions[1]
        assert positions[0][0] == __file__
    finally:
        setattr(owner, name, kept) if kept is not None else delattr(owner, name)


def test_a_class_pickled_by_value_is_read_where_autotrack_is_not_installed() -> None:
    import cloudpickle  # no types are published with it

    names: dict[str, Any] = {"__name__": "__main__"}  # a class of a script, which is pickled by value
    exec("class Own:\n    def fit(self, X):\n        self.seen = X\n        return self", names)
    own = names["Own"]
    Patch(own, "fit", watching([])).apply()
    code = (
        "import pickle, sys\n"
        "sys.modules['autotrack'] = None\n"  # importing it fails
        "print(pickle.loads(sys.stdin.buffer.read()).fit(3).seen)"
    )
    pickled = cloudpickle.dumps(own())
    read = subprocess.run([sys.executable, "-c", code], input=pickled, capture_output=True, check=False)
    assert read.stdout == b"3\n", read.stderr.decode()


# ---- somebody else patches as well


def patch_as_others_do(calls: list[int]) -> Callable[..., int]:
    ours = Subject.method

    def theirs(self: Subject, value: int, **kwargs: Any) -> int:
        calls.append(value)
        return ours(self, value, **kwargs)

    Subject.method = theirs  # type: ignore[method-assign]  # that is what they do
    return theirs


def test_a_patch_on_top_of_ours_stays_when_ours_is_taken_away() -> None:
    seen: list[Any] = []
    calls: list[int] = []
    patch = Patch(Subject, "method", watching(seen))
    patch.apply()
    theirs = patch_as_others_do(calls)
    patch.revert()
    assert vars(Subject)["method"] is theirs
    assert (Subject().method(2), calls, seen) == (2, [2], [])


def test_ours_comes_back_once_whatever_lies_on_top() -> None:
    seen: list[Any] = []
    calls: list[int] = []
    patch = Patch(Subject, "method", watching(seen))
    patch.apply()
    patch_as_others_do(calls)
    patch.revert()
    patch.apply()
    assert (Subject().method(2), calls, len(seen)) == (2, [2], 2)
    patch.revert()
    assert (Subject().method(3), calls, len(seen)) == (3, [2, 3], 2)


def test_applying_again_below_a_patch_of_others_hooks_once() -> None:
    seen: list[Any] = []
    calls: list[int] = []
    patch = Patch(Subject, "method", watching(seen))
    patch.apply()
    patch_as_others_do(calls)
    patch.apply()
    assert (Subject().method(2), calls, len(seen)) == (2, [2], 2)


def test_others_who_restore_what_they_found_leave_ours_working() -> None:
    seen: list[Any] = []
    before = vars(Subject)["method"]
    patch = Patch(Subject, "method", watching(seen))
    patch.apply()
    put = vars(Subject)["method"]
    patch_as_others_do([])
    Subject.method = put  # type: ignore[method-assign]
    assert (Subject().method(2), len(seen)) == (2, 2)
    patch.revert()
    assert vars(Subject)["method"] is before


# ---- what a hook may do


def test_a_hook_sees_the_exception_on_its_way_to_the_caller() -> None:
    seen: list[Any] = []
    Patch(Subject, "method", watching(seen)).apply()
    with pytest.raises(LookupError) as caught:
        Subject().method(-1)
    assert seen[1].error is caught.value
    assert seen[1].result is None


def test_a_hook_may_have_nothing_to_do_afterwards() -> None:
    seen: list[int] = []

    def hook(_self: Subject, value: int) -> Hooked:
        seen.append(value)
        if value:
            return
        yield

    Patch(Subject, "method", hook).apply()
    assert Subject().method(1) == 1
    assert Subject().method(0) == 0
    assert seen == [1, 0]


def test_a_callable_that_calls_itself_is_hooked_at_every_level() -> None:
    depth, deepest = 0, 0

    def hook(*_: Any) -> Hooked:
        nonlocal depth, deepest
        depth += 1
        deepest = max(deepest, depth)
        yield
        depth -= 1

    Patch(Subject, "countdown", hook).apply()
    assert Subject().countdown(3) == [3, 2, 1]
    assert (depth, deepest) == (0, 4)


def test_a_hook_may_call_what_it_hooks() -> None:
    entered: list[int] = []

    def hook(subject: Subject, value: int) -> Hooked:
        entered.append(value)
        if value > 0:
            subject.method(0)
        yield

    Patch(Subject, "method", hook).apply()
    assert Subject().method(7) == 7
    assert entered == [7, 0]


# ---- what a hook must not be felt by


def fails_at_once(*_: Any) -> Hooked:
    raise RuntimeError("the hook failed")


def fails_before(*_: Any) -> Hooked:
    if True:
        raise RuntimeError("the hook failed")
    yield


def fails_after(*_: Any) -> Hooked:
    yield
    raise RuntimeError("the hook failed")


def takes_other_arguments() -> Hooked:
    yield


def yields_twice(*_: Any) -> Hooked:
    yield
    yield


def is_no_generator(*_: Any) -> Any:
    return None


def raises_what_it_was_given(*_: Any) -> Hooked:
    outcome = yield
    raise outcome.error or RuntimeError("the hook failed")


FAILING = [
    fails_at_once,
    fails_before,
    fails_after,
    takes_other_arguments,
    yields_twice,
    is_no_generator,
    raises_what_it_was_given,
]


@pytest.mark.parametrize("hook", FAILING)
def test_a_failing_hook_changes_no_result_and_is_one_warning(hook: Callable[..., Any]) -> None:
    Patch(Subject, "method", hook).apply()
    with pytest.warns(AutotrackWarning, match=r"Subject\.method: .*training is not affected") as caught:
        assert Subject().method(3) == 3
    assert len(caught) == 1


@pytest.mark.parametrize("hook", FAILING)
def test_a_failing_hook_changes_no_exception(hook: Callable[..., Any]) -> None:
    Patch(Subject, "method", hook).apply()
    cause, context = ValueError("cause"), ValueError("context")
    error = LookupError("mine")
    error.__cause__, error.__context__ = cause, context
    Subject.inherited = _raising(error)  # type: ignore[method-assign,assignment]
    Patch(Subject, "inherited", hook).apply()
    with pytest.warns(AutotrackWarning) as warned, pytest.raises(LookupError) as caught:
        Subject().inherited(1)
    assert caught.value is error
    assert (error.__cause__, error.__context__) == (cause, context)
    assert not hasattr(error, "__notes__")
    assert len(warned) == 1

    fresh = LookupError("fresh")
    Subject.inherited = _raising(fresh)  # type: ignore[method-assign,assignment]
    Patch(Subject, "inherited", hook).apply()
    with pytest.raises(LookupError):  # the second fault of its kind is no warning
        Subject().inherited(1)
    assert (fresh.__cause__, fresh.__context__) == (None, None)


def _raising(error: BaseException) -> Callable[..., None]:
    def raises(*_: Any) -> None:
        raise error

    return raises


@pytest.mark.parametrize("hook", [*FAILING, watching([])])
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, StopIteration])
def test_whatever_the_original_raises_passes(hook: Callable[..., Any], kind: type[BaseException]) -> None:
    error = kind("mine")
    Subject.inherited = _raising(error)  # type: ignore[method-assign,assignment]
    Patch(Subject, "inherited", hook).apply()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(kind) as caught:
            Subject().inherited(1)
    assert caught.value is error
    assert (error.__cause__, error.__context__) == (None, None)


def test_ctrl_c_in_a_hook_is_not_swallowed() -> None:
    def hook(*_: Any) -> Hooked:
        raise KeyboardInterrupt
        yield

    Patch(Subject, "method", hook).apply()
    with pytest.raises(KeyboardInterrupt):
        Subject().method(1)


@pytest.mark.parametrize("hook", FAILING)
def test_where_warnings_are_errors_nothing_escapes(hook: Callable[..., Any]) -> None:
    Patch(Subject, "method", hook).apply()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Subject().method(3) == 3
        with pytest.raises(LookupError) as caught:
            Subject().method(-1)
    assert (caught.value.args, caught.value.__context__, caught.value.__cause__) == ((-1,), None, None)


def test_a_failing_hook_is_a_notice_in_the_current_run(store: Any) -> None:
    Patch(Subject, "method", fails_before).apply()
    with autotrack.start_run(to=store) as run, pytest.warns(AutotrackWarning) as caught:
        assert [Subject().method(3) for _ in range(3)] == [3, 3, 3]
    assert len(caught) == 1
    assert _said(run) == [("Subject.method", "RuntimeError: the hook failed")]


def test_a_failing_hook_outside_a_run_is_a_notice_in_the_next_one(store: Any) -> None:
    Patch(Subject, "method", fails_before).apply()
    with pytest.warns(AutotrackWarning):
        Subject().method(3)
    with autotrack.start_run(to=store) as run:
        pass
    assert _said(run) == [("Subject.method", "RuntimeError: the hook failed")]
    with autotrack.start_run(to=store) as another:
        pass
    assert _said(another) == []


def _said(run: autotrack.Run) -> list[tuple[str, str]]:
    return [(notice.about, notice.message) for notice in autotrack.load(run.folder).notices]


def test_the_user_s_mistake_in_a_call_is_the_user_s_exception() -> None:
    Patch(Subject, "method", watching([])).apply()
    with pytest.raises(TypeError, match=r"method\(\) got an unexpected keyword argument 'thrice'"):
        Subject().method(1, thrice=True)  # type: ignore[call-arg]


def test_a_traceback_shows_the_user_s_line_and_ends_in_the_original() -> None:
    Patch(Subject, "method", watching([])).apply()
    with pytest.raises(LookupError) as caught:
        Subject().method(-1)
    names = [entry.name for entry in caught.traceback]
    assert names == ["test_a_traceback_shows_the_user_s_line_and_ends_in_the_original", "patched", "method"]


def test_calls_that_a_hook_is_not_for_are_left_alone() -> None:
    seen: list[Any] = []
    Patch(Subject, "method", watching(seen), concerns=lambda args, kwargs: args[1] > 2 or "twice" in kwargs).apply()
    assert Subject().method(2) == 2
    assert not seen
    assert Subject().method(3) == 3
    assert len(seen) == 2
    assert Subject().method(2, twice=True) == 4
    assert len(seen) == 4


def test_the_time_of_hooks_counts_as_ours() -> None:
    before = overhead.seconds()
    Patch(Subject, "method", watching([])).apply()
    Subject().method(1)
    assert overhead.seconds() > before
