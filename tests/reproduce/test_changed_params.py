"""A param that came from the command line is changed there, however it is spelled; any other one is refused."""

from pathlib import Path

import pytest

from autotrack.errors import ReproduceError
from autotrack.journal.summary import Summary
from autotrack.reproduce.changed_params import with_params


def changed(code: Path, words: str, source: str = "argparse", **changes: str) -> str:
    params = {"lr": 0.1, "batch_size": 4}
    summary = Summary(params={**params, "width": 3}, params_by_source={source: params, "Net": {"width": 3}})
    return " ".join(with_params(words.split(), changes, summary, code)[0])


def test_where_the_command_line_has_it_it_is_replaced(tmp_path: Path) -> None:
    assert changed(tmp_path, "python train.py --lr 0.1 --fast", lr="0.2") == "python train.py --lr 0.2 --fast"
    assert changed(tmp_path, "python train.py --lr=0.1", lr="0.2") == "python train.py --lr=0.2"
    assert changed(tmp_path, "train.py --batch-size 4", batch_size="8") == "train.py --batch-size 8"
    assert changed(tmp_path, "train.py lr=0.1 +x=2", "hydra", lr="0.2") == "train.py lr=0.2 +x=2"


def test_where_it_was_left_at_its_default_it_is_added_as_the_code_spells_it(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("parser.add_argument('--batch-size')")
    assert changed(tmp_path, "train.py", batch_size="8", lr="1") == "train.py --batch-size=8 --lr=1"
    assert changed(tmp_path, "train.py", "hydra", lr="1") == "train.py lr=1"


@pytest.mark.parametrize(
    "option", ["add_argument('--size', type=int, dest='batch_size')", "option('-s', '--size', 'batch_size')"]
)
def test_an_option_may_be_called_otherwise_than_what_the_code_makes_of_it(option: str, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(option)
    assert changed(tmp_path, "train.py --size 4 -x", batch_size="8") == "train.py --size 8 -x"
    assert changed(tmp_path, "train.py -x", batch_size="8") == "train.py -x --size=8"


def test_settings_of_pydantic_without_a_command_line_come_from_the_environment(tmp_path: Path) -> None:
    summary = Summary(params={"lr": 0.1}, params_by_source={"pydantic-settings": {"lr": 0.1}})
    script = tmp_path / "train.py"
    script.write_text("model_config = SettingsConfigDict(env_prefix='my_')")
    assert with_params(["train.py"], {"lr": "1"}, summary, tmp_path) == (["train.py"], {"MY_LR": "1"})
    script.write_text("model_config = SettingsConfigDict(cli_parse_args=True)")
    assert with_params(["train.py"], {"lr": "1"}, summary, tmp_path) == (["train.py", "--lr=1"], {})


def test_the_last_part_of_a_name_will_do(tmp_path: Path) -> None:
    for source, expected in (("hydra", "opt.lr=1"), ("simple-parsing", "--lr=1"), ("tyro", "--opt.lr=1")):
        summary = Summary(params={"opt.lr": 0.1}, params_by_source={source: {"opt.lr": 0.1}})
        assert with_params(["train.py"], {"lr": "1"}, summary, tmp_path)[0] == ["train.py", expected]


def test_what_the_command_line_does_not_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ReproduceError, match=r"--param width: the run has it from Net, .* .* it can be batch_size, lr"
    ):
        changed(tmp_path, "train.py", width="5")
    with pytest.raises(ReproduceError, match="no such param"):
        changed(tmp_path, "train.py", nosuch="5")


SCRIPT = """import os
LR, other = 1e-3, 2
BATCH_SIZE: int = (
    4  # four
)
name = "größe"; depth = 3
steps = 10 * 2
best = 0.0
best = max(best, 1)
"""


def test_a_constant_is_changed_in_the_script(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    own = {"BATCH_SIZE": 4, "name": "größe", "depth": 3, "steps": 20}
    summary = Summary(params={**own, "batch_size": 4}, params_by_source={"constants": own})
    changes = {"batch_size": "8", "name": "it's", "depth": "5", "steps": "7"}
    assert with_params(["train.py"], changes, summary, tmp_path, script) == (["train.py"], {})
    changed = script.read_text()
    assert "int = (\n    8  # four\n)\n" in changed
    assert 'name = "it\'s"; depth = 5\nsteps = 7\nbest = 0.0\n' in changed
    for name, value in (("depth", "deep"), ("best", "1"), ("other", "1")):
        with pytest.raises(ReproduceError):
            with_params(["train.py"], {name: value}, summary, tmp_path, script)


def test_a_constant_of_another_value_is_not_what_a_param_comes_from(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("lr = 0.1\n")
    summary = Summary(params={"lr": 0.5}, params_by_source={"user": {"lr": 0.5}})
    with pytest.raises(ReproduceError, match="the run has it from user"):
        with_params(["train.py"], {"lr": "1"}, summary, tmp_path, script)
    elsewhere = tmp_path / "code"
    with pytest.raises(ReproduceError):
        with_params(["train.py"], {"lr": "1"}, Summary(), elsewhere, script)


def test_a_variable_that_the_code_reads_is_set(tmp_path: Path) -> None:
    summary = Summary(params={"scale": 2}, environment={"used": {"variables": {"SCALE": "2"}}})
    assert with_params(["train.py"], {"scale": "3"}, summary, tmp_path) == (["train.py"], {"SCALE": "3"})


def test_no_script_outside_of_the_restored_code_is_changed(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "linked").symlink_to(tmp_path)
    script = tmp_path / "train.py"
    script.write_text("lr = 0.1\n")
    summary = Summary(params={"lr": 0.1}, params_by_source={"constants": {"lr": 0.1}})
    for place in ("../train.py", "linked/train.py"):
        with pytest.raises(ReproduceError):
            with_params([], {"lr": "1"}, summary, tmp_path / "code", tmp_path / "code" / place)
    assert script.read_text() == "lr = 0.1\n"
