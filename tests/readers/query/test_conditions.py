"""The language of `where` and `sort`: Python's own comparisons, and nothing that could be executed."""

import math
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autotrack.errors import QueryError
from autotrack.journal.series import Point
from autotrack.journal.summary import MetricSummary, Summary
from autotrack.readers.query.conditions import Condition, Query, sortable
from autotrack.readers.query.names import Name, names_in

NUMBERS = st.one_of(st.integers(-1000, 1000), st.floats(-1e6, 1e6))
VALUES: dict[str, float] = {"params.a": 2, "params.b": -0.5, "metrics.c": 3.25, "metrics.d": 0}


def metric(last: Any, best: Any = None) -> MetricSummary:
    return MetricSummary(last=Point(last, time=1.0), best=None if best is None else Point(best, time=1.0))


def run(**about: Any) -> Summary:
    return Summary(id="abc", name="brave-otter", experiment="digits", **about)


def holds(condition: str, summary: Summary) -> bool:
    return Condition(condition)(reading(summary))


def reading(summary: Summary) -> Callable[[Name], Any]:
    return lambda name: name.read(summary)


def names_of(*summaries: Summary) -> set[Name]:
    return set(names_in(summaries))


def expressions() -> st.SearchStrategy[str]:
    """Arithmetic over numbers and the names in `VALUES`, as text."""
    leaves = st.one_of(st.sampled_from(sorted(VALUES)), NUMBERS.map(repr))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(lambda parts: f"({' '.join(parts)})"),
            st.tuples(inner, st.integers(1, 9)).map(lambda parts: f"({parts[0]} / {parts[1]})"),
            inner.map(lambda text: f"(-{text})"),
        ),
        max_leaves=4,
    )


def conditions() -> st.SearchStrategy[str]:
    """Comparisons of such expressions, chained, negated and joined."""
    signs = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    compared = st.one_of(
        st.tuples(expressions(), signs, expressions()).map(" ".join),
        st.tuples(expressions(), signs, expressions(), signs, expressions()).map(" ".join),
        st.tuples(expressions(), st.sampled_from(["in", "not in"]), st.lists(expressions(), max_size=3)).map(
            lambda parts: f"{parts[0]} {parts[1]} [{', '.join(parts[2])}]"
        ),
    )
    return st.recursive(
        compared,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda parts: f"({' '.join(parts)})"),
            inner.map(lambda text: f"(not {text})"),
        ),
        max_leaves=4,
    )


def as_python(condition: str) -> bool:
    """What Python itself says, with the values in the place of the names."""
    for name, value in VALUES.items():
        condition = condition.replace(name, f"({value!r})")
    return bool(eval(condition, {"__builtins__": {}}))


@given(conditions())
@example("1 < params.a < 3")
@example("not params.a == 2 or metrics.c in [3.25]")
def test_a_condition_on_numbers_means_what_it_means_in_python(condition: str) -> None:
    summary = run(
        params={"a": VALUES["params.a"], "b": VALUES["params.b"]},
        metrics={"c": metric(VALUES["metrics.c"]), "d": metric(VALUES["metrics.d"])},
    )
    assert holds(condition, summary) == as_python(condition)


@given(st.text(max_size=40))
@example("\0")
@example("\ud800")
@example("params.a * 10 ** 10 ** 10")
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        compiled = Condition(text)
    except QueryError:
        return
    assert compiled(reading(run())) in (True, False)


@pytest.mark.parametrize(
    "condition",
    [
        "",
        "val_loss < 0.2",
        "parms.lr < 1",
        "metrics.val_loss <",
        "status.__class__ == 1",
        "__class__",
        "().__class__",
        "__import__('os').remove('precious')",
        "exec('import os; os.remove(\"precious\")')",
        "open('precious', 'w')",
        "params.get('lr') == 1",
        "params.__class__()",
        "(lambda: 1)()",
        "[x for x in params]",
        "{'a': 1}",
        "{1, 2}",
        "f'{params}' == ''",
        "(x := 1) == 1",
        "params.a if params.b else params.c",
        "params[0] == 1",
        "params['a':'b']",
        "params.lr ** 2 > 1",
        "params.lr % 2 == 1",
        "~params.lr",
        "params.lr @ params.lr",
        "params.lr << 2",
        "await params.lr",
        "*params.lr",
        "params.lr is 3",
        "import os",
        "x = 1",
        "params.lr < 1; params.lr > 1",
    ],
)
def test_anything_else_is_refused_and_nothing_of_it_is_executed(
    condition: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "precious").write_text("still here")
    with pytest.raises(QueryError) as caught:
        Condition(condition, names_of(run()))
    assert condition in str(caught.value)
    assert (tmp_path / "precious").read_text() == "still here"


def test_what_looks_like_an_attribute_of_python_is_only_a_name() -> None:
    assert not holds("params.__class__ != 0", run())
    assert holds("params.__class__ == 'mine'", run(params={"__class__": "mine"}))


def test_an_unknown_name_is_answered_with_the_names_there_are() -> None:
    with pytest.raises(QueryError, match=r"'val_loss'.*metrics\.NAME.*status"):
        Condition("val_loss < 0.2", names_of(run()))


def test_odd_names_are_written_in_brackets() -> None:
    summary = run(
        params={"a/b": 1, "optimizer.lr": 0.1, "class": "A"},
        metrics={"lr-Adam": metric(0.5), "val/loss": metric(0.25, best=0.125)},
        tags={"who knows?": "me"},
    )
    for condition in (
        "params['a/b'] == 1",
        "params.optimizer.lr == 0.1",
        "params['optimizer.lr'] == 0.1",
        "params['optimizer'].lr == 0.1",
        "params['class'] == 'A'",
        "metrics['lr-Adam'] == 0.5",
        "metrics['val/loss'] == 0.25 and best['val/loss'] == 0.125",
        "tags['who knows?'] == 'me'",
    ):
        assert holds(condition, summary), condition


def at(text: str) -> float:
    """A time in the zone of this machine."""
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("started > '2026-11-24'", True),
        ("started > '2026-11-25'", True),
        ("started > '2026-11-26'", False),
        ("started >= '2026-11-25'", True),
        ("started < '2026-11-25'", False),
        ("started <= '2026-11-25'", True),
        ("started == '2026-11-25'", True),
        ("started == '2026-11'", True),
        ("started != '2026-11-25'", False),
        ("started in ('2026-11-24', '2026-11-25')", True),
        ("started not in ['2026-11-25']", False),
        ("'2026-11-25' <= started", True),
        ("'2026-11-25 14:00' < started < '2026-11-25 15:00'", True),
        ("started == '2026-11-25 14:07'", True),
        ("started == '2026-11-25 14:07:53'", False),
        ("started > '2026-11-25T14:00'", True),
        ("started > '2026-11-27T00:00:00+00:00'", False),
        ("ended > '2026-11-25'", False),
        ("ended is None", True),
        ("started > 1000", True),
        ("started < '2 minutes ago' and started < 'tomorrow'", True),
    ],
)
def test_times_are_compared_with_dates(condition: str, *, expected: bool) -> None:
    assert holds(condition, run(started=at("2026-11-25 14:07:52"))) is expected


@pytest.mark.parametrize("text", ["some day", "2026-13-01", "25.11.2026", "", "2026-02-30"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match=r"is no date; write it as in '2026-11-25'"):
        Condition(f"started > {text!r}")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("75", 75), ("75 s", 75), ("1 min 15 s", 75), ("1m15s", 75), ("2 h 1 min", 7260), ("1.5 hours", 5400),
     ("1:15", 75), ("2:01:00", 7260), ("1 day", 86400), ("2 days", 172800)],
)  # fmt: skip
def test_durations_are_written_for_people(text: str, seconds: float) -> None:
    for sign in ("<=", ">=", "=="):
        assert holds(f"duration_seconds {sign} {text!r}", run(duration_seconds=float(seconds)))
    assert holds(f"{text!r} < duration_seconds", run(duration_seconds=seconds + 0.5))
    assert holds(f"took < {text!r}", run(duration_seconds=seconds - 0.5))


def test_what_is_no_duration_is_refused() -> None:
    for text in ("long", "5 parsecs", "min"):
        with pytest.raises(QueryError, match=r"is no duration; write it as in '90 s'"):
            Condition(f"duration_seconds > {text!r}")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("params.shuffle == true and params.cached == False", True),
        ("params.shuffle == 'True'", True),
        ("params.text_lr > 0.05 and params.text_lr == 0.1", True),
        ("metrics.loss < '0.2'", False),
        ("metrics.broken == nan", True),
        ("metrics.loss != nan", True),
        ("tags.why == 'for the paper' and tags['who is it'] == 'me'", True),
        ("'paper' in tags.why", True),
        ("params.text_lr in [0.1, 0.2]", True),
        ("status in ('failed', 'running')", True),
        ("status not in ('failed', 'killed')", True),
    ],
)
def test_values_are_compared_as_people_mean_them(condition: str, *, expected: bool) -> None:
    summary = run(
        params={"shuffle": True, "cached": False, "text_lr": "0.1"},
        metrics={"loss": metric(0.5), "broken": metric("NaN")},
        tags={"why": "for the paper", "who is it": "me"},
    )
    assert holds(condition, summary) is expected


@pytest.mark.parametrize(
    ("wanted", "proposed"),
    [
        ("metrics.trainloss < 1", "metrics.train_loss or best.train_loss"),
        ("loss < 1", "metrics.train_loss or best.train_loss"),
        ("params.learning_rat == 1", "params.learning_rate"),
        ("tags.learning_rate == 1", "params.learning_rate"),
        ("acc > 1", "metrics['val/acc'] or best['val/acc']"),
        ("experimnt == 'a'", "experiment"),
        ("metrics.took > 1", "duration_seconds"),
    ],
)
def test_a_name_that_no_run_has_is_answered_with_the_nearest(wanted: str, proposed: str) -> None:
    known = [run(params={"learning_rate": 1}, metrics={"train_loss": metric(1, 1), "val/acc": metric(1, 1)}), run()]
    with pytest.raises(QueryError, match=f"did you mean {re.escape(proposed)}"):
        Condition(wanted, names_of(*known)).check_names()


def test_a_metric_without_a_direction_has_no_best() -> None:
    with pytest.raises(QueryError, match=r"write the setting metric = 'min cost' or 'max cost'"):
        Query("best.cost", names_of(run(metrics={"cost": metric(1)}))).check_names()


def test_a_name_that_any_run_has_is_no_mistake_and_nor_is_any_where_there_are_no_runs() -> None:
    Condition("params.lr < 1", names_of(run(), run(params={"lr": None}))).check_names()
    Condition("params.lr < 1").check_names()


def test_the_fields_of_a_run_are_names() -> None:
    summary = run(status="failed", duration_seconds=75.0)
    assert holds("status == 'failed' and experiment == 'digits' and duration_seconds > 60", summary)
    assert holds("'otter' in name", summary)
    assert not holds("ended > 0", summary)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_recorded_nan_and_infinities_are_numbers_again(value: str) -> None:
    summary = run(metrics={"loss": metric(value)})
    assert holds("metrics.loss > 1", summary) == (float(value) > 1)
    assert holds("not metrics.loss > 1", summary) == (not float(value) > 1)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("params.missing < 1", False),
        ("not params.missing < 1", False),
        ("params.missing == None", True),
        ("params.missing is None", True),
        ("params.missing is not none", False),
        ("params.word is not None and params.word != null", True),
        ("not params.missing", False),
        ("params.missing + 1 > 0", False),
        ("not params.missing + 1 > 0", False),
        ("not (params.missing < 1 and name == 'brave-otter')", False),
        ("params.missing < 1 or name == 'brave-otter'", True),
        ("name == 'brave-otter' or params.missing < 1", True),
        ("not (params.missing < 1 and name == 'other')", True),
        ("params.word < 1 or name == 'brave-otter'", True),
        ("params.word < 1", False),
        ("not params.word < 1", False),
        ("1 / params.zero > 0 or name == 'brave-otter'", True),
        ("1 / params.zero > 0", False),
    ],
)
def test_a_run_without_what_is_needed_does_not_pass(condition: str, *, expected: bool) -> None:
    assert holds(condition, run(params={"word": "auto", "zero": 0})) is expected


def test_a_name_to_sort_by_is_a_value_or_none() -> None:
    summary = run(params={"lr": 0.1}, metrics={"loss": metric(0.5, best=0.25)})
    assert Query("params.lr")(reading(summary)) == 0.1
    assert Query("best.loss")(reading(summary)) == 0.25
    for lacking in ("params.other", "-params.other", "params.lr / 0", "params.lr + params.other"):
        assert Query(lacking)(reading(summary)) is None
    with pytest.raises(QueryError):
        Query("lr", names_of(run()))


@given(st.lists(st.one_of(st.integers(), st.floats(), st.text(), st.booleans()), max_size=8))
def test_values_of_any_kind_can_be_put_in_order(values: list[object]) -> None:
    ordered = sorted(values, key=sortable)
    numbers = [value for value in ordered if isinstance(value, (int, float)) and not math.isnan(value)]
    assert ordered[: len(numbers)] == numbers == sorted(numbers)


def test_a_name_with_odd_characters_can_be_asked_for() -> None:
    known = [Name("params", "params.x"), Name("params", "k v"), Name("params", "x y.z")]
    for text, name in (
        ("params['k v'] == 1", "k v"),
        ('params["x y.z"] > 1', "x y.z"),
        ("params.x == 1", "params.x"),
        ("params.params.x == 1", "params.x"),
        ("params['params.x'] == 1", "params.x"),
    ):
        assert Condition(text, known).names == [Name("params", name)], text
    for text in ("'k v' == 1", "'k v'", "1 < 2 and 'k v' in ['k v']", "'k v' contains 'v'", "'k v' matches 'v'"):
        with pytest.raises(QueryError, match=r"same for every run.* written as params\['k v'\]"):
            Condition(text, known)


def test_a_bracket_that_is_open_is_said_in_words() -> None:
    with pytest.raises(QueryError, match=r"^this cannot be read \(a bracket is not closed\); write it as"):
        Condition("((((((")
