"""A param that came from the command line is changed there, however it is spelled; any other one is refused."""

from pathlib import Path

import pytest

from autotrack.errors import ReproduceError
from autotrack.journal.summary import Summary
from autotrack.reproduce.changed_params import with_params


def changed(code: Path, words: str, source: str = "argparse", **changes: str) -> str:
    params = {"lr": 0.1, "batch_size": 4}
    summary = Summary(params={**params, "width": 3}, params_by_source={source: params, "Net": {"width": 3}})
    return " ".join(with_params(words.split(), changes, summary, code))


def test_where_the_command_line_has_it_it_is_replaced(tmp_path: Path) -> None:
    assert changed(tmp_path, "python train.py --lr 0.1 --fast", lr="0.2") == "python train.py --lr 0.2 --fast"
    assert changed(tmp_path, "python train.py --lr=0.1", lr="0.2") == "python train.py --lr=0.2"
    assert changed(tmp_path, "train.py --batch-size 4", batch_size="8") == "train.py --batch-size 8"
    assert changed(tmp_path, "train.py lr=0.1 +x=2", "hydra", lr="0.2") == "train.py lr=0.2 +x=2"


def test_where_it_was_left_at_its_default_it_is_added_as_the_code_spells_it(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("parser.add_argument('--batch-size')")
    assert changed(tmp_path, "train.py", batch_size="8", lr="1") == "train.py --batch-size=8 --lr=1"
    assert changed(tmp_path, "train.py", "hydra", lr="1") == "train.py lr=1"


def test_what_the_command_line_does_not_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReproduceError, match=r"--param width: the run has it from Net, .* it can be batch_size, lr"):
        changed(tmp_path, "train.py", width="5")
    with pytest.raises(ReproduceError, match="no such param"):
        changed(tmp_path, "train.py", nosuch="5")
