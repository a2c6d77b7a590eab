"""What changed since the last run and since the best one: compared from what was captured, said in one line."""

import re
from pathlib import Path
from typing import Any

import pytest

import autotrack
from autotrack.format import verdict
from autotrack.journal import records
from autotrack.journal.fold import Fold
from autotrack.journal.records import AnyRecord, Dataset, Environment, Metrics, Params, RunFinished, RunStarted
from autotrack.journal.summary import Summary
from autotrack.readers.compare.causes import in_short, likely_causes
from autotrack.readers.compare.differences import as_markdown, differences
from autotrack.readers.compare.since import ChangesSince, changes_of


def summary_of(*found: AnyRecord, ended: bool = True) -> Summary:
    fold = Fold()
    fold.add([RunStarted(time=1.0, id="a", name="mine", experiment="digits"), *found])
    if ended:
        fold.add([RunFinished(time=9.0, status="finished")])
    return fold.summary()


def environment(kind: str, **values: Any) -> Environment:
    return Environment(time=2.0, kind=kind, values=values)


def params(**values: Any) -> Params:
    return Params(time=2.0, values=values)


def changed(before: AnyRecord, now: AnyRecord) -> dict[str, list[str]]:
    return differences(summary_of(now), summary_of(before))


# ---- what differs


def test_params_are_compared_by_value() -> None:
    before = params(lr=0.1, width=64, name="a", layers=[1, 2], dropout=0.5)
    now = params(lr=0.01, width=64, name="b", layers=[1, 2, 3], warmup=10)
    assert changed(before, now) == {
        "params": ["lr 0.1 → 0.01", "name a → b", "layers [1, 2] → [1, 2, 3]", "warmup 10 added", "dropout removed"]
    }


def test_a_change_that_two_sources_have_is_said_once() -> None:
    before = params(**{"lr": 0.1, "model.lr": 0.1, "model.width": 1})
    now = params(**{"lr": 0.2, "model.lr": 0.2, "model.width": 2})
    assert changed(before, now) == {"params": ["lr 0.1 → 0.2", "model.width 1 → 2"]}


@pytest.mark.parametrize(
    ("argv", "values"),
    [
        (["--lr", "0.01"], {"lr": 0.01}),  # which is its default
        (["--optimizer.lr=1e-2"], {"optimizer.lr": 0.01, "lr": 0.01}),
        (["trainer.max_epochs=3"], {"max_epochs": 3}),
        (["--no-augment"], {"augment": False}),
    ],
)
def test_an_option_that_gives_the_value_that_there_is_anyway_is_no_difference(
    argv: list[str], values: dict[str, Any]
) -> None:
    one, other = (
        summary_of(RunStarted(time=1.0, id="a", name="a", experiment="e", argv=["s.py", *given]), params(**values))
        for given in ([], argv)
    )
    assert differences(one, other) == differences(other, one) == {}


def test_an_option_is_not_taken_for_a_param_of_its_name_that_has_another_value() -> None:
    one, other = (
        summary_of(RunStarted(time=1.0, id="a", name="a", experiment="e", argv=["s.py", *given]), params(lr=0.01))
        for given in ([], ["--lr", "3"])
    )
    assert differences(other, one) == {"arguments": ["--lr 3 added"]}


def test_arguments_that_earlier_versions_did_not_record_are_not_compared() -> None:
    parsed = Params(time=1, values={"lr": 0.2, "epochs": 3}, source="argparse", given=["lr"])
    now = summary_of(parsed, Params(time=2, values={"lr": 0.2}, source="model.hparams"))
    before = summary_of(Params(time=2, values={"lr": 0.1}, source="model.hparams"))
    assert differences(now, before) == {"params": ["lr 0.1 → 0.2"]}


def test_what_varies_by_itself_is_no_difference() -> None:
    """Folders that are written to, seeds that nobody set, and names that Keras counts up."""
    before: dict[str, Any] = {
        "ModelCheckpoint.dirpath": "/tmp/a",
        "torch_seed": 2**60,
        "model_name": "sequential",
        "seed": 1,
    }
    now: dict[str, Any] = {
        "ModelCheckpoint.dirpath": "/tmp/b",
        "torch_seed": 2**61,
        "model_name": "sequential_3",
        "seed": 2,
    }
    assert changed(params(**before), params(**now)) == {"params": ["seed 1 → 2"]}
    assert changed(params(torch_seed=2**60), params(torch_seed=42)) == {"params": ["torch_seed 42 added"]}


def test_a_run_that_goes_on_may_still_log_what_it_lacks() -> None:
    running = summary_of(params(lr=0.1), ended=False)
    assert differences(running, summary_of(params(lr=0.1, dropout=0.5))) == {}


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (0.123456, 0.123457, "x 0.123456 → 0.123457"),
        (5, "5", "x 5 → '5'"),
        ("a\nb\x1b[31m", "a b", "x a b [31m → a b"),
        ("long " * 20, "short", "x long long long long long long long lo… → short"),
        (None, False, "x None → False"),
    ],
)
def test_a_difference_is_seen_and_fits_on_the_line(before: object, now: object, said: str) -> None:
    assert changed(params(x=before), params(x=now)) == {"params": [said]}


def test_code_in_git_is_compared_by_commit_and_by_what_is_not_committed() -> None:
    clean: dict[str, Any] = {
        "commit": "1111111aaaa",
        "patch_sha256": None,
        "untracked_code_sha256": None,
        "changed": [],
        "untracked_code": [],
    }
    other = {**clean, "commit": "2222222bbbb"}
    dirty = {**clean, "patch_sha256": "x", "changed": ["a.py", "b.py"], "untracked_code": ["c.py"]}
    cases: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
        (clean, other, ["commit 1111111 → 2222222"]),
        ({**clean, "commit": None}, clean, ["commit none → 1111111"]),
        (clean, dirty, ["uncommitted a.py, b.py …"]),
        (dirty, {**dirty, "patch_sha256": "y"}, ["uncommitted a.py, b.py …"]),
        (clean, {**clean, "untracked_code_sha256": "z", "untracked_code": ["new.py"]}, ["uncommitted new.py"]),
        (dirty, clean, ["now all committed"]),
        (dirty, other, ["commit 1111111 → 2222222", "now all committed"]),
    ]
    for before, now, said in cases:
        assert changed(environment("git", **before), environment("git", **now)) == {"code": said}
    assert changed(environment("git", **dirty), environment("git", **dirty, branch="other")) == {}


def test_what_trainings_write_is_no_code() -> None:
    before = environment(
        "git", commit="a", patch_sha256=None, untracked_code_sha256="1", changed=[], untracked_code=[]
    )
    written = ["lightning_logs/version_0/hparams.yaml", "last.ckpt"]
    now = environment(
        "git", commit="a", patch_sha256="2", untracked_code_sha256="2", changed=[], untracked_code=written
    )
    assert changed(before, now) == {}
    now.values["untracked_code"] = [*written, "conf/model.yaml"]
    assert changed(before, now) == {"code": ["uncommitted conf/model.yaml"]}


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (["--lr", ".1"], ["--lr", ".3"], ["--lr .1 → .3"]),
        (["--lr=.1", "a.csv"], ["--lr", ".1", "b.csv"], ["a.csv → b.csv"]),
        (["lr=.1"], ["lr=.3", "--fast"], ["lr .1 → .3", "--fast added"]),
        (["--log-dir", "a", "-v"], ["--log_dir", "b"], ["--log_dir b added", "--log-dir a removed", "-v removed"]),
        (["--log_dir", "a"], ["--log_dir", "b"], []),
        ([], [], []),
    ],
)
def test_the_command_line_is_compared_by_option(before: list[str], now: list[str], said: list[str]) -> None:
    one, other = (
        RunStarted(time=1.0, id="a", name="a", experiment="e", argv=["s.py", *argv]) for argv in (before, now)
    )
    assert differences(summary_of(other), summary_of(one)).get("arguments", []) == said


def test_an_argument_that_is_a_param_is_said_once() -> None:
    one, other = (
        summary_of(
            RunStarted(time=1.0, id="a", name="a", experiment="e", argv=["s.py", f"--lr={lr}", str(seed)]),
            params(lr=lr),
        )
        for lr, seed in ((0.1, 1), (0.3, 2))
    )
    assert differences(other, one) == {"arguments": ["1 → 2"], "params": ["lr 0.1 → 0.3"]}


def test_a_short_option_that_is_a_param_is_said_once() -> None:
    one, other = (
        summary_of(
            RunStarted(time=1.0, id="a", name="a", experiment="e", argv=["s.py", "-e", epochs]),
            params(epochs=int(epochs)),
        )
        for epochs in ("3", "5")
    )
    assert differences(other, one) == {"params": ["epochs 3 → 5"]}


def test_code_without_git_is_compared_by_file() -> None:
    before = environment("source", files={"train.py": "1", "old.py": "1", "same.py": "1"})
    now = environment("source", files={"train.py": "2", "new.py": "1", "same.py": "1"})
    assert changed(before, now) == {"code": ["new.py", "old.py", "train.py"]}


def test_packages_are_compared_by_version_and_commit() -> None:
    before = environment("packages", python="3.11", versions={"a": "1", "b": "1", "c": "1"}, commits={"c": "11"})
    now = environment("packages", python="3.12", versions={"a": "2", "c": "1", "d": "4"}, commits={"c": "22"})
    assert changed(before, now) == {
        "packages": ["Python 3.11 → 3.12", "a 1 → 2", "d 4 added", "b removed", "c at another commit"]
    }


def test_hardware_is_compared_by_what_tells_machines_apart() -> None:
    here = {
        "hostname": "here", "cpu_model": "EPYC", "cpu_cores_usable": 8, "memory_bytes": 64_000_000_000, "gpus": [],
        "disk_free_bytes": 5,
    }  # fmt: skip
    there = {**here, "hostname": "there", "memory_bytes": 128_000_000_000, "gpus": [{"name": "A100"}] * 2}
    assert changed(environment("hardware", **here), environment("hardware", **there)) == {
        "hardware": ["hostname here → there", "memory_gb 64 → 128", "GPUs none → A100, A100"]
    }
    nearly = {**here, "memory_bytes": 64_001_000_000, "disk_free_bytes": 7}
    assert changed(environment("hardware", **here), environment("hardware", **nearly)) == {}
    pods = [{**here, "container_runtime": "docker", "hostname": name} for name in ("pod-1", "pod-2")]
    assert changed(*(environment("hardware", **pod) for pod in pods)) == {}


def test_data_is_compared_by_rows_shape_and_fingerprint() -> None:
    def data(role: str = "train", **about: Any) -> Dataset:
        return Dataset(**{"time": 2.0, "role": role, "kind": "numpy", "fingerprint": "a", "rows": 10, **about})

    cases: list[tuple[Dataset, Dataset, list[str]]] = [
        (data(), data(fingerprint="b"), ["train has other values"]),
        (data(), data(rows=20, fingerprint="b"), ["train 10 → 20 rows"]),
        (data(shape=[10, 4]), data(shape=[10, 5], fingerprint="b"), ["train 10x4 → 10x5"]),
        (
            data("validate", name="easy"),
            data("validate", name="easy", fingerprint="b"),
            ["validate easy has other values"],
        ),
    ]
    for before, now, said in cases:
        assert changed(before, now) == {"data": said}
    for before, now in ((data(), data()), (data(), data(fingerprint=None)), (data(), data("test", fingerprint="b"))):
        assert changed(before, now) == {}, "the same, not known, or other data"


@pytest.mark.parametrize("kind", ["git", "source", "packages", "hardware"])
def test_what_was_not_captured_in_both_is_not_compared(kind: str) -> None:
    captured = summary_of(environment(kind, commit="1", files={"a": "1"}, versions={"a": "1"}, hostname="x"))
    assert differences(captured, summary_of()) == differences(summary_of(), captured) == {}


def test_the_list_says_all_that_differs() -> None:
    found = {"code": ["commit 1 → 2"], "params": ["a 1 → 2", "b 1 → 2"]}
    assert as_markdown(found).splitlines() == ["- code: commit 1 → 2", "- params: a 1 → 2", "- params: b 1 → 2"]
    assert as_markdown({}) == "- nothing changed"


def test_the_line_has_the_likeliest_causes_first_and_counts_what_hardly_matters() -> None:
    before = {"beta": 1, "gamma": 1, "delta": 1, "epsilon": 1, "verbose": 1, "lr": 0.1}
    now = {"beta": 2, "gamma": 2, "delta": 2, "epsilon": 2, "verbose": 2, "lr": 0.2}
    causes = likely_causes(summary_of(params(**now)), summary_of(params(**before)))
    assert in_short(causes) == (
        "params (gamma 1 → 2, lr 0.1 → 0.2, beta 1 → 2, 2 more), and verbose 1 → 2, which hardly matters"
    )
    many = likely_causes(
        summary_of(params(lr=1, verbose=2, n_jobs=2, profiler=2)),
        summary_of(params(lr=2, verbose=1, n_jobs=1, profiler=1)),
    )
    assert in_short(many) == "params (lr 2 → 1), and 3 that hardly matter"
    few = likely_causes(summary_of(params(verbose=2)), summary_of(params(verbose=1)))
    assert in_short(few) == "nothing that matters changed (verbose 1 → 2)"
    assert in_short(likely_causes(summary_of(), summary_of())) == "nothing changed"


# ---- since which runs


class Store:
    """Runs of one experiment, each a second after the one before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0

    def add(self, *found: AnyRecord, at: int | None = None, lr: float = 0.1, **about: Any) -> Path:
        self.count += 1
        at = self.count if at is None else at
        name = about.pop("name", f"run{self.count}")
        started = {"id": f"id{self.count}", "name": name, "experiment": "digits", "time": at + self.count / 1000}
        folder = self.folder / "digits" / f"20261121-0000{at:02}-{name}"
        (folder / "journal").mkdir(parents=True)
        written = [
            RunStarted(**{**started, **about}),
            params(lr=lr),
            *found,
            RunFinished(time=99.0, status="finished"),
        ]
        (folder / "journal" / "main.jsonl").write_bytes(b"".join(records.encode(one) + b"\n" for one in written))
        return folder


@pytest.fixture
def made(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


def loss(*values: float, name: str = "val_loss") -> list[AnyRecord]:
    return [Metrics(time=3.0, values={name: value}, step=step) for step, value in enumerate(values)]


def said_of(folder: Path) -> ChangesSince:
    found = changes_of(folder)
    assert found is not None
    return found


def test_the_first_run_of_an_experiment_has_nothing_to_be_compared_with(made: Store) -> None:
    first = made.add()
    assert changes_of(first) is None
    made.add()
    assert changes_of(first) is None, "what came later does not count"


def test_a_run_is_compared_with_the_last_and_the_best_one(made: Store) -> None:
    made.add(*loss(0.5, 0.2), lr=0.3)
    made.add(*loss(0.6, 0.4), lr=0.2)
    found = said_of(made.add())
    assert found.line == (
        "since run2 (last run): params (lr 0.2 → 0.1); since run1 (best val_loss 0.2): params (lr 0.3 → 0.1)"
    )
    assert found.text == (
        "**Since run2** (last run)\n\n- params: lr 0.2 → 0.1\n\n"
        "**Since run1** (best val_loss 0.2)\n\n- params: lr 0.3 → 0.1"
    )


def test_at_the_start_only_the_runs_are_named_since_which_something_has_changed(made: Store) -> None:
    loss = Metrics(time=2.0, values={"val_loss": 0.1})
    made.add(loss, lr=0.1, name="best")
    made.add(Metrics(time=2.0, values={"val_loss": 0.2}), lr=0.2, name="last")
    changes = changes_of(made.add(lr=0.2, name="now"))
    assert changes is not None
    assert changes.said.at_start == "run now: since best (best val_loss 0.1): params (lr 0.1 → 0.2)"
    assert "since last (last run): nothing changed" in changes.line


def test_at_the_start_nothing_is_said_where_nothing_has_changed_but_random_numbers(made: Store) -> None:
    for seed in (2**40, 2**40 + 1):
        folder = made.add(Params(time=2.0, values={"torch_seed": seed}))
    changes = changes_of(folder)
    assert changes is not None
    assert (changes.said.at_start, "other seeds, which nobody set" in changes.line) == ("", True)


@pytest.mark.parametrize("name", ["keep-this", "a-good-one", "2026", "zebra"])
def test_a_run_whose_folder_was_renamed_is_still_the_best_one_before(made: Store, name: str) -> None:
    best = made.add(*loss(0.5, 0.2), lr=0.3)
    best.rename(best.with_name(name))
    made.add(*loss(0.6, 0.4), lr=0.2)
    assert "since run1 (best val_loss 0.2)" in said_of(made.add()).line


def test_runs_of_another_kind_are_not_compared(made: Store) -> None:
    small, large = params(model="mine.Small"), params(model="mine.Large")
    made.add(small, lr=0.3)
    made.add(large, lr=0.2)
    made.add(small, lr=0.2, frameworks={"keras": "3.0"})
    assert said_of(made.add(small, lr=0.1)).line == "since run1 (last run): params (lr 0.3 → 0.1)"
    assert changes_of(made.add(params(model="mine.Other"))) is None


def test_an_argument_called_model_makes_no_other_kind(made: Store) -> None:
    def run(size: str) -> list[AnyRecord]:
        parsed = Params(time=1, values={"model": size}, source="argparse", given=["model"])
        return [parsed, Params(time=2, values={"model": "script.Net"}, source="model"), *loss(0.2)]

    made.add(*run("small"))
    assert "model small → large" in said_of(made.add(*run("large"))).line


def test_the_best_run_is_told_by_the_metric_that_this_run_is_judged_by(made: Store) -> None:
    made.add(*loss(0.9, name="val_acc"), *loss(0.9))
    made.add(*loss(0.5, name="val_acc"), *loss(0.2))
    now = made.add(*loss(0.7, name="val_acc"), *loss(0.5), metric="val_loss")
    assert "since run2 (last run and best val_loss 0.2)" in said_of(now).line
    assert said_of(now).rivals["val_loss"] == [("run2", 0.2), ("run1", 0.9)]


def test_the_best_run_and_the_rank_are_told_by_the_same_metric(made: Store) -> None:
    """The comparison is made before anything is known of the run, and the last run was tested as well."""
    made.add(*loss(0.9, name="test_acc"), *loss(0.5, name="val_acc"))
    made.add(*loss(0.8, name="test_acc"), *loss(0.6, name="val_acc"))
    comparison = said_of(made.add()).said
    assert "best test_acc 0.9" in comparison.since
    since, standing = comparison.of(summary_of(*loss(0.7, name="val_acc")))
    assert standing is not None
    assert (standing.metric, standing.rank) == ("val_acc", 1)
    assert "since run2 (last run and best val_acc 0.6)" in since


def test_a_difference_within_the_noise_of_seeds_is_called_that(made: Store) -> None:
    for seed, value in enumerate((0.50, 0.52, 0.51)):
        made.add(params(seed=seed), *loss(value))
    comparison = said_of(made.add(params(beta=2))).said
    close, far = (comparison.of(summary_of(*loss(value)))[1] for value in (0.49, 0.3))
    assert close is not None
    assert verdict(close) == (
        "val_loss 0.49, 1st of 4 (best before: run1 0.5, which is no more than seeds make: 0.51 ± 0.01 over 3 repeats)"
    )
    assert far is not None
    assert far.noise == ""


def test_a_last_run_that_is_the_best_one_is_said_once(made: Store) -> None:
    made.add(*loss(0.4))
    made.add(*loss(0.2))
    assert said_of(made.add()).line == "since run2 (last run and best val_loss 0.2): nothing changed"


def test_the_best_is_the_highest_where_more_is_better(made: Store) -> None:
    made.add(*loss(0.9, name="val_accuracy"))
    made.add(*loss(0.7, name="val_accuracy"))
    assert "since run1 (best val_accuracy 0.9)" in said_of(made.add()).line


def test_a_last_run_without_metrics_does_not_hide_the_best_one(made: Store) -> None:
    made.add(*loss(0.2))
    made.add(*loss(0.4))
    made.add()
    assert re.findall(r"since (\w+) \((.*?)\)", said_of(made.add()).line) == [
        ("run3", "last run"),
        ("run1", "best val_loss 0.2"),
    ]


def test_where_no_metric_has_a_direction_there_is_no_best(made: Store) -> None:
    made.add(*loss(0.2, name="temperature"))
    made.add()
    assert "best" not in said_of(made.add()).line


def test_runs_that_began_in_the_same_second_keep_their_order(made: Store) -> None:
    made.add(at=7, name="zebra", lr=0.3)
    second = made.add(at=7, name="ant", lr=0.2)
    third = made.add(at=7, name="bee")
    assert said_of(second).line == "since zebra (last run): params (lr 0.3 → 0.2)"
    assert said_of(third).line == "since ant (last run): params (lr 0.2 → 0.1)"


def test_other_experiments_and_what_cannot_be_read_are_passed_over(made: Store) -> None:
    first = made.add(lr=0.3)
    made.add(experiment="letters", lr=0.5)
    made.add(format=99, lr=0.5)
    torn = made.add(lr=0.5) / "journal" / "main.jsonl"
    torn.write_bytes(torn.read_bytes()[:20])
    (first.parent / "20261121-000000-notes.txt").write_text("mine")
    (first.parent / "20261121-000000-empty").mkdir()
    assert said_of(made.add()).line == "since run1 (last run): params (lr 0.3 → 0.1)"


def test_a_run_inside_another_is_compared_with_such_runs_only(made: Store) -> None:
    made.add(lr=0.9)
    outer = made.add(lr=0.8, name="search")
    inner = made.add(parent="id2", lr=0.7)
    assert changes_of(inner) is None
    assert "since run1 " in said_of(outer).line
    assert "since run3 " in said_of(made.add(parent="id2")).line
    assert "since search " in said_of(made.add()).line


def test_a_resumed_run_is_not_compared_with_itself(made: Store) -> None:
    first = made.add(lr=0.3)
    again = RunStarted(time=50.0, id="id1", name="run1", experiment="digits", resumed_at_step=3)
    with (first / "journal" / "main.jsonl").open("ab") as file:
        file.write(records.encode(again) + b"\n")
    assert changes_of(first) is None


def test_what_an_earlier_run_comes_to_after_its_end_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTRACK_SIDECAR", "false")
    runs = []
    for number, reached in enumerate((0.5, 0.4, 0.3)):
        with autotrack.start_run(f"run{number}", to=tmp_path, experiment="digits") as run:
            run.log({"val_loss": reached})
        runs.append(run)
    assert "since run1 (last run and best val_loss 0.4)" in said_of(runs[2].folder).line
    runs[0].log({"val_loss": 0.1})
    runs[0]._release()
    assert "since run0 (best val_loss 0.1)" in said_of(runs[2].folder).line
