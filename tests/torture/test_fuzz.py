"""A small version of what `python -m tests.torture.fuzz` tries at length."""

import os
import time
from pathlib import Path

import pytest

from autotrack.cli.commands import COMMANDS
from tests.support.canned_server import Answer, canned_server
from tests.support.damage import Damage
from tests.torture import fuzz, uses

pytest.importorskip("tensorboard")
pytest.importorskip("PIL")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="makes pipes and links")]


def test_no_command_crashes_hangs_or_leaves_a_damaged_store(tmp_path: Path) -> None:
    result = fuzz.run(tmp_path, range(6), seconds=20.0)
    assert result.faults == []
    assert result.cases == 6


def test_every_command_is_used_on_damaged_stores() -> None:
    text = Path(uses.__file__).read_text()
    assert [command for command in COMMANDS if command != "run" and f'"{command}"' not in text] == []


def test_the_same_seed_does_the_same_damage(tmp_path: Path) -> None:
    done = []
    for attempt in ("first", "second"):
        store = tmp_path / attempt
        (store / "exp" / "run" / "journal").mkdir(parents=True)
        (store / "exp" / "run" / "journal" / "main.jsonl").write_text('{"record":"Notice","time":1.0}\n')
        damage = Damage(store, tmp_path, 7)
        damage.hurt(10)
        done.append(damage.done)
    assert done[0] == done[1]
    assert done[0]


def test_what_lies_outside_is_looked_for_where_it_could_get(tmp_path: Path) -> None:
    """The fuzzer notices when something outside of the store is changed, sent or copied into it."""
    with canned_server(Answer()) as server:
        fuzzer = fuzz.Fuzz(tmp_path, server)
        store = tmp_path / "store" / "runs"
        store.mkdir(parents=True)
        damage = Damage(store, tmp_path / "outside", 0)
        fuzzer._check_outside(0, damage, store)
        assert fuzzer.result.faults == []
        (store / "stolen").write_text(fuzz.CANARY)
        (tmp_path / "outside" / "secret").write_text("changed")
        fuzzer._check_outside(0, damage, store)
        assert len(fuzzer.result.faults) == 2


def test_a_hang_is_noticed() -> None:
    with pytest.raises(fuzz.Hang), fuzz._limit(0.05):
        time.sleep(60)
