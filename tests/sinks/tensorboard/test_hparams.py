"""Params, trials and how a run ended, as TensorBoard's HParams page is told of them."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from tensorboard.backend.event_processing import (  # type: ignore[import-untyped]  # it comes without types
    data_provider,
    plugin_event_multiplexer,
)
from tensorboard.context import RequestContext  # type: ignore[import-untyped]  # it comes without types
from tensorboard.plugins.hparams import (  # type: ignore[import-untyped]  # it comes without types
    api_pb2,
    backend_context,
    list_session_groups,
    metadata,
)

from autotrack.journal.records import Number, Params, RunFinished, Trial
from autotrack.journal.writer import Journal
from tests.support.event_files import (
    BEGAN,
    event_files,
    loaded,
    metrics,
    open_shipment,
    scalars,
    ship,
    started,
    texts,
    write,
)

SUCCESS, FAILURE, RUNNING = 1, 2, 3


def params(source: str = "user", at: float = BEGAN, **values: Any) -> Params:
    return Params(time=at, values=values, source=source)


def finished(at: float = BEGAN + 100, status: Any = "finished") -> RunFinished:
    return RunFinished(time=at, status=status)


def session(folder: Path) -> tuple[dict[str, Any], int | None]:
    """The params that the page shows for a run, and the status; what it finds first counts."""
    content = loaded(folder).PluginTagToContent("hparams")
    start = metadata.parse_session_start_info_plugin_data(content[metadata.SESSION_START_INFO_TAG])
    end = content.get(metadata.SESSION_END_INFO_TAG)
    status = metadata.parse_session_end_info_plugin_data(end).status if end else None
    return {name: MessageToDict(value) for name, value in start.hparams.items()}, status


def group(folder: Path) -> str:
    content = loaded(folder).PluginTagToContent("hparams")[metadata.SESSION_START_INFO_TAG]
    name: str = metadata.parse_session_start_info_plugin_data(content).group_name
    return name


def test_params_keep_their_types_and_none_is_shown(tmp_path: Path) -> None:
    values: dict[str, Any] = {
        "lr": 0.1,
        "layers": 2,
        "amp": True,
        "opt": "adam",
        "drop": None,
        "betas": [0.9, 0.99],
        "s": "NaN",
    }
    ship(write(tmp_path, started(), params(**values), metrics(0, loss=1.0), finished()))
    shown = {**values, "drop": "None", "betas": "[0.9, 0.99]", "s": "nan"}
    assert session(tmp_path) == (shown, SUCCESS)


def test_no_experiment_is_described(tmp_path: Path) -> None:
    """The first description that TensorBoard finds would choose the columns for all runs."""
    ship(write(tmp_path, started(), params(lr=0.1), metrics(0, loss=1.0), finished()))
    assert metadata.EXPERIMENT_TAG not in loaded(tmp_path).PluginTagToContent("hparams")


def test_a_different_value_of_another_source_is_a_column_of_its_own(tmp_path: Path) -> None:
    ship(write(tmp_path, started(), params(lr=0.1), params("optimizer", lr=0.2), finished()))
    assert session(tmp_path)[0] == {"lr": 0.1, "optimizer.lr": 0.2}


def test_of_too_many_params_those_that_people_set_are_kept(tmp_path: Path) -> None:
    callbacks = params("callbacks", **{f"Callback.p{number}": number for number in range(150)})
    ship(write(tmp_path, started(), callbacks, params("model.hparams", lr=0.1), params(why="paper"), finished()))
    shown = session(tmp_path)[0]
    assert {"lr", "why"} <= set(shown)
    assert len(shown) == 100


def test_of_too_many_params_arguments_that_were_given_are_kept(tmp_path: Path) -> None:
    model = params("model", **{f"layer{number}": number for number in range(150)})
    parsed = {**{f"option{number}": number for number in range(20)}, "lr": 0.3}
    arguments = Params(time=BEGAN, values=parsed, source="click", given=["lr"], defaults={"lr": 0.1})
    ship(write(tmp_path, started(), model, arguments, finished()))
    shown = session(tmp_path)[0]
    assert shown["lr"] == 0.3
    assert "option0" not in shown


@pytest.mark.parametrize(
    ("status", "shown"), [("finished", SUCCESS), ("failed", FAILURE), ("interrupted", FAILURE), ("killed", FAILURE)]
)
def test_how_a_run_ended_is_its_status(tmp_path: Path, status: str, shown: int) -> None:
    ship(write(tmp_path, started(), params(lr=0.1), metrics(0, loss=1.0), finished(status=status)))
    assert session(tmp_path)[1] == shown


def test_a_run_that_goes_on_has_no_status_and_one_that_nobody_records_any_more_has_failed(tmp_path: Path) -> None:
    shipment = open_shipment(write(tmp_path, started(), params(lr=0.1), metrics(0, loss=1.0)))
    shipment.carry(flush=True)
    assert session(tmp_path) == ({"lr": 0.1}, None)
    writer = Journal(tmp_path / "journal" / "main.jsonl", on_problem=print)
    writer.append(metrics(1, loss=1.0))
    shipment.close()
    ship(tmp_path)
    assert session(tmp_path)[1] is None
    writer.close()
    ship(tmp_path)
    assert session(tmp_path) == ({"lr": 0.1}, FAILURE)
    before = event_files(tmp_path)
    ship(tmp_path)
    assert event_files(tmp_path) == before


def test_params_that_come_later_than_the_first_metrics_are_shown_in_the_end(tmp_path: Path) -> None:
    shipment = open_shipment(write(tmp_path, started(), params(lr=0.1), metrics(0, loss=1.0)))
    shipment.carry(flush=True)
    write(tmp_path, params("data.test", batch_size=8), finished())
    shipment.carry(flush=True)
    shipment.close()
    assert session(tmp_path) == ({"lr": 0.1, "batch_size": 8}, SUCCESS)


def test_a_run_that_is_resumed_after_its_end_runs_again_and_ends_as_it_then_ends(tmp_path: Path) -> None:
    ship(write(tmp_path, started(), params(lr=0.1), metrics(0, loss=1.0), finished(at=BEGAN + 10)))
    with_writer = Journal(tmp_path / "journal" / "main.jsonl", on_problem=print)
    with_writer.append(started(time=BEGAN + 20))
    with_writer.append(metrics(1, loss=1.0, at=BEGAN + 30))
    ship(tmp_path)
    assert session(tmp_path)[1] == RUNNING
    with_writer.append(finished(at=BEGAN + 40, status="failed"))
    with_writer.close()
    ship(tmp_path)
    assert session(tmp_path)[1] == FAILURE


def test_a_row_is_called_by_the_name_of_its_run(tmp_path: Path) -> None:
    def run(number: int) -> str:
        return group(ship(write(tmp_path / str(number), started(name="baseline", id=f"{number}a5f"), params(lr=0.1))))

    groups = {run(number) for number in range(2)}
    assert len(groups) == 2
    assert all(re.fullmatch("baseline [0-9a-f]{4}", name) for name in groups)


def test_what_varies_by_itself_is_no_column(tmp_path: Path) -> None:
    varying: dict[str, Any] = {
        "ModelCheckpoint.dirpath": "/tmp/a",
        "TensorBoard.log_dir": "/tmp/b",
        "torch_seed": 2**60,
    }
    ship(write(tmp_path, started(), params(**varying), params(seed=1, lr=0.1), finished()))
    assert session(tmp_path)[0] == {"seed": 1, "lr": 0.1}


def searched(folder: Path) -> Path:
    """A run with a search of three candidates."""
    write(folder, started(), params("GridSearchCV", cv=3, estimator="Ridge"))
    for number in range(3):
        values: dict[str, Number] = {"split0_test_score": number / 10, "split1_test_score": number / 5}
        write(folder, Trial(time=BEGAN + number, number=number, params={"alpha": number}, values=values))
    return folder


def test_every_candidate_of_a_search_is_a_run_with_the_same_columns(tmp_path: Path) -> None:
    ship(write(searched(tmp_path), finished()))
    for number in range(3):
        trial = tmp_path / "trials" / str(number)
        assert session(trial) == ({"alpha": number, "cv": 3, "estimator": "Ridge"}, SUCCESS)
        assert set(scalars(trial)) == {"search_details/split0_test_score", "search_details/split1_test_score"}
        assert group(trial).startswith(f"00{number} brave-otter")
    assert session(tmp_path)[0] == {"cv": 3, "estimator": "Ridge"}


def test_the_scores_of_a_candidate_come_before_its_times_and_splits(tmp_path: Path) -> None:
    names = ["mean_fit_time", "mean_test_score", "rank_test_score", "split0_test_score", "std_test_score", "my/score"]
    write(tmp_path, started(), Trial(time=BEGAN, number=0, params={"alpha": 1}, values=dict.fromkeys(names, 1.0)))
    ship(write(tmp_path, finished()))
    assert sorted(scalars(tmp_path / "trials" / "0")) == [
        "my/score",
        "search/mean_test_score",
        "search/rank_test_score",
        "search_details/mean_fit_time",
        "search_details/split0_test_score",
        "search_details/std_test_score",
    ]


def test_what_a_search_has_found_out_is_no_param(tmp_path: Path) -> None:
    """The parallel coordinates would drop the candidates, which cannot have it."""
    write(searched(tmp_path), params("GridSearchCV.best", **{"best.alpha": 2, "cv": 5}))
    ship(write(tmp_path, finished()))
    assert session(tmp_path)[0] == {"cv": 3, "estimator": "Ridge"}
    assert session(tmp_path / "trials" / "1")[0] == {"alpha": 1, "cv": 3, "estimator": "Ridge"}
    assert "| best.alpha | 2 | GridSearchCV.best |" in texts(tmp_path)["autotrack/params"]


def test_candidates_of_runs_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    trial = Trial(time=BEGAN, number=0, params={"alpha": 1})
    folders = [ship(write(tmp_path / one, started(id=one, name="baseline"), trial)) for one in ("a", "b")]
    assert len({group(folder / "trials" / "0") for folder in folders}) == 2


def test_a_candidate_that_changes_is_written_again_and_others_are_left_alone(tmp_path: Path) -> None:
    shipment = open_shipment(searched(tmp_path))
    shipment.carry(flush=True)
    before = {path: path.stat().st_mtime_ns for path in event_files(tmp_path / "trials")}
    score: dict[str, Number] = {"mean_test_score": 0.5}
    write(tmp_path, Trial(time=BEGAN + 10, number=1, params={"alpha": 1}, values=score, status="failed", ended=BEGAN))
    shipment.carry(flush=True)
    shipment.close()
    after = {path: path.stat().st_mtime_ns for path in event_files(tmp_path / "trials")}
    assert len(after) == 3
    assert {path.parent.name for path, _ in before.items() ^ after.items()} == {"1"}
    assert scalars(tmp_path / "trials" / "1") == {"search/mean_test_score": [(0, 0.5)]}
    assert session(tmp_path / "trials" / "1")[1] == FAILURE


def test_folds_are_no_candidates(tmp_path: Path) -> None:
    fold = Trial(time=BEGAN, number=0, kind="fold", values={"test_score": 1.0})
    ship(write(tmp_path, started(), fold, finished()))
    assert not (tmp_path / "trials").exists()


def test_shipping_a_search_again_changes_nothing(tmp_path: Path) -> None:
    ship(write(searched(tmp_path), finished()))
    before = {path: path.read_bytes() for path in event_files(tmp_path)}
    ship(tmp_path)
    assert {path: path.read_bytes() for path in event_files(tmp_path)} == before


def page(folder: Path) -> list[api_pb2.SessionGroup]:
    """The rows of the page for all runs below a folder."""
    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(folder))
    multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, str(folder))
    plugin = backend_context.Context(SimpleNamespace(data_provider=provider, logdir=str(folder)))
    request = api_pb2.ListSessionGroupsRequest(
        allowed_statuses=[api_pb2.STATUS_SUCCESS, api_pb2.STATUS_UNKNOWN, api_pb2.STATUS_RUNNING], slice_size=100
    )
    return list(list_session_groups.Handler(RequestContext(), plugin, "", request).run().session_groups)


def values_of(row: api_pb2.SessionGroup) -> dict[str, float]:
    return {value.name.tag: value.value for value in row.metric_values}


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "while it goes on"])
@pytest.mark.parametrize("far", [2**31, 4_000_000_000, -(2**33)])
def test_steps_of_more_than_32_bits_leave_the_page_whole_and_the_curve_true(
    far: int, at_once: bool, tmp_path: Path
) -> None:
    ship(write(tmp_path / "small", started(), params(lr=0.1), metrics(1, val_loss=0.5), finished()))
    run = tmp_path / "tokens"
    shipment = None if at_once else open_shipment(write(run, started(), params(lr=0.2), metrics(0, val_loss=1.0)))
    if shipment is not None:
        shipment.carry(flush=True)
        assert len(page(tmp_path)) == 2
        write(run, metrics(far, val_loss=0.25), finished())
        shipment.carry(flush=True)
        shipment.close()
    else:
        ship(write(run, started(), params(lr=0.2), metrics(0, val_loss=1.0), metrics(far, val_loss=0.25), finished()))
    assert scalars(run)["validate/loss"] == [(0, 1.0), (far, 0.25)]
    rows = {row.hparams["lr"].number_value: values_of(row) for row in page(tmp_path)}
    assert {lr: values["validate/loss"] for lr, values in rows.items()} == {0.1: 0.5, 0.2: 0.25}
    ship(run)  # deletes what was replaced
    before = sorted((path.name, path.read_bytes()) for path in run.rglob("*tfevents*"))
    ship(run)
    assert sorted((path.name, path.read_bytes()) for path in run.rglob("*tfevents*")) == before


@pytest.mark.parametrize("odd", [10**400, "\0", [1e300]], ids=["huge", "nul", "list"])
def test_one_odd_param_leaves_the_page_whole(odd: object, tmp_path: Path) -> None:
    ship(write(tmp_path / "odd", started(), params(lr=0.1, odd=odd), metrics(1, val_loss=0.5), finished()))
    assert [row.hparams["lr"].number_value for row in page(tmp_path)] == [0.1]
