"""What a run is on a tracking server: everything the journals say, once, however often and in whatever pieces."""

import json
import math
import re
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
import requests
from msgspec.structs import replace
from PIL import Image

import autotrack
from autotrack.journal import records
from autotrack.journal.records import (
    AnyRecord,
    Artifact,
    Dataset,
    Metrics,
    Params,
    RunFinished,
    RunStarted,
    SystemStats,
    Tags,
    Trial,
)
from autotrack.sinks.rest import RestSink, batches, runs, sink
from autotrack.sinks.rest.artifacts import ArtifactStore
from autotrack.sinks.rest.batches import Batches, Item
from autotrack.sinks.rest.client import Client, Refused
from autotrack.sinks.shipment import Shipment
from tests.support.server_reader import ReadRun, ServerReader, recorded_points
from tests.support.servers import Server

if TYPE_CHECKING:
    from autotrack.sinks.base import RemoteSink

START = 1_795_000_000.0


def send(folder: Path, server: Server) -> list[str]:
    """Send what is there; return what was said."""
    said = list[str]()
    sink = RestSink(server.url, on_problem=said.append)
    shipment = Shipment(folder, sink, on_problem=said.append)
    shipment.carry(flush=True)
    shipment.close()
    return [*said, *sink.owed.sentences()]


def recorded(folder: Path, experiment: str, *found: AnyRecord, journal: str = "main") -> Path:
    """Write a journal by hand; the main one begins with the start of the run."""
    start = RunStarted(time=START, id=f"id-of-{experiment}", name="by hand", experiment=experiment)
    (folder / "journal").mkdir(parents=True, exist_ok=True)
    with (folder / "journal" / f"{journal}.jsonl").open("ab") as file:
        is_new = file.tell() == 0 and journal == "main"
        file.writelines(records.encode(one) + b"\n" for one in ([start, *found] if is_new else found))
    return folder


def losses(steps: Iterable[int], *, at: float = START) -> list[Metrics]:
    return [Metrics(time=at + step, values={"loss": 1 / (1 + step)}, step=step) for step in steps]


def api(server: Server, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = requests.post(f"{server.url}/api/2.0/mlflow/{path}", json=body, timeout=60)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def read(server: Server, experiment: str) -> ReadRun:
    return ServerReader(server.url).run(experiment)


def latest(server: Server, experiment: str) -> dict[str, tuple[float, int]]:
    """What the server says is the last value of each metric, and its step."""
    data = whole(server, experiment)["data"]
    return {one["key"]: (one["value"], one["step"]) for one in data["metrics"]}


def whole(server: Server, experiment: str) -> dict[str, Any]:
    """A run as `runs/get` has it."""
    query = {"run_id": read(server, experiment).run_id}
    found: dict[str, Any] = requests.get(f"{server.url}/api/2.0/mlflow/runs/get", params=query, timeout=60).json()
    run: dict[str, Any] = found["run"]
    return run


def steps_of(run: ReadRun, metric: str = "loss") -> list[int]:
    return sorted(step for _, step, _ in run.points.get(metric, []))


def test_it_is_a_sink() -> None:
    made: RemoteSink = RestSink("http://me:secret@127.0.0.1:5000/")
    assert (made.destination, made.follows) == ("http://127.0.0.1:5000", True)
    made.close()


def test_all_of_a_run_reads_back(server: Server, experiment: str, store: Path) -> None:
    with autotrack.start_run("first", to=store, experiment=experiment, tags={"team": "vision"}) as run:
        run.log_params({"lr": 0.1, "optimizer": {"name": "adam"}, "nothing": None, "empty": "", "sizes": [1, 2]})
        run.log_params({"lr": 0.2}, source="config")
        for epoch in range(3):
            run.log({"loss": 1 / (epoch + 1), "count": epoch}, step=epoch * 10)
            run.log({"val_loss": epoch / 3}, epoch=epoch)
        run.log_text("note", "# Why")
        run.log_text("model", "a summary")
        run.log_table("predictions", [{"image": "a.png", "digit": 3}])
        run.log_dataset("train", [[1.0, 2.0], [3.0, 4.0]], "tiny")
    assert send(run.folder, server) == []
    found, reader = read(server, experiment), ServerReader(server.url)
    assert (found.name, found.status) == ("first", "FINISHED")
    assert found.points == recorded_points(run.folder)
    assert found.params == {
        "lr": "0.1", "optimizer.name": "adam", "nothing": "None", "empty": "", "sizes": "[1, 2]", "config.lr": "0.2",
    }  # fmt: skip
    assert (found.tags["team"], found.tags["autotrack.run"]) == ("vision", run.id)
    assert found.tags["mlflow.note.content"].startswith("# Why")
    assert reader.artifact(found, "texts/model.md") == b"a summary"
    assert json.loads(reader.artifact(found, "tables/predictions.json")) == {
        "columns": ["image", "digit"],
        "data": [["a.png", 3]],
    }
    assert json.loads(found.tags["mlflow.loggedArtifacts"]) == [{"path": "tables/predictions.json", "type": "table"}]


def test_every_number_reads_back(server: Server, experiment: str, tmp_path: Path) -> None:
    values = [0.0, -0.5, 5e-324, 1.7e308, 0.1 + 0.2, 2**53 + 0.0, math.pi, 1e-7]
    found = [Metrics(time=START, values={"x": value}, step=step) for step, value in enumerate(values)]
    odd = Metrics(time=START + 1, values={"nan": "NaN", "up": "Infinity", "down": "-Infinity"}, step=-3)
    assert send(recorded(tmp_path, experiment, *found, odd), server) == []
    run = read(server, experiment)
    assert run.points == recorded_points(tmp_path)
    assert (run.status, run.started_ms, run.ended_ms) == ("RUNNING", int(START * 1000), None)


def test_again_and_again_changes_nothing_with_or_without_its_cursor(
    server: Server, experiment: str, tmp_path: Path
) -> None:
    trials = [Trial(time=START, number=number, params={"C": number}, values={"score": 0.5}) for number in range(3)]
    end = RunFinished(time=START + 99, status="interrupted")
    recorded(tmp_path, experiment, Params(time=START, values={"a@b": 1}), *losses(range(30)), *trials, end)
    assert send(tmp_path, server) == []
    before = ServerReader(server.url).runs(experiment)
    assert send(tmp_path, server) == []
    (cursor,) = (tmp_path / "remote").glob("127.0.0.1-*.json")
    cursor.unlink()
    assert send(tmp_path, server) == []
    assert ServerReader(server.url).runs(experiment) == before
    assert sorted(run.status for run in before) == ["FINISHED", "FINISHED", "FINISHED", "KILLED"]


def test_a_tag_that_was_removed_is_removed_there_too(server: Server, experiment: str, tmp_path: Path) -> None:
    recorded(tmp_path, experiment, Tags(time=START, values={"why": "paper", "a@b": "x", "team": "vision"}))
    assert send(tmp_path, server) == []
    assert {"why", "a_at_b", "team"} <= read(server, experiment).tags.keys()
    recorded(tmp_path, experiment, Tags(time=START + 1, values={}, removed=["why", "a@b"]), journal="edits")
    assert send(tmp_path, server) == []
    left = read(server, experiment).tags
    assert not {"why", "a_at_b"} & left.keys()
    assert left["team"] == "vision"
    recorded(tmp_path, experiment, Tags(time=START + 2, values={"why": "paper"}), journal="edits")
    assert send(tmp_path, server) == []
    assert read(server, experiment).tags["why"] == "paper"


def test_points_of_a_metric_whose_name_is_too_long_for_a_tag_are_there_once(
    server: Server, experiment: str, tmp_path: Path
) -> None:
    names = ["a" * 9000, "a" * 9000 + "b"]
    recorded(
        tmp_path, experiment, *[Metrics(time=START, values=dict.fromkeys(names, 1.0), step=step) for step in (0, 1)]
    )
    for _ in range(3):
        assert send(tmp_path, server) == []
        recorded(tmp_path, experiment, Metrics(time=START, values={names[1]: 1.0}, step=2))
        (cursor,) = (tmp_path / "remote").glob("*.json")
        cursor.unlink()
    points = read(server, experiment).points
    assert sorted(map(len, points.values())) == [2, 3]


def test_in_pieces_and_by_many_senders_is_as_at_once(server: Server, experiment: str, tmp_path: Path) -> None:
    recorded(tmp_path, experiment, Params(time=START, values={"lr": 0.1}))
    for piece in range(4):
        name = "acc@1" if piece % 2 else "acc_at_1"
        found = Metrics(time=START + piece, values={name: 0.5}, step=piece)
        again = Params(time=START, values={"lr": piece}, source=f"part{piece}")
        recorded(tmp_path, experiment, found, again, *losses(range(piece * 5, piece * 5 + 5)))
        assert send(tmp_path, server) == []
    run = read(server, experiment)
    assert steps_of(run) == list(range(20))
    assert run.params == {"lr": "0.1", "part0.lr": "0", "part1.lr": "1", "part2.lr": "2", "part3.lr": "3"}
    assert (steps_of(run, "acc_at_1"), steps_of(run, "acc_at_1-2")) == ([0, 2], [1, 3])
    assert run.tags["autotrack.name.acc_at_1-2"] == "acc@1"


def test_trials_are_nested_runs_with_their_own_times(server: Server, experiment: str, tmp_path: Path) -> None:
    good = Trial(
        time=START + 9, number=0, params={"C": 1.0}, values={"mean@test": 0.9}, started=START, ended=START + 5
    )
    bad = Trial(time=START + 9, number=1, params={"C": 2.0}, values={"score": "NaN"}, status="failed", error="no")
    assert send(recorded(tmp_path, experiment, good, bad), server) == []
    sent = {run.tags["autotrack.run"]: run for run in ServerReader(server.url).runs(experiment)}
    parent, first, second = (sent[f"id-of-{experiment}{suffix}"] for suffix in ("", ".0", ".1"))
    assert first.tags["mlflow.parentRunId"] == second.tags["mlflow.parentRunId"] == parent.run_id
    assert (first.status, first.started_ms, first.ended_ms) == ("FINISHED", START * 1000, (START + 5) * 1000)
    assert (first.params, first.points) == ({"C": "1.0"}, {"mean_at_test": [(int((START + 5) * 1000), 0, 0.9)]})
    assert first.tags["autotrack.name.mean_at_test"] == "mean@test"
    assert (second.status, second.tags["autotrack.error"]) == ("FAILED", "no")


def test_a_run_inside_another_one_is_nested_in_it(server: Server, experiment: str, store: Path) -> None:
    with (
        autotrack.start_run("outer", to=store, experiment=experiment) as outer,
        autotrack.start_run("inner", to=store, experiment=experiment) as inner,
    ):
        pass
    assert send(outer.folder, server) == send(inner.folder, server) == []
    sent = {run.name: run for run in ServerReader(server.url).runs(experiment)}
    assert sent["inner"].tags["mlflow.parentRunId"] == sent["outer"].run_id
    assert "mlflow.parentRunId" not in sent["outer"].tags


def test_a_param_that_is_too_long_is_cut_and_kept_whole_in_a_file(
    server: Server, experiment: str, tmp_path: Path
) -> None:
    long = "ü" * 9000
    assert send(recorded(tmp_path, experiment, Params(time=START, values={"long": long, "n": 1})), server) == []
    run = read(server, experiment)
    assert run.params == {"long": "ü" * 6000, "n": "1"}
    assert json.loads(ServerReader(server.url).artifact(run, "params.json")) == {"long": long, "n": 1}


def test_what_the_server_does_not_take_is_set_aside_and_the_rest_goes_on(
    server: Server, experiment: str, tmp_path: Path
) -> None:
    recorded(tmp_path, experiment, *losses([0]))
    send(tmp_path, server)
    client = Client(server.url)
    items = [Item(f"good{number}", 1.0, 1, 0) for number in range(30)]
    items[7] = items[23] = Item("bad@name", 1.0, 1, 0)
    run = runs.get(client, read(server, experiment).run_id)
    assert run is not None
    refusals = Batches(client).send(run, "metrics", items)
    client.close()
    assert len(read(server, experiment).points) == 29
    assert [refusal.item for refusal in refusals] == [items[7], items[23]]
    assert all("Invalid value" in refusal.reason for refusal in refusals)


def test_a_param_that_somebody_changed_is_set_aside_too(server: Server, experiment: str, tmp_path: Path) -> None:
    recorded(tmp_path, experiment, *losses([0]))
    send(tmp_path, server)
    client = Client(server.url)
    run = runs.get(client, read(server, experiment).run_id)
    assert run is not None
    api(server, "runs/log-parameter", {"run_id": run.run_id, "key": "b", "value": "theirs"})
    refusals = Batches(client).send(run, "params", [Item(key, "ours") for key in "abc"])
    client.close()
    assert read(server, experiment).params == {"a": "ours", "b": "theirs", "c": "ours"}
    assert [refusal.item.key for refusal in refusals] == ["b"]


def test_training_that_goes_back_leaves_out_what_it_records_again(
    server: Server, experiment: str, tmp_path: Path
) -> None:
    recorded(tmp_path, experiment, *losses(range(10)))
    back = RunStarted(
        time=START + 50, id=f"id-of-{experiment}", name="by hand", experiment=experiment, resumed_at_step=6
    )
    recorded(tmp_path, experiment, back, *losses(range(6, 12), at=START + 50))
    assert send(tmp_path, server) == []
    run = read(server, experiment)
    assert steps_of(run) == list(range(12))
    assert run.tags["autotrack.resumed_at_steps"] == "6"
    assert run.started_ms == START * 1000


def test_other_ranks_are_told_apart(server: Server, experiment: str, tmp_path: Path) -> None:
    recorded(tmp_path, experiment, *losses([0]), Params(time=START, values={"lr": 1}))
    recorded(tmp_path, experiment, *losses([0, 1]), Params(time=START, values={"lr": 2}), journal="rank1")
    assert send(tmp_path, server) == []
    run = read(server, experiment)
    assert (steps_of(run), steps_of(run, "rank1/loss")) == ([0], [0, 1])
    assert run.params == {"lr": "1", "rank1.user.lr": "2"}


def test_the_load_is_where_mlflow_shows_it(server: Server, experiment: str, tmp_path: Path) -> None:
    values: dict[str, records.Number] = {
        "host_cpu_percent": 12.5,
        "host_memory_used_bytes": 3_000_000,
        "gpu0_utilization_percent": 99,
        "process_count": 2,
        "process_memory_bytes": 2_500_000,
    }
    load = SystemStats(time=START + 7.9, values=values)
    assert send(recorded(tmp_path, experiment, load), server) == []
    assert latest(server, experiment) == {
        "system/cpu_utilization_percentage": (12.5, 7),
        "system/system_memory_usage_megabytes": (3.0, 7),
        "system/gpu_0_utilization_percentage": (99.0, 7),
        "system/process_count": (2.0, 7),
        "system/process_memory_megabytes": (2.5, 7),
    }


def test_data_sets_are_inputs_with_digest_and_schema(server: Server, experiment: str, tmp_path: Path) -> None:
    table = Dataset(
        time=START, role="train", kind="pandas.DataFrame", name="cars", shape=[2, 2], rows=2, fingerprint="f" * 40,
        schema={"weight": "float64", "maker": "str"}, source="/data/cars.csv",
    )  # fmt: skip
    pair = Dataset(time=START, role="test", kind="tuple", schema={"x": "float32 [10, 3]", "y": "int64"}, rows=10)
    assert send(recorded(tmp_path, experiment, table, pair), server) == send(tmp_path, server) == []
    found = {one["tags"][0]["value"]: one["dataset"] for one in whole(server, experiment)["inputs"]["dataset_inputs"]}
    cars, test = found["train"], found["test"]
    assert (cars["name"], cars["digest"], json.loads(cars["source"])) == ("cars", "f" * 8, {"uri": "/data/cars.csv"})
    assert json.loads(cars["profile"])["fingerprint"] == "f" * 40
    assert json.loads(test["profile"])["parts"] == "x float32 [10, 3], y int64"
    assert [(one["name"], one["type"]) for one in json.loads(cars["schema"])["mlflow_colspec"]] == [
        ("weight", "double"),
        ("maker", "string"),
    ]
    tensors = json.loads(json.loads(test["schema"])["mlflow_tensorspec"]["features"])
    assert [(one["name"], one["tensor-spec"]) for one in tensors] == [
        ("x", {"dtype": "float32", "shape": [-1, 3]}),
        ("y", {"dtype": "int64", "shape": [-1]}),
    ]


def test_plots_of_a_short_run_are_drawn_by_a_sink_that_draws(server: Server, experiment: str, store: Path) -> None:
    with autotrack.start_run("short", to=store, experiment=experiment) as run:
        run.log_plot("confusion", "confusion_matrix", {"labels": ["no", "yes"], "matrix": [[5, 1], [2, 7]]})

    def files_after(*, draws: bool) -> list[str]:
        shipment = Shipment(run.folder, RestSink(server.url, draws=draws), on_problem=pytest.fail)
        shipment.carry(flush=True)
        shipment.close()
        found = ServerReader(server.url).files(read(server, experiment))
        return sorted(path for path in found if path.startswith("plots/"))

    assert files_after(draws=False) == files_after(draws=False) == ["plots/confusion.json"]
    assert files_after(draws=True) == files_after(draws=False) == ["plots/confusion.json", "plots/confusion.png"]


def test_images_over_steps_are_where_mlflow_shows_them(server: Server, experiment: str, store: Path) -> None:
    with autotrack.start_run("pictures", to=store, experiment=experiment) as run:
        for step in range(2):
            run.log_image("val/dogs", Image.new("RGB", (300, 200), (step, 0, 0)), step)
    assert send(run.folder, server) == []
    found, reader = read(server, experiment), ServerReader(server.url)
    assert found.tags["mlflow.loggedImages"] == "True"
    shown = [path for path in reader.files(found) if path.startswith("images/")]
    kinds = r"images/val~dogs\+step\+[01]\+timestamp\+\d+\+[0-9a-f-]{36}(\.png|\+compressed\.webp)"
    assert len(shown) == 4
    assert all(re.fullmatch(kinds, path) for path in shown)
    small = Image.open(BytesIO(reader.artifact(found, next(path for path in shown if path.endswith(".webp")))))
    assert (small.format, small.size) == ("WEBP", (256, 171))


def test_an_image_is_there_once_though_it_is_recorded_again_with_its_checksum(
    server: Server, experiment: str, store: Path, read_journal: Callable[..., list[AnyRecord]]
) -> None:
    with autotrack.start_run("pictures", to=store, experiment=experiment) as run:
        run.log_image("dog", Image.new("RGB", (8, 8)), 0)
    assert send(run.folder, server) == []
    (image,) = [one for one in read_journal(run.folder) if isinstance(one, Artifact)]
    recorded(run.folder, experiment, replace(image, time=image.time + 5, sha256="0" * 64))
    assert send(run.folder, server) == []
    shown = [path for path in ServerReader(server.url).files(read(server, experiment)) if path.startswith("images/")]
    assert len(shown) == 2


def test_a_run_that_was_deleted_is_left_alone_until_it_goes_on(
    server: Server, experiment: str, tmp_path: Path
) -> None:
    send(recorded(tmp_path, experiment, *losses(range(3))), server)
    api(server, "runs/delete", {"run_id": read(server, experiment).run_id})
    assert send(tmp_path, server) == []
    assert ServerReader(server.url).runs(experiment) == []
    recorded(tmp_path, experiment, *losses([3]))
    assert send(tmp_path, server) == []
    assert steps_of(read(server, experiment)) == [0, 1, 2, 3]


def test_a_run_that_is_not_there_any_more_is_sent_anew(server: Server, experiment: str, tmp_path: Path) -> None:
    send(recorded(tmp_path, experiment, *losses(range(3))), server)
    (path,) = (tmp_path / "remote").glob("127.0.0.1-*.json")
    run = read(server, experiment)
    path.write_text(path.read_text().replace(run.run_id, "0" * 32))
    api(server, "runs/delete", {"run_id": run.run_id})
    assert send(tmp_path, server) == []
    assert steps_of(read(server, experiment)) == [0, 1, 2]


def test_the_runs_of_a_deleted_experiment_go_to_another_one(server: Server, experiment: str, tmp_path: Path) -> None:
    send(recorded(tmp_path / "a", experiment, *losses([0])), server)
    found = requests.get(
        f"{server.url}/api/2.0/mlflow/experiments/get-by-name", params={"experiment_name": experiment}, timeout=60
    ).json()
    api(server, "experiments/delete", {"experiment_id": found["experiment"]["experiment_id"]})
    (said,) = send(recorded(tmp_path / "b", experiment, *losses([0])), server)
    assert "was deleted" in said
    assert steps_of(read(server, f"{experiment}-2")) == [0]


def test_a_backlog_is_sent_before_it_fills_the_memory(
    server: Server, experiment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink, "_MOST_WAITING", 300)
    monkeypatch.setitem(batches.LIMITS, "metrics", 100)
    names = [f"m{number}" for number in range(7)]
    found = [Metrics(time=START + step, values=dict.fromkeys(names, step / 7), step=step) for step in range(50)]
    recorded(tmp_path, experiment, *found)
    said = RestSink(server.url)
    assert said.open(tmp_path) == {}
    said.write([RunStarted(time=START, id=f"id-of-{experiment}", name="by hand", experiment=experiment), *found])
    assert read(server, experiment).points == recorded_points(tmp_path)
    assert latest(server, experiment) == dict.fromkeys(names, (49 / 7, 49))
    assert list((tmp_path / "remote").glob("*.json")) == []
    said.close()
    assert send(tmp_path, server) == []
    assert read(server, experiment).points == recorded_points(tmp_path)


def test_only_one_sender_at_a_time(server: Server, experiment: str, tmp_path: Path) -> None:
    recorded(tmp_path, experiment, *losses([0]))
    first = RestSink(server.url)
    first.open(tmp_path)
    (said,) = send(tmp_path, server)
    assert "another process is sending this run" in said
    first.close()
    assert send(tmp_path, server) == []


def test_told_to_stop_it_keeps_its_place(server: Server, experiment: str, tmp_path: Path) -> None:
    recorded(tmp_path, experiment, *losses(range(3)))
    stop, said = Event(), list[str]()
    shipment = Shipment(tmp_path, RestSink(server.url, stop=stop), on_problem=said.append)
    shipment.carry(flush=True)
    recorded(tmp_path, experiment, *losses([3]))
    stop.set()
    shipment.carry(flush=True)
    shipment.close()
    assert "was given up before this was sent" in said[0]
    assert send(tmp_path, server) == []
    assert steps_of(read(server, experiment)) == [0, 1, 2, 3]


def test_files_that_are_refused_hold_nothing_up_and_go_another_time(
    server: Server, experiment: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise Refused("no room", status=403)

    with autotrack.start_run("full", to=store, experiment=experiment) as run:
        run.log({"loss": 0.5}, step=0)
        for name in ("a.txt", "b.txt"):
            (store / name).write_text(name)
            run.log_artifact(store / name)
        gone = store / "gone.txt"
        gone.write_text("gone")
        run.log_artifact(gone)
        (run.folder / "artifacts" / "gone.txt").unlink()
    with monkeypatch.context() as patched:
        patched.setattr(ArtifactStore, "upload", refuse)
        (said,) = [one for one in send(run.folder, server) if "no room" in one]
        assert re.fullmatch(r"\d+ files \(.+\): no room", said)
    found = read(server, experiment)
    assert (found.status, steps_of(found)) == ("FINISHED", [0])
    assert send(run.folder, server) == ["artifacts/gone.txt was not sent: it is no longer there"]
    assert send(run.folder, server) == []
    assert {"artifacts/a.txt", "artifacts/b.txt"} <= set(ServerReader(server.url).files(found))


def test_a_folder_without_a_run_is_no_run(server: Server, tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "main.jsonl").write_bytes(b'{"record":"RunSta')
    assert send(tmp_path, server) == []
