"""Plots are drawn in a process that goes away, and whatever happens there costs only the plots it happens to."""

import io
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib")
from PIL import Image  # comes with matplotlib

from autotrack import drawing_process, plots
from autotrack.drawing_process import Drawn, drawn_together, kept_process
from autotrack.journal.records import Plot
from autotrack.plots import draw, draw_all


def plot(kind: str, name: str = "p", **data: Any) -> Plot:
    return Plot(time=0.0, name=name, kind=kind, data=data)


CURVE = plot("curve", x=[1, 2, 3], y=[0.5, "NaN", 1.5])
BROKEN = plot("confusion_matrix", labels=["a"])
UNKNOWN = plot("unheard of")


def test_every_plot_has_its_answer_in_order() -> None:
    found = list(draw_all([UNKNOWN, CURVE, BROKEN, CURVE, UNKNOWN]))
    assert [(one.png is not None, one.error is not None) for one in found] == [
        (False, False),
        (True, False),
        (False, True),
        (True, False),
        (False, False),
    ]
    assert "KeyError" in (found[2].error or "")


def test_what_another_process_draws_is_what_this_one_draws() -> None:
    (found,) = draw_all([CURVE])
    assert found.png is not None
    with Image.open(io.BytesIO(found.png)) as there, Image.open(io.BytesIO(draw(CURVE) or b"")) as here:
        assert there.tobytes() == here.tobytes()


def test_matplotlib_stays_out_of_the_process_that_asks(run_script: Callable[..., str]) -> None:
    said = run_script(
        """
        import sys
        from autotrack.plots import draw_all
        from autotrack.journal.records import Plot
        curve = Plot(time=0.0, name="p", kind="curve", data={"x": [1, 2], "y": [1, 2]})
        (drawn,) = draw_all([curve])
        print(len(drawn.png) > 1000, sorted({"matplotlib", "numpy", "PIL"} & set(sys.modules)))
        """
    )
    assert said.strip() == "True []"


def test_no_process_is_started_where_nothing_is_to_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/there/is/no/python")
    assert list(draw_all([])) == []
    assert list(draw_all([UNKNOWN])) == [Drawn()]


def test_without_a_python_to_start_every_plot_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/there/is/no/python")
    found = list(draw_all([CURVE, UNKNOWN, CURVE]))
    assert [one.png for one in found] == [None] * 3
    assert ["the process that draws could not be started" in (one.error or "") for one in found] == [True, False, True]


def test_a_frozen_program_draws_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    found = list(draw_all([CURVE, BROKEN]))
    assert found[0].png == draw(CURVE)
    assert "KeyError" in (found[1].error or "")


def as_python(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Have something else answer in the place of Python."""
    script = folder / "python"
    script.write_text(f"#!{sys.executable}\nimport os, sys, time\n{code}")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))


DRAWS_ONE = """\
sys.stdin.buffer.read()
sys.stdout.write('a greeting\\n{"png":"AAAA"}\\n{"pn')
sys.stdout.flush()
"""


def test_a_process_that_dies_costs_only_what_it_had_not_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_python(tmp_path, monkeypatch, f'{DRAWS_ONE}print("out of memory", file=sys.stderr, flush=True); os._exit(9)')
    first, second = draw_all([CURVE, CURVE])
    assert first == Drawn(png=b"\0\0\0")
    assert second == Drawn(error="the process that draws ended with exit code 9: out of memory")


def test_a_process_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "WITHIN_SECONDS", 2)
    as_python(tmp_path, monkeypatch, f"{DRAWS_ONE}time.sleep(600)")
    began = time.monotonic()
    first, second = draw_all([CURVE, CURVE])
    assert time.monotonic() - began < 60
    assert first == Drawn(png=b"\0\0\0")
    assert second.error == "drawing took more than 2 seconds"


def test_many_plots_are_drawn_by_several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "_IN_ONE_PROCESS", 2)
    found = list(draw_all([CURVE, UNKNOWN, UNKNOWN, UNKNOWN, BROKEN]))
    assert [one == Drawn() for one in found] == [False, True, True, True, False]


def test_the_plots_of_many_runs_are_drawn_by_one_process_as_long_as_that_lasts() -> None:
    big = plot("curve", x=list(range(20_000)), y=[0.5] * 20_000)  # more than a pipe holds
    with drawn_together():
        first = list(draw_all([CURVE, BROKEN, UNKNOWN]))
        process = kept_process()
        assert process is not None
        second = list(draw_all([big, CURVE]))
        assert kept_process() is process
        process.end()  # as a system does that is short of memory
        third = list(draw_all([CURVE]))
        assert kept_process() is not process
    assert kept_process() is None
    assert [one.png is not None for one in first + second + third] == [True, False, False, True, True, True]
    assert "KeyError" in (first[1].error or "")


ANSWERS_ONCE = """\
sys.stdin.buffer.readline()
sys.stdout.write('a greeting\\n{"png":"AAAA"}\\n{"pn')
sys.stdout.flush()
"""


@pytest.mark.parametrize(
    ("then", "why"),
    [("os._exit(9)", "ended with exit code 9"), ("time.sleep(600)", "drawing took more than 2 seconds")],
)
def test_a_kept_process_that_fails_costs_only_what_it_had_not_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: str, why: str
) -> None:
    with monkeypatch.context() as changed, drawn_together():
        changed.setattr(drawing_process, "WITHIN_SECONDS", 2)
        as_python(tmp_path, changed, f"{ANSWERS_ONCE}{then}")
        first, second = draw_all([CURVE, CURVE])
        assert first == Drawn(png=b"\0\0\0")
        assert why in (second.error or "")
        changed.undo()
        assert next(draw_all([CURVE])).png


def test_long_and_many_names_leave_room_for_what_they_name() -> None:
    names = [f"the {number}th of very many long names of columns" for number in range(60)]
    bars = plot("importances", names=names, values=list(range(60)))
    matrix = plot("confusion_matrix", labels=names[:30], matrix=[[1] * 30] * 30)
    assert all(one.png for one in draw_all([bars, matrix]))
