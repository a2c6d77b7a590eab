"""What a script parses with argparse is recorded, and parsing is the same with autolog and without."""

import argparse
import contextlib
import enum
import inspect
import io
import pickle
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import autotrack
from autotrack.journal.records import Params
from autotrack.readers import recorded_run
from autotrack.training.observe.arguments.parsed import parsed_arguments

Recorded = Callable[[], dict[str, Params]]


class Mode(enum.Enum):
    FAST = "fast"


def train() -> None: ...


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="train.py", fromfile_prefix_chars="%")
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--epochs", "-e", type=int, default="10")
    parser.add_argument("--amp", action="store_true")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 2])
    return parser


def test_values_are_told_from_defaults(recorded: Recorded) -> None:
    make_parser().parse_args(["--lr", "0.3", "--epoch", "10"])
    [found] = recorded().values()
    assert found.source == "argparse"
    assert found.values == {"lr": 0.3, "epochs": 10, "amp": False, "sizes": [1, 2]}
    assert found.given == ["lr", "epochs"]  # also by an abbreviation, and at its default
    assert found.defaults == {"lr": 0.1}


def test_subcommands_positionals_and_set_defaults(recorded: Recorded) -> None:
    parser = make_parser()
    parser.add_argument("files", nargs="*")
    commands = parser.add_subparsers(dest="command")
    command = commands.add_parser("train", parents=[argparse.ArgumentParser(add_help=False)])
    command.add_argument("--width", type=int, default=8)
    command.add_argument("--depth", type=int, default=2)
    command.set_defaults(run=train)
    parser.parse_args(["--amp", "train", "--width", "16"])
    found = recorded()["argparse"]
    here = "tests.training.observe.arguments.test_argparse_parsers" if __name__.startswith("tests.") else __name__
    assert found.values == {
        "lr": 0.1, "epochs": 10, "amp": True, "sizes": [1, 2], "files": [],
        "command": "train", "width": 16, "depth": 2, "run": f"{here}.train",
    }  # fmt: skip
    assert found.given is not None
    assert sorted(found.given) == ["amp", "command", "width"]
    assert found.defaults == {"amp": False, "command": None, "width": 8}


def test_known_args_intermixed_args_files_and_a_namespace(recorded: Recorded, tmp_path: Path) -> None:
    (tmp_path / "options").write_text("--lr=0.5\n")
    parser = make_parser()
    parser.parse_known_args([f"%{tmp_path}/options", "--other", "1"], argparse.Namespace(epochs=3, note="mine"))
    found = recorded()["argparse"]
    assert found.values == {"lr": 0.5, "epochs": 3, "note": "mine", "amp": False, "sizes": [1, 2]}
    assert (found.given, found.defaults) == (["lr"], {"epochs": 10, "lr": 0.1})
    mixed = argparse.ArgumentParser()
    mixed.add_argument("--lr", type=float)
    mixed.add_argument("files", nargs="*")
    mixed.parse_intermixed_args(["a", "--lr", "2", "b"])
    found = recorded()["argparse"]
    assert (found.values["lr"], found.values["files"], sorted(found.given or [])) == (2.0, ["a", "b"], ["files", "lr"])


def test_objects_become_sensible_values(recorded: Recorded, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1")
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=argparse.FileType())
    parser.add_argument("--out", type=Path)
    parser.add_argument("--mode", type=Mode)
    parser.add_argument("--day", type=date.fromisoformat)
    parsed = parser.parse_args(
        ["--data", str(tmp_path / "a.csv"), "--out", "o", "--mode", "fast", "--day", "2026-11-26"]
    )
    parsed.data.close()
    assert recorded()["argparse"].values == {
        "data": str(tmp_path / "a.csv"),
        "out": "o",
        "mode": "fast",
        "day": "2026-11-26",
    }


def test_several_parsers_add_up_and_the_same_line_replaces(recorded: Recorded) -> None:
    first, second = argparse.ArgumentParser(prog="a"), argparse.ArgumentParser(prog="b")
    first.add_argument("--config")
    second.add_argument("--config")
    second.add_argument("--lr", type=float)
    _, rest = first.parse_known_args(["--config", "c.yaml", "--lr", "1"])
    second.parse_args(rest)
    assert recorded()["argparse"].values == {"config": None, "lr": 1.0}
    for lr in ("2", "3"):
        second.parse_args(["--lr", lr])
        assert recorded()["argparse"].values == {"config": None, "lr": float(lr)}
    assert recorded()["argparse"].values["lr"] == 3.0  # of every run that starts later


def test_in_a_notebook_the_last_parser_counts(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    first, edited = argparse.ArgumentParser(), argparse.ArgumentParser()
    first.add_argument("--momentum", type=float, default=0.9)
    edited.add_argument("--lr", type=float, default=0.1)
    first.parse_args([])
    edited.parse_args([])
    assert recorded()["argparse"].values == {"lr": 0.1}


def test_an_open_run_gets_what_is_parsed_in_it(store: Path, autolog: None) -> None:
    with autotrack.start_run(to=str(store)) as run:
        make_parser().parse_args(["--lr", "0.3"])
        run.log_params({"lr": 0.3, "epochs": 5})
    summary = recorded_run.summarise(run.folder)
    assert summary.params["lr"] == 0.3
    assert (summary.params["epochs"], summary.params["user.epochs"]) == (10, 5)
    assert [name for name in summary.params if summary.is_default(name)] == ["epochs", "amp", "sizes"]


def test_what_the_script_makes_of_its_arguments_before_it_trains_is_kept_beside_them(
    store: Path, autolog: None
) -> None:
    args = make_parser().parse_args(["--lr", "0.3"])
    args.lr *= 2
    args.world_size = 4
    args.model = object()
    with autotrack.start_run(to=str(store)) as run:
        pass
    summary = recorded_run.summarise(run.folder)
    assert summary.params_by_source["argparse.changed"] == {"lr": 0.6, "world_size": 4}
    assert (summary.params["lr"], summary.params["argparse.changed.lr"], summary.params["world_size"]) == (0.3, 0.6, 4)


def test_a_second_call_of_autolog_forgets_nothing(recorded: Recorded, store: Path) -> None:
    make_parser().parse_args(["--lr", "0.3"])
    autotrack.autolog(to=str(store))
    assert recorded()["argparse"].given == ["lr"]


def test_a_failed_parse_and_a_parser_of_a_library_are_not_recorded(recorded: Recorded) -> None:
    with contextlib.redirect_stderr(io.StringIO()), pytest.raises(SystemExit):
        make_parser().parse_args(["--nothing"])
    library: dict[str, Any] = {"__name__": "library", "__file__": f"{sys.prefix}/lib/site-packages/library.py"}
    code = (
        "import argparse\ndef parse():\n  p = argparse.ArgumentParser()\n  p.add_argument('--x')\n  p.parse_args([])\n"
    )
    exec(compile(code, library["__file__"], "exec"), library)
    library["parse"]()
    assert recorded() == {}


def test_a_method_of_a_parser_of_a_library_parses_for_the_script(recorded: Recorded) -> None:
    library: dict[str, Any] = {"__name__": "library", "__file__": f"{sys.prefix}/lib/site-packages/library.py"}
    code = """
import argparse
class Parser(argparse.ArgumentParser):
    def parse_into(self, args):
        return self.parse_args(args)
"""
    exec(compile(code, library["__file__"], "exec"), library)
    parser = library["Parser"]()
    parser.add_argument("--x", type=int)
    parser.parse_into(["--x", "1"])
    assert recorded()["argparse"].values == {"x": 1}


def test_hooks_keep_signatures_and_pickling_and_are_taken_off(store: Path) -> None:
    names = ("parse_args", "parse_known_args", "parse_intermixed_args", "parse_known_intermixed_args", "_get_values")
    before = {name: vars(argparse.ArgumentParser)[name] for name in names}
    autotrack.autolog(to=str(store))
    for name, original in before.items():
        patched = getattr(argparse.ArgumentParser, name)
        assert patched is not original
        assert inspect.signature(patched) == inspect.signature(original)
        assert pickle.loads(pickle.dumps(patched)) is patched
    autotrack.autolog(disable=True)
    assert {name: vars(argparse.ArgumentParser)[name] for name in names} == before


SCRIPT = """
import argparse, sys
if "{autolog}":
    import autotrack
    autotrack.autolog(to="{store}")

def main():
    parser = argparse.ArgumentParser(description="trains")
    parser.add_argument("-p", dest="password", default="mnb-Vc22-x", help="of the data base")
    parser.add_argument("--api-key", dest="k")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_subparsers(dest="command").add_parser("train").add_argument("--lr", type=float)
    return parser.parse_args()

args = main()
print(args)
if "{autolog}":
    with autotrack.start_run() as run:
        print(args)
"""


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["--epochs", "x"], ["nothing"], ["train"]])
def test_help_errors_and_exit_codes_are_the_same(words: list[str], tmp_path: Path) -> None:
    ended = []
    for autolog in ("", "yes"):
        (tmp_path / "train.py").write_text(SCRIPT.format(autolog=autolog, store=tmp_path / "runs"))
        done = subprocess.run(
            [sys.executable, "train.py", *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        ended.append((done.returncode, done.stdout.splitlines()[:8], done.stderr))
    assert ended[0][0] == ended[1][0]
    assert ended[0][2] == ended[1][2]
    assert ended[0][1] == ended[1][1][: len(ended[0][1])]


def test_secrets_are_known_before_the_run_writes_its_command_line(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT.format(autolog="yes", store=tmp_path / "runs"))
    words = ["-p", "zebra-Kq81", "--api-key", "fgh-Zw77-x", "train"]
    subprocess.run([sys.executable, "train.py", *words], cwd=tmp_path, check=True, capture_output=True)
    [run] = autotrack.runs(tmp_path / "runs")
    assert (run.params["password"], run.params["k"], run.params["epochs"]) == ("[redacted]", "[redacted]", 3)
    for path in run.folder.rglob("*"):
        if path.is_file():
            assert b"zebra-Kq81" not in path.read_bytes()
            assert b"fgh-Zw77-x" not in path.read_bytes()
            assert b"mnb-Vc22-x" not in path.read_bytes(), "nor the default that was not used"


names = st.sampled_from(["lr", "width", "depth", "data-set", "x1", "seed", "verbose-mode", "model", "out"])
converters = st.sampled_from([int, float, str])


FIXED = ["store", "flag", "count", "append"]
"""Kinds of options that take no word that stands behind theirs."""


def add_options(
    draw: st.DrawFn, parser: argparse.ArgumentParser, taken: set[str], kinds: list[str]
) -> tuple[list[str], set[str]]:
    """Add options to a parser; return words of a command line for them, and which ones those are."""
    words: list[str] = []
    told: set[str] = set()
    number = st.integers(0, 99)
    for name in draw(st.lists(names.filter(lambda name: name not in taken), unique=True, max_size=5)):
        taken.add(name)
        kind = draw(st.sampled_from(kinds))
        options: dict[str, Any] = {"flag": {"action": "store_true"}, "count": {"action": "count"}}.get(kind, {})
        if kind in ("store", "append", "many"):
            options = {"type": draw(converters), **({"action": "append"} if kind == "append" else {})}
        if kind == "store":
            options["default"] = draw(st.none() | number | number.map(str))
        if kind == "many":
            options["nargs"] = draw(st.sampled_from(["*", "+", 2]))
        if kind == "const":
            options = {"nargs": "?", "const": 7, "default": 7, "type": int}
        parser.add_argument(f"--{name}", **options)
        if draw(st.booleans()):
            told.add(name.replace("-", "_"))
            count = {"flag": 0, "count": 0, "const": 0, "many": 2}.get(kind, 1)
            values = [str(draw(number)) for _ in range(count)]
            words += [f"--{name}={values[0]}"] if count == 1 and draw(st.booleans()) else [f"--{name}", *values]
    return words, told


Case = tuple[Callable[[], argparse.Namespace], set[str]]


@st.composite
def parses(draw: st.DrawFn) -> Case:
    """A call of a parser, and the names of the arguments that it finds on the command line."""
    parser, taken = argparse.ArgumentParser(), set[str]()
    rest = draw(st.sampled_from(["", "positional", "command"]))
    kinds = FIXED if rest == "command" else [*FIXED, "many", "const"]
    words, told = add_options(draw, parser, taken, kinds)
    if rest:
        if rest == "positional":
            parser.add_argument("file", nargs=draw(st.sampled_from(["?", "*"])))
            more = ["--", "f"] if draw(st.booleans()) else []
            told |= {"file"} if more else set()
        else:
            parent = argparse.ArgumentParser(add_help=False)
            inner_words, inner_told = add_options(draw, parent, taken, [*FIXED, "many", "const"])
            commands = parser.add_subparsers(dest="command")
            commands.add_parser("fit", parents=[parent]).set_defaults(function=None)
            more = ["fit", *inner_words] if draw(st.booleans()) else []
            told |= {"command", *inner_told} if more else set()
        words += more
    way = draw(st.sampled_from(["known", "namespace", "plain"]))
    if way == "known" and rest != "positional":
        return lambda: parser.parse_known_args(words)[0], told
    return lambda: parser.parse_args(words, argparse.Namespace() if way == "namespace" else None), told


@given(parses())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_recorded_values_are_those_of_the_namespace(autolog: None, case: Case) -> None:
    parse, told = case
    parsed_arguments.forget()
    namespace = parse()
    found = parsed_arguments.all()
    assert [one.values for one in found] == [vars(namespace)] * bool(vars(namespace))
    for one in found:
        assert set(one.given or []) == told
        assert set(one.defaults) <= told
