"""What a run records, how it ends, and that it never stands in the way."""

import asyncio
import hashlib
import math
import os
import random
import threading
from collections import UserDict
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy
import pytest

import autotrack
from autotrack.errors import AutotrackError, AutotrackWarning, RunFinishedError
from autotrack.journal.records import (
    AnyRecord,
    Artifact,
    Metrics,
    Notice,
    Params,
    RunFinished,
    RunStarted,
    Table,
    Tags,
    Text,
)
from autotrack.readers import catalog
from autotrack.training import sidecar_client, start

# Logging


def test_metrics_have_steps_epochs_and_a_stage(store: Path) -> None:
    with autotrack.start_run(to=store) as run:
        run.log({"loss": 0.5})
        run.log({"loss": 0.4})
        run.log({"loss": 0.3}, step=7)
        run.log({"loss": 0.2}, epoch=2, stage="validate")
        run.log({"loss": 0.1}, step=9, epoch=3)
        run.log({"loss": 0.0})
    points = autotrack.load(run.folder).history("loss")
    assert [(point.value, point.step, point.epoch, point.stage) for point in points] == [
        (0.5, 0, None, None),
        (0.4, 1, None, None),
        (0.3, 7, None, None),
        (0.2, None, 2, "validate"),
        (0.1, 9, 3, None),
        (0.0, 2, None, None),
    ]


def test_any_mapping_of_numbers_can_be_logged(store: Path) -> None:
    with autotrack.start_run(to=store) as run:
        for values in ({"loss": 0.5}, MappingProxyType({"loss": 0.5}), UserDict({"loss": 0.5}), {"loss": 1}, {}):
            run.log(values)
    assert [point.value for point in autotrack.load(run.folder).history("loss")] == [0.5, 0.5, 0.5, 1]


def test_what_is_no_mapping_is_refused(store: Path) -> None:
    wrong: Any
    with autotrack.start_run(to=store) as run:
        for wrong in (0.5, [("loss", 0.5)], "loss"):
            with pytest.raises(TypeError, match="give it names and values"):
                run.log(wrong)


def test_a_metric_can_be_called_anything(store: Path) -> None:
    names = ["val/loss", "läßt sich nicht", "", "a\nb", "🦦", "x" * 5000]
    with autotrack.start_run(to=store) as run:
        for name in names:
            run.log({name: 1.0})
    assert list(autotrack.load(run.folder).metrics) == names


def test_params_are_never_overwritten(store: Path) -> None:
    with autotrack.start_run(to=store) as run:
        run.log_params({"lr": 0.1, "model": {"width": 64}})
        run.log_params({"lr": 0.1, "model.width": 128}, source="argparse")
        run.log_params({})
    recorded = autotrack.load(run.folder)
    assert recorded.params == {"lr": 0.1, "model.width": 64, "argparse.model.width": 128}
    assert recorded.params_by_source == {
        "user": {"lr": 0.1, "model.width": 64},
        "argparse": {"lr": 0.1, "model.width": 128},
    }


def test_tags_are_replaced_and_are_text(store: Path) -> None:
    with autotrack.start_run(to=store, tags={"why": "paper", "who": "me"}) as run:
        run.log_tags({"why": "thesis", "version": 3})
    assert autotrack.load(run.folder).tags == {"why": "thesis", "who": "me", "version": "3"}


def test_texts_are_replaced_by_name(store: Path, read_journal: Callable[..., list[AnyRecord]]) -> None:
    number: Any = 5
    with autotrack.start_run(to=store) as run:
        run.log_text("note", "first", step=1)
        run.log_text("note", "# second\n\nwith *Markdown*")
        run.log_text("number", number)
    assert autotrack.load(run.folder).texts == {"note": "# second\n\nwith *Markdown*", "number": "5"}
    assert [record.step for record in read_journal(run.folder) if isinstance(record, Text)] == [1, None, None]


def tables(found: list[AnyRecord]) -> list[Table]:
    return [record for record in found if isinstance(record, Table)]


def test_tables_of_every_kind(store: Path, read_journal: Callable[..., list[AnyRecord]]) -> None:
    with autotrack.start_run(to=store) as run:
        run.log_table("dicts", [{"a": 1, "b": "x"}, {"b": "y", "c": None}], step=3)
        run.log_table("columns", {"a": [1, 2], "b": ["x", "y"]})
        run.log_table("rows", [[1, "x"], (2, "y")], columns=["a", "b"])
    assert [(table.name, table.columns, table.rows, table.step) for table in tables(read_journal(run.folder))] == [
        ("dicts", ["a", "b", "c"], [[1, "x", None], [None, "y", None]], 3),
        ("columns", ["a", "b"], [[1, "x"], [2, "y"]], None),
        ("rows", ["a", "b"], [[1, "x"], [2, "y"]], None),
    ]
    assert autotrack.load(run.folder).tables == ["dicts", "columns", "rows"]


def test_a_data_frame_is_a_table(store: Path, read_journal: Callable[..., list[AnyRecord]]) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"n": [1, 2], "x": [0.5, float("nan")], "s": ["a", "b"], "on": [True, False]})
    frame["when"] = pd.to_datetime(["2026-11-21", "2026-11-22"])
    with autotrack.start_run(to=store) as run:
        run.log_table("frame", frame)
    (table,) = tables(read_journal(run.folder))
    assert table.columns == ["n", "x", "s", "on", "when"]
    assert table.rows == [[1, 0.5, "a", True, "2026-11-21T00:00:00"], [2, "NaN", "b", False, "2026-11-22T00:00:00"]]


def test_a_long_table_is_cut_with_a_notice(store: Path, read_journal: Callable[..., list[AnyRecord]]) -> None:
    with autotrack.start_run(to=store) as run:
        run.log_table("long", {"a": range(10_001)})
        run.log_table("just fits", {"a": range(10_000)})
    found = read_journal(run.folder)
    assert [len(table.rows) for table in tables(found)] == [10_000, 10_000]
    assert [(notice.about, notice.message) for notice in found if isinstance(notice, Notice)] == [
        ("long", "the table 'long' has more than 10000 rows; only the first ones are kept")
    ]


def test_what_is_no_table_is_refused_and_leaves_nothing(
    store: Path, read_journal: Callable[..., list[AnyRecord]]
) -> None:
    with autotrack.start_run(to=store) as run:
        for wrong, error in [("text", TypeError), (3, TypeError), ([1, 2], TypeError), ([[1], [1, 2]], ValueError)]:
            with pytest.raises(error):
                run.log_table("wrong", wrong)
        with pytest.raises(ValueError, match="3 cells but there are 2 columns"):
            run.log_table("wrong", [[1, 2, 3]], columns=["a", "b"])
    assert tables(read_journal(run.folder)) == []


def test_a_figure_is_kept_as_png(store: Path) -> None:
    figures, images = pytest.importorskip("matplotlib.figure"), pytest.importorskip("PIL.Image")
    figure = figures.Figure()
    figure.subplots().plot([1, 2, 4])
    with autotrack.start_run(to=store) as run:
        run.log_figure("curve", figure)
        run.log_figure("per/step", figure, step=3)
        with pytest.raises(TypeError, match="matplotlib or plotly figure, not list"):
            run.log_figure("wrong", [1, 2])
    artifacts = {artifact.path: artifact for artifact in autotrack.load(run.folder).artifacts}
    assert list(artifacts) == ["artifacts/figures/curve.png", "artifacts/figures/per/step-3.png"]
    assert artifacts["artifacts/figures/per/step-3.png"].step == 3
    for path, artifact in artifacts.items():
        assert artifact.kind == "figure"
        assert artifact.bytes == (run.folder / path).stat().st_size
        with images.open(run.folder / path) as image:
            assert image.format == "PNG"


def test_a_figure_of_plotly_is_kept_as_html(store: Path) -> None:
    class Figure:
        """Writes itself as plotly's does."""

        def write_html(self, path: Path) -> None:
            path.write_text("<html></html>")

    with autotrack.start_run(to=store) as run:
        run.log_figure("curve", Figure())
    (artifact,) = autotrack.load(run.folder).artifacts
    assert artifact.path == "artifacts/figures/curve.html"


def test_an_image_is_kept_as_png(store: Path) -> None:
    np, images = pytest.importorskip("numpy"), pytest.importorskip("PIL.Image")
    with autotrack.start_run(to=store) as run:
        run.log_image("gray", np.full((4, 6), 0.5), step=1)
        run.log_image("pillow", images.new("RGB", (6, 4), (255, 0, 0)))
        with pytest.raises(ValueError, match=r"shape \(2, 3, 4, 5\)"):
            run.log_image("wrong", np.zeros((2, 3, 4, 5)))
    artifacts = autotrack.load(run.folder).artifacts
    assert [(artifact.path, artifact.kind, artifact.step) for artifact in artifacts] == [
        ("artifacts/images/gray-1.png", "image", 1),
        ("artifacts/images/pillow.png", "image", None),
    ]
    with images.open(run.folder / "artifacts/images/gray-1.png") as image:
        assert (image.size, image.getpixel((0, 0))) == ((6, 4), 128)


def test_an_artifact_is_a_copy_with_its_checksum(store: Path, tmp_path: Path) -> None:
    content = random.Random(1).randbytes(300_000)
    source = tmp_path / "weights.bin"
    source.write_bytes(content)
    with autotrack.start_run(to=store) as run:
        run.log_artifact(source)
        run.log_artifact(str(source), "nested/name.bin", kind="model")
        source.write_bytes(b"changed later")
    artifacts = autotrack.load(run.folder).artifacts
    assert [(artifact.path, artifact.kind) for artifact in artifacts] == [
        ("artifacts/weights.bin", "output"),
        ("artifacts/nested/name.bin", "model"),
    ]
    for artifact in artifacts:
        assert (run.folder / artifact.path).read_bytes() == content
        assert artifact.bytes == 300_000
        assert artifact.sha256 == hashlib.sha256(content).hexdigest()
        assert artifact.source == str(source)


def test_a_folder_is_an_artifact_too(store: Path, tmp_path: Path) -> None:
    (tmp_path / "outputs" / "deep").mkdir(parents=True)
    (tmp_path / "outputs" / "a.txt").write_text("12345")
    (tmp_path / "outputs" / "deep" / "b.txt").write_text("123")
    with autotrack.start_run(to=store) as run:
        run.log_artifact("outputs")
    (artifact,) = autotrack.load(run.folder).artifacts
    assert (artifact.path, artifact.bytes, artifact.sha256) == ("artifacts/outputs", 8, None)
    assert (run.folder / "artifacts" / "outputs" / "deep" / "b.txt").read_text() == "123"


def test_an_artifact_that_is_replaced_has_the_checksum_of_what_is_there(store: Path, tmp_path: Path) -> None:
    """Also when the first one had got its checksum already, as when a run goes on or adds to itself later."""
    source = tmp_path / "last.ckpt"
    run = autotrack.start_run(to=store)
    for content in (b"one", b"two, longer"):
        source.write_bytes(content)
        run.log_artifact(source)
        run.finish()
        run._release()
        (artifact,) = autotrack.load(run.folder).artifacts
        assert (artifact.bytes, artifact.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    again = start.resume_run(run.folder)
    (again.folder / "artifacts" / "last.ckpt").unlink()
    again._record_artifact(again.folder / "artifacts" / "last.ckpt", kind="output", removed=True)
    again.finish()
    assert autotrack.load(run.folder).artifacts == []


@pytest.mark.parametrize("name", ["../outside", "a/../../outside", "/absolute", "..", "a\\..\\b", ".", "a\0b"])
def test_an_artifact_stays_in_the_run_folder(name: str, store: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    with autotrack.start_run(to=store) as run, pytest.raises(AutotrackError, match="cannot name a file of the run"):
        run.log_artifact("a.txt", name)
    assert autotrack.load(run.folder).artifacts == []


def test_an_artifact_that_is_not_there_is_named(store: Path) -> None:
    with autotrack.start_run(to=store) as run, pytest.raises(FileNotFoundError, match=r"'missing\.txt'"):
        run.log_artifact("missing.txt")
    assert autotrack.load(run.folder).status == "finished"


def test_a_folder_that_holds_the_run_is_no_artifact_of_it(store: Path, tmp_path: Path) -> None:
    with autotrack.start_run(to=store) as run, pytest.raises(AutotrackError, match="into itself"):
        run.log_artifact(tmp_path)
    assert autotrack.load(run.folder).artifacts == []


def test_a_notice_is_left_once(store: Path, read_journal: Callable[..., list[AnyRecord]]) -> None:
    with autotrack.start_run(to=store) as run:
        for _ in range(3):
            run.notice("disk", "it is slow")
        run.notice("network", "it is slow")
    found = [record.about for record in read_journal(run.folder) if isinstance(record, Notice)]
    assert found == ["disk", "network"]


# The end


def test_a_run_says_what_it_is(store: Path) -> None:
    run = autotrack.start_run("baseline", to=store, experiment="digits")
    assert (run.name, run.experiment, run.status, run.started_by) == ("baseline", "digits", "running", "user")
    assert run.folder.parent == store / "digits"
    assert len(run.id) == 32
    assert repr(run) == f"<Run digits/baseline running in {run.folder}>"
    run.finish()
    assert run.status == "finished"


def test_a_run_is_readable_while_it_runs_and_after_it(store: Path) -> None:
    run = autotrack.start_run(to=store)
    run.log({"loss": 0.5})
    during = autotrack.load(run.folder)
    assert (during.status, during.ended, during.metrics["loss"].count) == ("running", None, 1)
    run.finish()
    after = autotrack.load(run.folder)
    assert (after.status, after.error, after.traceback) == ("finished", None, None)
    assert 0 <= after.duration_seconds < 60
    assert 0 <= after.overhead_seconds < 60
    assert (run.folder / "run.json").exists()


@pytest.mark.parametrize("status", ["finished", "failed", "interrupted", "killed", "pruned"])
def test_a_run_ends_once(status: Any, store: Path, read_journal: Callable[..., list[AnyRecord]]) -> None:
    run = autotrack.start_run("once", to=store)
    run.finish(status)
    run.finish(status)
    assert [record.status for record in read_journal(run.folder) if isinstance(record, RunFinished)] == [status]
    other: Any = "failed" if status == "finished" else "finished"
    with pytest.raises(RunFinishedError, match=f"run once has already {status}, it cannot become {other}"):
        run.finish(other)
    assert autotrack.load(run.folder).status == status


def test_an_unknown_status_is_refused_and_the_run_goes_on(store: Path) -> None:
    unknown: Any = "done"
    run = autotrack.start_run(to=store)
    with pytest.raises(
        ValueError, match=r"'done' is not a status of a run; use one of finished, failed, interrupted, killed, pruned"
    ):
        run.finish(unknown)
    assert run.status == "running"
    run.finish()


def train(store: Path, error: BaseException) -> None:
    with autotrack.start_run(to=store) as run:
        run.log({"loss": 0.5})
        raise error


class UnspeakableError(Exception):
    """Cannot be turned into text."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ValueError("no such layer"), "failed", "ValueError: no such layer"),
        (KeyboardInterrupt(), "interrupted", "KeyboardInterrupt"),
        (SystemExit(0), "finished", "SystemExit: 0"),
        (SystemExit(), "finished", "SystemExit"),
        (SystemExit(1), "failed", "SystemExit: 1"),
        (SystemExit("no data"), "failed", "SystemExit: no data"),
        (UnspeakableError(), "failed", "UnspeakableError"),
    ],
    ids=repr,
)
def test_how_a_with_block_ends_is_how_the_run_ends(error: BaseException, status: str, said: str, store: Path) -> None:
    with pytest.raises(type(error)) as caught:
        train(store, error)
    assert caught.value is error
    assert error.__context__ is None
    assert error.__cause__ is None
    (recorded,) = autotrack.runs(store)
    assert (recorded.status, recorded.error) == (status, said)
    assert "in train\n    raise error" in recorded.traceback
    assert recorded.metrics["loss"].count == 1


def test_an_error_whose_traceback_cannot_be_made_ends_the_run_all_the_same(store: Path) -> None:
    error = SyntaxError("no such word")
    error.lineno, error.text = 1, 5  # type: ignore[assignment]
    with pytest.raises(SyntaxError) as caught:
        train(store, error)
    assert caught.value is error
    (recorded,) = autotrack.runs(store)
    assert recorded.status == "failed"
    assert recorded.error.startswith("SyntaxError: no such word")


class TrialPruned(Exception):  # noqa: N818  Optuna's name for it
    """The search gives up a trial that is not promising."""


class OwnPruned(TrialPruned):
    """One that a program has derived."""


@pytest.mark.parametrize("error", [TrialPruned("at step 3"), OwnPruned("at step 3")], ids=repr)
def test_a_trial_that_a_search_gives_up_has_not_failed(error: Exception, store: Path) -> None:
    with pytest.raises(TrialPruned):
        train(store, error)
    (recorded,) = autotrack.runs(store)
    assert (recorded.status, recorded.traceback) == ("pruned", None)
    assert recorded.error == f"{type(error).__name__}: at step 3"


def test_a_run_that_was_finished_inside_its_with_block_stays_as_it_was(store: Path) -> None:
    def fail_later() -> None:
        with autotrack.start_run(to=store) as run:
            run.finish("interrupted")
            raise ValueError

    with pytest.raises(ValueError):
        fail_later()
    assert [run.status for run in autotrack.runs(store)] == ["interrupted"]


@pytest.mark.parametrize(
    ("ending", "exit_code", "status", "error"),
    [
        ("pass", 0, "finished", None),
        ("raise ValueError('no such layer')", 1, "failed", "ValueError: no such layer"),
        ("raise KeyboardInterrupt", -2, "interrupted", "KeyboardInterrupt"),
        ("sys.exit(0)", 0, "finished", None),
        ("import os; os._exit(3)", 3, "killed", None),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -15, "killed", None),
    ],
)
def test_how_a_script_ends_is_how_its_run_ends(
    ending: str, exit_code: int, status: str, error: str | None, store: Path, run_script: Callable[..., str]
) -> None:
    script = f"""
        import sys
        import autotrack
        run = autotrack.start_run("script", to="runs")
        run.log({{"loss": 0.5}})
        {ending}
    """
    run_script(script, exit_code=exit_code)
    (recorded,) = autotrack.runs(store)
    assert (recorded.status, recorded.error) == (status, error)
    assert recorded.metrics["loss"].last.value == 0.5
    assert (recorded.traceback is None) == (error is None)
    assert (recorded.folder / "run.json").exists() == (status != "killed")


def test_what_is_logged_after_the_end_belongs_to_the_run(store: Path) -> None:
    run = autotrack.start_run(to=store)
    run.log({"loss": 0.5})
    run.finish()
    run.log({"test_loss": 0.25})
    assert autotrack.load(run.folder).metrics["test_loss"].last.value == 0.25  # run.json is known to be too old
    before = (run.folder / "run.json").read_bytes()
    run._release()
    assert (run.folder / "run.json").read_bytes() != before
    again = autotrack.load(run.folder)
    assert (again.status, again.metrics["test_loss"].last.value) == ("finished", 0.25)


def test_what_is_logged_after_the_end_is_in_the_summary_when_the_script_has_ended(
    store: Path, run_script: Callable[..., str]
) -> None:
    run_script("""
        import autotrack
        with autotrack.start_run("script", to="runs") as run:
            run.log({"loss": 0.5})
        run.log({"test_loss": 0.25})
    """)
    (folder,) = (path.parent for path in store.glob("*/*/run.json"))
    assert b'"test_loss"' in (folder / "run.json").read_bytes()
    assert catalog.load(folder).status == "finished"


def test_settling_any_number_of_times_changes_nothing(store: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    with autotrack.start_run(to=store) as run:
        run.log_artifact("a.txt")
    content = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    for _ in range(3):
        run._release()
        sidecar_client.refresh_derived(run.folder)
    assert {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()} == content


def test_what_cannot_be_derived_is_a_warning_and_the_journal_is_complete(store: Path) -> None:
    run = autotrack.start_run(to=store)
    (run.folder / "run.json").mkdir()  # nothing can take its place
    with pytest.warns(AutotrackWarning, match="finish: .*training is not affected"):
        run.finish()
    (run.folder / "run.json").rmdir()
    assert autotrack.load(run.folder).status == "finished"


def test_the_records_of_a_run_are_in_the_order_of_the_calls(
    store: Path, tmp_path: Path, read_journal: Callable[..., list[AnyRecord]]
) -> None:
    (tmp_path / "a.txt").write_text("a")
    with autotrack.start_run(to=store, tags={"a": "b"}, params={"lr": 0.1}) as run:
        run.log({"loss": 0.5})
        run.log_text("note", "text")
        run.log_table("table", {"a": [1]})
        run.log_artifact("a.txt")
        run.notice("a", "b")
    found = read_journal(run.folder)
    assert [type(record) for record in found] == [
        RunStarted,
        Tags,
        Params,
        Metrics,
        Text,
        Table,
        Artifact,
        Notice,
        RunFinished,
    ]
    times = [record.time for record in found]
    assert times == sorted(times)


# What a run must not touch


def test_random_state_stays_as_it_was(store: Path) -> None:
    np, torch = pytest.importorskip("numpy"), pytest.importorskip("torch")

    def state() -> tuple[Any, ...]:
        name, keys, *rest = np.random.get_state()
        return random.getstate(), name, keys.tolist(), rest, torch.get_rng_state().tolist()

    before = state()
    for _ in range(3):
        with autotrack.start_run(to=store, params={"lr": 0.1}) as run:
            run.log({"loss": torch.tensor(0.5), "acc": np.float32(0.5)})
            run.log_image("image", np.zeros((2, 2)))
            run.log_table("table", {"a": [1]})
    assert state() == before


def test_logging_leaves_its_arguments_alone(store: Path) -> None:
    values: dict[str, Any] = {"loss": float("nan"), "acc": True}
    params: dict[str, Any] = {"model": {"width": 64}, "api_key": "k3J9xQ2mV7pL5tR8"}
    with autotrack.start_run(to=store, params=params) as run:
        run.log(values)
    assert list(values) == ["loss", "acc"]
    assert values["acc"] is True
    assert params == {"model": {"width": 64}, "api_key": "k3J9xQ2mV7pL5tR8"}


def test_a_run_can_be_logged_to_from_threads_and_tasks(store: Path) -> None:
    run = autotrack.start_run(to=store)

    async def task(number: int) -> None:
        run.log({"task": float(number)})

    async def tasks() -> None:
        await asyncio.gather(*map(task, range(5)))

    asyncio.run(tasks())
    threads = [threading.Thread(target=run.log, args=({"thread": 0.5},)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.finish()
    metrics = autotrack.load(run.folder).metrics
    assert (metrics["task"].count, metrics["thread"].count) == (5, 5)


# Secrets

SECRETS = {
    "password": "hunter2-hunter2",
    "token": "hf_" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3f",
    "url": "postgres://me:s3cr3tpw@host/db",
    "environment": "kX9vB2nM4qW6zT8y",
}


def test_secrets_reach_no_file_of_the_store_and_a_notice_names_them(
    store: Path, run_script: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", SECRETS["environment"])
    script = f"""
        import sys
        import autotrack
        token, url, environment = {SECRETS["token"]!r}, {SECRETS["url"]!r}, {SECRETS["environment"]!r}
        params, tags = {{"hub": {{"token": token}}}}, {{"database": url}}
        with autotrack.start_run("secret", to="runs", tags=tags, params=params) as run:
            run.log_params({{"db_password": sys.argv[2], "list": [token], "lr": 0.1}})
            run.log_text("note", f"log in with {{token}} or {{environment}}")
            run.log_table("table", {{"a": [token], "b": [url]}})
            run.log_tags({{"key": environment}})
            run.notice("somebody", f"said {{token}}")
            run.log({{"loss": 0.5}})
            raise ValueError(f"no connection to {{url}} with {{token}}")
    """
    run_script(script, "--db-password", SECRETS["password"], f"--url={SECRETS['url']}", exit_code=1)
    (recorded,) = autotrack.runs(store)
    written = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    assert len(written) >= 2
    for path, content in written.items():
        for kind, secret in SECRETS.items():
            assert secret.encode() not in content, f"the {kind} is in {path.name}"
        assert b"s3cr3tpw" not in content

    assert recorded.argv[1:] == ["--db-password", "[redacted]", "--url=postgres://[redacted]@host/db"]
    assert recorded.params["lr"] == 0.1
    assert (recorded.params["db_password"], recorded.params["hub.token"]) == ("[redacted]", "[redacted]")
    assert recorded.texts["note"] == "log in with [redacted] or [redacted]"
    assert recorded.error.startswith("ValueError: no connection to postgres://[redacted]@host/db")
    last = " ".join(notice.message for notice in recorded.notices if notice.about == "redaction")
    for name in ("db-password", "hub.token", "list[0]", "database", "key", "error", "traceback"):
        assert name in last


def test_a_run_with_a_secret_begins_with_what_it_is_and_can_be_continued(
    store: Path, monkeypatch: pytest.MonkeyPatch, read_journal: Callable[..., list[AnyRecord]]
) -> None:
    monkeypatch.setattr("sys.argv", ["train.py", f"--api-key={SECRETS['token']}"])
    with autotrack.start_run(to=store) as run:
        pass
    assert [type(record) for record in read_journal(run.folder)] == [RunStarted, Notice, RunFinished]
    start.resume_run(run.folder).finish()
    assert autotrack.load(run.folder).argv == ["train.py", "--api-key=[redacted]"]


def test_trials_and_plots_are_recorded_as_data(store: Path) -> None:
    with autotrack.start_run(to=store) as run:
        for number, c in enumerate((0.1, 1.0)):
            run.log_trial(number, {"C": c}, {"mean_test_score": 0.9 - number, "rank": number}, started=1.0, ended=2.0)
        run.log_trial(1, {"C": 1.0}, {"mean_test_score": math.nan}, status="failed", error="ValueError: no")
        run.log_plot("roc", "roc", {"false_positive_rate": numpy.linspace(0, 1, 300), "auc": math.inf})
    summary = autotrack.load(run.folder).summary
    assert [(trial.params["C"], trial.values["mean_test_score"], trial.status) for trial in summary.trials] == [
        (0.1, 0.9, "finished"),
        (1.0, "NaN", "failed"),
    ]
    (plot,) = summary.plots
    assert plot.data["false_positive_rate"] == numpy.linspace(0, 1, 300).tolist()
    assert plot.data["auc"] == "Infinity"


@pytest.mark.parametrize("stream", ["open(os.devnull, 'wb')", "io.TextIOWrapper(io.BytesIO(), 'ascii')"])
def test_standard_error_that_takes_no_text_stops_nothing(
    stream: str, store: Path, run_script: Callable[..., str]
) -> None:
    script = f"""
        import io, os, sys
        import autotrack
        from autotrack.training.hooks.faults import report_fault
        os.environ["AUTOTRACK_QUIET"] = "0"
        sys.stderr = {stream}
        run = autotrack.start_run("größe", to=sys.argv[1])
        report_fault("test", "a fault of ours")
        run.finish()
        print(run.status)
    """
    assert run_script(script, str(store)) == "finished"


@pytest.mark.skipif(os.name != "posix", reason="others have no groups of files")
def test_in_a_store_that_a_group_shares_every_file_can_be_written_by_the_group(
    store: Path, run_script: Callable[..., str]
) -> None:
    script = """
        import os, sys
        from pathlib import Path
        os.umask(0o002)
        for name in ("AUTOTRACK_ENVIRONMENT", "AUTOTRACK_TENSORBOARD", "AUTOTRACK_OUTPUT"):
            del os.environ[name]
        os.environ["AUTOTRACK_EXIT_TIMEOUT"] = "0.1"
        import autotrack
        run = autotrack.start_run(to=[sys.argv[1], "http://127.0.0.1:9"])
        run.log({"loss": 1.0}, step=0)
        run.log_artifact(__file__)
    """
    run_script(script, str(store))
    made = [path for path in store.rglob("*") if path.is_file()]
    assert any(path.suffix == ".lock" for path in made)
    assert [path.name for path in made if not path.stat().st_mode & 0o020] in ([], ["script.py"])
