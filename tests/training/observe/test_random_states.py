"""Random states that are kept when a run begins reproduce what it drew."""

import json
import random
from pathlib import Path
from typing import Any

import msgspec
import numpy
import pytest
import torch

from autotrack.redaction import Redactor
from autotrack.repeating import VARIABLE, Repetition, text_of
from autotrack.training.observe import random_states
from autotrack.training.observe.process import describe_process


def written() -> dict[str, Any]:
    """The random states as they come back from a file."""
    states: dict[str, Any] = json.loads(msgspec.json.encode(random_states.read()))
    return states


def all_states() -> list[object]:
    numpy_state: Any = numpy.random.get_state()
    return [
        random.getstate(),
        [part.tobytes() if isinstance(part, numpy.ndarray) else part for part in numpy_state],
        torch.get_rng_state().numpy().tobytes(),
        torch.initial_seed(),
    ]


def test_reading_the_states_changes_none_of_them() -> None:
    before = all_states()
    random_states.read()
    describe_process(Redactor({}))
    assert all_states() == before


def test_what_python_draws_next_comes_out_again() -> None:
    random.gauss(0, 1)  # keeps the second one of a pair
    state = written()["python"]
    drawn = [random.gauss(0, 1), random.random(), random.randrange(10**9)]
    random.seed(5)
    random.setstate((state["version"], tuple(state["state"]), state["gauss"]))
    assert [random.gauss(0, 1), random.random(), random.randrange(10**9)] == drawn


def test_what_numpy_draws_next_comes_out_again() -> None:
    numpy.random.standard_normal()
    state = written()["numpy"]
    drawn = numpy.random.standard_normal(5).tolist()
    numpy.random.seed(5)
    numpy.random.set_state((state["name"], state["keys"], state["position"], state["has_gauss"], state["gauss"]))
    assert numpy.random.standard_normal(5).tolist() == drawn


def test_what_torch_draws_next_comes_out_again() -> None:
    torch.manual_seed(1234)
    torch.rand(3)
    state = written()["torch"]
    drawn = torch.randn(5).tolist()
    torch.manual_seed(5)
    torch.set_rng_state(torch.tensor(list(bytes.fromhex(state["state"])), dtype=torch.uint8))
    assert torch.randn(5).tolist() == drawn
    assert state["seed"] == 1234


def test_only_the_run_that_stands_for_the_repeated_one_starts_with_its_states(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw() -> list[Any]:
        return [random.random(), numpy.random.rand(), torch.rand(1).item()]

    draw()  # of numpy, the generator is imported when it is first asked for
    random_states.set_as_recorded()  # repeats nothing
    (tmp_path / "states.json").write_bytes(msgspec.json.encode(random_states.read()))
    drawn = draw()
    monkeypatch.setattr(random_states, "_runs_begun", 0)
    told = Repetition(run="r", store="runs", states=str(tmp_path / "states.json"), position=1)
    monkeypatch.setenv(VARIABLE, text_of(told))
    random_states.set_as_recorded()
    assert draw() != drawn
    random_states.set_as_recorded()
    assert draw() == drawn
    before = all_states()
    for content in (b"no json", b'{"python": {"version": 3}, "numpy": 5, "torch": {"state": "zz"}}'):
        (tmp_path / "states.json").write_bytes(content)
        monkeypatch.setattr(random_states, "_runs_begun", 1)
        random_states.set_as_recorded()
    assert all_states() == before


def test_another_generator_of_numpy_is_named_only() -> None:
    generators: Any = numpy.random
    before = generators.get_bit_generator()
    generators.set_bit_generator(generators.PCG64(7))
    try:
        states = written()
    finally:
        generators.set_bit_generator(before)
    assert states["numpy"] == {"name": "PCG64"}
    assert "python" in states


def test_states_that_nobody_has_drawn_from_since_are_shared_on_the_disk(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    random_states.write(first)
    random_states.write(second)
    assert second.samefile(first)
    random.random()
    random_states.write(third)
    assert not third.samefile(first)
    assert json.loads(third.read_bytes())["python"] != json.loads(second.read_bytes())["python"]


def test_a_resumed_run_leaves_the_file_of_the_other_one_as_it_was(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    random_states.write(first)
    random_states.write(second)
    before = first.read_bytes()
    random.random()
    random_states.write(second)
    assert first.read_bytes() == before
    assert json.loads(second.read_bytes()) == json.loads(msgspec.json.encode(random_states.read()))


def test_the_states_are_written_anew_where_those_of_the_run_before_are_gone(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    random_states.write(first)
    first.unlink()
    random_states.write(second)
    assert json.loads(second.read_bytes())["python"]["version"] == 3
