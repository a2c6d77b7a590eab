"""`autotrack run`: the script runs as under `python`, and is one run if it trains anything."""

import json
import os
import subprocess
import sys
import textwrap
import venv
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

import autotrack
from autotrack import settings
from autotrack.cli import run_options

PYTHON = [sys.executable]
AUTOTRACK = [sys.executable, "-m", "autotrack", "run"]

TRAINS = """
import sys
print("loading")
from sklearn.linear_model import LinearRegression, Ridge
x, y = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
LinearRegression().fit(x, y)
Ridge(alpha=0.25).fit(x, y)
print("trained")
"""


@dataclass(frozen=True)
class Ended:
    """How a process ended, and what it printed."""

    exit_code: int
    out: str
    error: str


def start(*command: str, text: str = "", **environ: str) -> Ended:
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=300, check=False, env={**os.environ, **environ}
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def same_under_both(*arguments: str, text: str = "") -> Ended:
    """Check that a command line does the same for `python` and for `autotrack run`; return what."""
    with ThreadPoolExecutor() as pool:
        plain = pool.submit(start, *PYTHON, *arguments, text=text)
        watched = pool.submit(start, *AUTOTRACK, *arguments, text=text)
    assert watched.result() == plain.result()
    return plain.result()


def write(name: str, code: str) -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(code))
    return name


IDENTITY = """
import json, os, signal, sys
about = {
    "argv": sys.argv, "path": sys.path, "flags": str(sys.flags), "name": __name__, "file": globals().get("__file__"),
    "package": __package__, "spec": getattr(__spec__, "name", None), "folder": os.getcwd(),
    "globals": sorted(globals()), "orig_argv": sys.orig_argv, "warnings": sys.warnoptions, "x": sys._xoptions,
    "executable": sys.executable, "stdin": sys.stdin.read(), "buffered": sys.stdout.line_buffering, "doc": __doc__,
    "sitecustomize": "sitecustomize" in sys.modules, "bytecode": sys.dont_write_bytecode,
    "signals": {number: str(signal.getsignal(number)) for number in signal.valid_signals()},
    "environ": {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "AUTOTRACK_RUN")},
}
print(json.dumps(about))
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["script.py"],
        ["folder/../script.py", "--help", "-m", "--", "--name=3", ""],
        ["folder"],
        ["packed.zip", "one two"],
        ["-m", "package.part", "-x"],
        ["-m", "package"],
        ["-"],
    ],
)
def test_a_script_finds_its_world_as_python_makes_it(arguments: list[str]) -> None:
    for name in ("script.py", "folder/__main__.py", "package/part.py", "package/__main__.py", "package/__init__.py"):
        write(name, "" if name.endswith("__init__.py") else IDENTITY)
    with zipfile.ZipFile("packed.zip", "w") as packed:
        packed.writestr("__main__.py", IDENTITY)
    found = same_under_both(*arguments, text=IDENTITY if arguments == ["-"] else "given")
    assert found.exit_code == 0, found.error
    assert json.loads(found.out)["argv"][1:] == arguments[1 if arguments[0] != "-m" else 2 :]


@pytest.mark.parametrize(
    "options", [["-O", "-u", "-X", "utf8", "-W", "error", "-B"], ["-sP", "-bb", "-OO", "-Xdev", "-q"]]
)
def test_options_of_python_are_kept(options: list[str]) -> None:
    """Before the script, as in `autotrack run python -u train.py`, or before autotrack itself."""
    write("script.py", IDENTITY)
    plain = start(sys.executable, *options, "script.py", "-O")
    assert start(*AUTOTRACK, sys.executable, *options, "script.py", "-O") == plain
    assert start(sys.executable, *options, "-m", "autotrack", "run", "script.py", "-O") == plain
    assert plain.exit_code == 0


HARMLESS = """
import atexit, inspect, sys, warnings
assert __name__ == "__main__"
atexit.register(print, "bye")
warnings.warn("careful")
print(input("name? "), input())
print(inspect.getsource(sys.modules["__main__"]))
sys.exit()
"""


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        (HARMLESS, 0),
        ("import sys; sys.exit(1)", 1),
        ("raise SystemExit(3)", 3),
        ("raise SystemExit('in words')", 1),
        ("def f(n):\n    return 1 / n\nf(0)", 1),
        ("import os; print('said', flush=True); os._exit(5)", 5),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -15),
        ("raise KeyboardInterrupt", -2),
        ("import signal; signal.raise_signal(signal.SIGINT)", -2),
        ("import os; os.abort()", -6),
        ("def f(:", 1),
        ("import missing_module", 1),
    ],
)
def test_a_script_ends_as_under_python(code: str, exit_code: int) -> None:
    write("script.py", code)
    ended = same_under_both("script.py", text="Ada\nBob\n")
    assert ended.exit_code == exit_code


@pytest.mark.parametrize(
    ("name", "exit_code", "advice"),
    [
        ("trian.py", 2, "did you mean train.py?"),
        ("there/nothing", 2, ""),
        ("autotrak", 2, "there is no program 'autotrak' either; did you mean autotrack?"),
        ("empty", 1, "'empty' has no __main__.py; name a script in it, or a module with -m"),
    ],
)
def test_what_cannot_be_run_is_said_as_python_does_with_advice(name: str, exit_code: int, advice: str) -> None:
    write("train.py", "pass")
    Path("empty").mkdir()
    plain, said = start(*PYTHON, name), start(*AUTOTRACK, name)
    assert said.exit_code == plain.exit_code == exit_code
    assert said.error == plain.error + (f"autotrack run: {advice}\n" if advice else "")


def test_a_module_that_is_missing_is_said_as_python_does() -> None:
    assert same_under_both("-m", "missing_module").exit_code == 1


def test_the_program_autotrack_starts_the_python_that_python_would(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(sys.executable).parent
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    write("train.py", "import sys; print(sys.executable, sys.orig_argv)")
    assert start("autotrack", "run", "train.py") == start("python", "train.py")


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["--experimnt", "a", "train.py"], "did you mean --experiment?"),
        (["--untracked-mb", "many", "train.py"], "expected a number"),
        (["--to", "localhost:5000", "train.py"], "http://localhost:5000"),
        ([], "autotrack run train.py"),
    ],
)
def test_a_mistake_starts_nothing(arguments: list[str], advice: str) -> None:
    write("train.py", "print('started')")
    said = start(*AUTOTRACK, *arguments)
    assert (said.exit_code, said.out) == (2, "")
    assert advice in said.error
    assert len(said.error.splitlines()) == 1


def test_every_setting_is_an_option_and_is_explained() -> None:
    assert {option.setting for option in run_options.options()} == {*settings.names(), "name", "always"}
    help_text = start(*AUTOTRACK, "--help", COLUMNS="150", _TYPER_FORCE_DISABLE_TERMINAL="1").out
    for option in run_options.options():
        assert option.help
        assert all(name in help_text for name in (*option.names, option.negative or ""))


def test_a_script_that_trains_is_one_run_with_the_settings_of_the_command_line() -> None:
    write("train.py", TRAINS)
    options = ["-e", "digits", "--tag", "why=a,b", "--tag=team=x", "--to", "kept", "--metric", "min cost"]
    ended = start(*AUTOTRACK, *options, "train.py", AUTOTRACK_EXPERIMENT="other", AUTOTRACK_TAGS="by=me")
    assert ended == Ended(0, "loading\ntrained\n", "")
    (run,) = autotrack.runs("kept")
    assert run.name.startswith("train-")
    assert (run.experiment, run.status) == ("digits", "finished")
    assert run.tags.items() >= {"why": "a,b", "team": "x", "by": "me"}.items()
    assert run.params["alpha"] == 0.25
    assert run.summary.metric == "min cost"
    assert not Path("runs").exists()


def test_a_script_that_trains_nothing_leaves_nothing() -> None:
    write("script.py", "print('hello')")
    assert start(*AUTOTRACK, "script.py") == Ended(0, "hello\n", "")
    assert {path.name for path in Path.cwd().iterdir()} <= {"script.py", "state"}


PROCESSES = """
import concurrent.futures, inspect, multiprocessing, os, pickle, subprocess, sys

class Mine:
    def __init__(self, n):
        self.n = n

    def __eq__(self, other):
        return type(other) is Mine and other.n == self.n

def double(mine):
    return Mine(2 * mine.n), __name__, sys.argv[1:]

if __name__ == "__main__":
    assert pickle.loads(pickle.dumps(Mine(1))) == Mine(1)
    print(pickle.dumps(Mine(1)), inspect.getsource(Mine))
    for method in ("fork", "spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            (mine, name, arguments), = pool.map(double, [Mine(3)])
            print(method, mine == Mine(6), name, arguments)
    code = "import sys; print(sys.path[1:], sorted(name for name in sys.modules if '.' not in name), sys.flags)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    print(found.stdout.replace("'autotrack', ", ""), found.stderr)
"""


def test_pickles_workers_and_other_children_are_those_of_python() -> None:
    write("script.py", PROCESSES)
    ended = same_under_both("script.py", "--lr=3")
    assert ended.exit_code == 0, ended.error
    assert "spawn True __mp_main__ ['--lr=3']" in ended.out


def test_the_sitecustomize_of_others_and_modules_of_the_script_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the script also under the name of one that autotrack has imported before the script began."""
    write("other/sitecustomize.py", "import sys\nsys.customized = __file__\n")
    for name in ("profile", "queue", "statistics", "uuid"):
        write(f"code/{name}.py", "MINE = True\n")
    write("code/train.py", "import profile, statistics, sys, uuid\nprint(profile.MINE, uuid.MINE, sys.customized)\n")
    monkeypatch.setenv("PYTHONPATH", str(Path("other").absolute()))
    ended = same_under_both("code/train.py")
    assert ended.exit_code == 0, ended.error
    assert ended.out.startswith("True True")
    write("other/sitecustomize.py", "import sys\nsys.customized = 'no'\nraise ValueError('broken')\n")
    write("script.py", "print('started')")
    ended = start(*AUTOTRACK, "script.py")
    assert ended.out == "started\n"
    assert ended.error.count("Error in sitecustomize") == 2, "of autotrack's own process, and of the script's"


@pytest.mark.parametrize(
    ("ending", "exit_code", "status", "error"),
    [
        ("", 0, "finished", None),
        ("import sys; sys.exit(0)", 0, "finished", None),
        ("import sys; sys.exit(3)", 3, "failed", "SystemExit: 3"),
        ("raise ValueError('too much')", 1, "failed", "ValueError: too much"),
        ("raise KeyboardInterrupt", -2, "interrupted", "KeyboardInterrupt"),
    ],
)
def test_how_the_script_ended_is_how_its_run_ended(
    ending: str, exit_code: int, status: str, error: str | None
) -> None:
    write("script.py", f"print('hello')\n{ending}\n")
    ended = start(*AUTOTRACK, "--always", "--output", "--name", "mine", "script.py", "--lr", "3")
    assert (ended.exit_code, ended.out) == (exit_code, "hello\n")
    (run,) = autotrack.runs("runs")
    assert (run.name, run.status, run.summary.error) == ("mine", status, error)
    assert run.summary.argv == ["script.py", "--lr", "3"]
    assert run.summary.entry_point == str(Path("script.py").absolute())
    assert (run.folder / "output.log").read_text().startswith("hello\n")
    assert not ending.startswith("raise V") or "too much" in (run.summary.traceback or "")


def test_a_module_is_recorded_from_its_file() -> None:
    write("package/__init__.py", "import package.deep.deeper\n")
    write("package/deep/deeper.py", "print('imported', __name__)\n")
    ended = start(*AUTOTRACK, "--always", "-m", "package.deep.deeper", "--lr")
    assert ended.exit_code == 0, ended.error
    (run,) = autotrack.runs("runs")
    assert run.name.startswith("deeper-")
    assert run.summary.entry_point == str(Path("package/deep/deeper.py").absolute())
    assert run.summary.argv == [run.summary.entry_point, "--lr"]


def test_what_the_script_says_itself_wins_and_its_own_runs_stay_its_own() -> None:
    write(
        "train.py",
        """
        import autotrack
        from sklearn.linear_model import LinearRegression, Ridge
        x, y = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
        with autotrack.start_run("own", experiment="third"):
            Ridge(alpha=0.5).fit(x, y)
        autotrack.autolog(experiment="second", tags={"who": "script"})
        LinearRegression().fit(x, y)
        with autotrack.start_run("inner"):
            pass
        Ridge(alpha=0.25).fit(x, y)
        raise ValueError("late")
        """,
    )
    ended = start(*AUTOTRACK, "--experiment", "first", "--tag", "who=me", "--tag", "why=paper", "train.py")
    assert ended.exit_code == 1
    own, whole, inner = sorted(autotrack.runs("runs"), key=lambda run: run.summary.started)
    assert (own.name, own.experiment, own.status) == ("own", "third", "finished")
    assert own.params["alpha"] == 0.5
    assert (whole.experiment, whole.status, whole.summary.error) == ("second", "failed", "ValueError: late")
    assert whole.tags.items() >= {"who": "script", "why": "paper"}.items()
    assert whole.params["alpha"] == 0.25
    assert set(whole.summary.frameworks) == {"scikit-learn"}
    assert (inner.name, inner.summary.parent) == ("inner", whole.id)


def test_programs_start_scripts_too_and_what_trains_nothing_is_left_alone() -> None:
    """Every Python below a shell script has autologging; each script that trains is a run of its own."""
    write("show.py", "import sys; print(any(name.startswith('msgspec') for name in sys.modules), sys.argv)")
    write("train.py", TRAINS)
    write("all.sh", f"yes | head -n 1\n{sys.executable} -m show\n{sys.executable} train.py\n")
    ended = start(*AUTOTRACK, "--name", "shell", "sh", "all.sh")
    assert ended == Ended(0, f"y\nFalse ['{Path('show.py').absolute()}']\nloading\ntrained\n", "")
    assert [run.name for run in autotrack.runs("runs")] == ["shell"]


@pytest.mark.slow
def test_ranks_of_a_launcher_are_one_run() -> None:
    write(
        "train.py",
        """
        import os, sys
        import torch
        import torch.distributed
        from torch.utils.data import DataLoader
        from torch.utils.tensorboard import SummaryWriter

        if __name__ == "__main__":
            torch.distributed.init_process_group("gloo")
            ones = torch.ones(1)
            torch.distributed.all_reduce(ones)
            loader = DataLoader(range(4), num_workers=1, multiprocessing_context="spawn")
            writer = SummaryWriter("board")
            for step, batch in enumerate(loader):
                writer.add_scalar("loss", float(batch), step)
            writer.close()
            print(int(ones), sys.argv[1:])
            torch.distributed.destroy_process_group()
        """,
    )
    launcher = Path(sys.executable).with_name("torchrun")
    command = [str(launcher), "--standalone", "--nproc-per-node", "2", "train.py", "--lr", "3"]
    ended = start(*AUTOTRACK, "--always", *command)
    assert ended.exit_code == 0, ended.error
    assert ended.out == "2 ['--lr', '3']\n" * 2
    (run,) = autotrack.runs("runs")
    assert run.name.startswith("train-")
    assert [point.value for point in run.history("loss")] == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.slow
def test_a_script_under_autotrack_run_goes_on_with_the_run_that_was_cut_off() -> None:
    write(
        "train.py",
        """
        import sys
        import torch
        from lightning.pytorch import LightningModule, Trainer
        from lightning.pytorch.callbacks import ModelCheckpoint
        from torch.utils.data import DataLoader

        class Net(LightningModule):
            def __init__(self):
                super().__init__()
                self.layer = torch.nn.Linear(1, 1)
            def training_step(self, batch, _):
                if len(sys.argv) == 1 and self.current_epoch == 1:
                    raise ValueError("cut off")
                loss = self.layer(batch.view(-1, 1).float()).sum()
                self.log("loss", loss)
                return loss
            def configure_optimizers(self):
                return torch.optim.SGD(self.parameters(), lr=0.001)

        quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
        saving = ModelCheckpoint(dirpath="saved", save_on_train_epoch_end=True)
        trainer = Trainer(max_epochs=3, callbacks=[saving], log_every_n_steps=1, **quiet)
        trainer.fit(Net(), DataLoader(range(4), batch_size=2), ckpt_path=sys.argv[1] if sys.argv[1:] else None)
        """,
    )
    assert start(*AUTOTRACK, "train.py").exit_code == 1
    (first,) = autotrack.runs("runs")
    assert (first.status, first.summary.started_by) == ("failed", "script")
    (checkpoint,) = Path("saved").rglob("*.ckpt")
    ended = start(*AUTOTRACK, "train.py", str(checkpoint))
    assert ended.exit_code == 0, ended.error
    (run,) = autotrack.runs("runs")
    assert (run.id, run.status) == (first.id, "finished")
    assert [point.step for point in run.history("loss")] == [0, 1, 2, 3, 4, 5]


def test_a_python_that_cannot_be_recorded_says_so_and_runs() -> None:
    """One that was told to ignore its environment, and one in which autotrack is not installed."""
    write("script.py", "print('hello')")
    ignoring = start(*AUTOTRACK, sys.executable, "-I", "script.py")
    assert (ignoring.exit_code, ignoring.out) == (0, "hello\n")
    assert "python -I ignores" in ignoring.error
    venv.create("bare", symlinks=True)
    bare = start(*AUTOTRACK, "--always", "bare/bin/python", "script.py")
    assert (bare.exit_code, bare.out) == (0, "hello\n")
    assert "has no autotrack, so nothing is recorded" in bare.error
    assert not Path("runs").exists()


def test_the_shell_completes_the_options() -> None:
    environ = {"_AUTOTRACK_COMPLETE": "complete_bash", "COMP_WORDS": "autotrack run --no-", "COMP_CWORD": "2"}
    command = Path(sys.executable).with_name("autotrack")
    if not command.exists():
        pytest.skip("the command is not installed beside this Python")
    assert "--no-checkpoints" in start(str(command), **environ).out.split()


def test_modules_of_the_script_that_are_called_like_a_framework_are_the_scripts() -> None:
    for name in ("torch", "keras", "lightning", "catboost", "random"):
        write(f"own/{name}.py", "layers = 3\n")
    write("own/tensorflow/__init__.py", "layers = 4\n")
    names = "torch, keras, lightning, catboost, random, tensorflow"
    write("own/train.py", f"import {names}\nprint([one.layers for one in ({names})])\n")
    ended = same_under_both("own/train.py")
    assert (ended.out, ended.error) == ("[3, 3, 3, 3, 3, 4]\n", "")
