"""The process describes itself: how to run it again, and what its libraries found."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
import torch

from autotrack.redaction import Redactor
from autotrack.training.observe import process, random_states
from autotrack.training.observe.process import describe_process, imported_modules

NOTHING = Redactor({})


def test_what_is_not_imported_is_not_asked(run_script: Callable[..., str]) -> None:
    said = run_script(
        """
        import json, sys
        before = set(sys.modules)
        from autotrack.training.observe.process import describe_process
        from autotrack.training.observe import random_states
        from autotrack.redaction import Redactor
        facts = describe_process(Redactor({}))
        imported = {"torch", "numpy", "keras"} & set(sys.modules)
        print(json.dumps([sorted(random_states.read()), sorted(facts), sorted(imported)]))
        """
    )
    states, facts, imported = json.loads(said)
    assert set(states) <= {"python"}
    assert not [name for name in facts if name.startswith(("torch", "numpy", "keras"))]
    assert imported == []


def test_cuda_is_not_started_to_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("CUDA was asked")

    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        pytest.skip("it is on")
    for name in ("init", "_lazy_init", "get_rng_state", "device_count", "get_device_name"):
        monkeypatch.setattr(torch.cuda, name, refuse)
    assert "torch_cuda" not in random_states.read()
    assert "torch_cuda_devices" not in describe_process(NOTHING)


# The command


SHOWING = """
import json, sys
from autotrack.training.observe import process, random_states
from autotrack.training.observe.process import describe_process
from autotrack.redaction import Redactor
facts = describe_process(Redactor({}))
print(json.dumps([facts["command"], facts.get("module"), sys.argv[1:], sys.flags.optimize]))
"""


@pytest.mark.parametrize(
    "command",
    [
        ["train.py"],
        ["-O", "train.py", "--lr", "0.1", "--name", "two words", "--text", 'it\'s "quoted" $HOME *'],
        ["-m", "package.train", "--lr=0.1"],
        ["-c", SHOWING, "a", "b"],
    ],
)
def test_the_command_runs_it_again(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "package").mkdir()
    for name in ("train.py", "package/train.py"):
        (tmp_path / name).write_text(SHOWING)
    first = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=True).stdout
    recorded, module, arguments, _ = json.loads(first)
    again = subprocess.run(shlex.split(recorded), capture_output=True, text=True, check=True).stdout
    assert again == first
    assert subprocess.run(recorded, shell=True, capture_output=True, text=True, check=True).stdout == first
    assert module == ("package.train" if command[0] == "-m" else None)
    assert arguments == command[-len(arguments) :] if arguments else True


def test_the_command_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.orig_argv", ["python", "train.py", "--api-key", "x8Kq-71zz-0pLm", "--lr", "0.1"])
    command = describe_process(NOTHING)["command"]
    assert shlex.split(command) == [sys.executable, "train.py", "--api-key", "[redacted]", "--lr", "0.1"]


# Facts


def test_interpreter_user_and_switches_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    torch.manual_seed(77)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    facts = describe_process(NOTHING)
    assert (facts["interpreter"], facts["implementation"]) == (sys.executable, "cpython")
    assert (facts["hash_seed"], facts["torch_seed"]) == ("0", 77)
    assert (facts["torch_cudnn_benchmark"], facts["torch_deterministic_algorithms"]) == (True, False)
    assert facts["torch_version"] == torch.__version__
    assert facts["torch_threads"] == torch.get_num_threads()
    assert facts["torch_default_dtype"] == "torch.float32"
    assert "interactive" not in facts
    assert msgspec.json.encode(facts)  # plain data


def test_a_user_without_a_name_is_known_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_: int) -> None:
        raise KeyError("uid not found: 12345")

    monkeypatch.setattr("pwd.getpwuid", nobody)
    process._user.cache_clear()
    monkeypatch.setenv("USER", "trainer")
    assert describe_process(NOTHING)["user"] == "trainer"
    process._user.cache_clear()


def test_a_fact_that_cannot_be_read_is_left_out_and_the_others_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("not in this version")

    monkeypatch.setattr(torch, "get_num_threads", broken)
    facts = describe_process(NOTHING)
    assert "torch_threads" not in facts
    assert facts["torch_version"] == torch.__version__


def test_a_prompt_is_told_from_a_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    assert describe_process(NOTHING)["interactive"] == "python"


# Modules


def module(name: str, file: str | None) -> ModuleType:
    made = ModuleType(name)
    made.__file__ = file
    return made


def test_the_modules_below_the_folder_of_the_script_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(tmp_path / "train.py"), raising=False)
    monkeypatch.setattr(process, "sys", _Sys(tmp_path / "venv"))
    found = {
        "net": tmp_path / "net.py",
        "parts.layers": tmp_path / "parts" / "layers.py",
        "fast": tmp_path / "fast.cpython-311-x86_64-linux-gnu.so",
        "beside": tmp_path.parent / "beside.py",
        "installed": tmp_path / "lib" / "python3" / "site-packages" / "installed.py",
        "of_the_environment": tmp_path / "venv" / "lib" / "os.py",
        "namespace": None,
    }
    for name, file in found.items():
        monkeypatch.setitem(sys.modules, name, module(name, str(file) if file else None))
    assert imported_modules() == [str(tmp_path / name) for name in ("net.py", "parts/layers.py", "train.py")]


class _Sys:
    """Python's `sys`, of an interpreter in another place."""

    def __init__(self, prefix: Path) -> None:
        self.modules = sys.modules
        self.prefix = self.base_prefix = str(prefix)


def test_a_module_that_loads_what_it_is_asked_for_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for: list[str] = []

    class Lazy(ModuleType):
        def __getattr__(self, name: str) -> object:
            asked_for.append(name)
            raise AttributeError(name)

    lazy = Lazy("lazy")
    monkeypatch.setitem(sys.modules, "lazy", lazy)
    monkeypatch.setitem(sys.modules, "gone", None)  # as Python does for what is not to be imported
    imported_modules()
    assert not asked_for
