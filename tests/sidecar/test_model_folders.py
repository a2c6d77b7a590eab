"""The folders of models are completed without loading anything, and never through a link."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import structs

import autotrack
from autotrack.journal import records
from autotrack.protocol import Follow
from autotrack.sidecar.followed_run import FollowedRun
from autotrack.training.run_files import RunFiles

FLAVORS = {"python_function": {"loader_module": "toy"}, "toy": {"data": "model.bin"}}


def keep_model(run: autotrack.Run, content: bytes = b"model", described: Any = None) -> Path:
    folder, files = run.folder / "model", RunFiles(run)
    folder.mkdir(exist_ok=True)
    (folder / "model.bin").write_bytes(content)
    (folder / "schema.json").write_text(json.dumps(described))
    files.record_model(folder, files=["model.bin"], flavors=FLAVORS, described_in="schema.json", modules=["numpy"])
    return folder


def test_the_folder_says_how_it_is_loaded_and_of_which_run_it_is(store: Path) -> None:
    with autotrack.start_run("first", to=store) as run:
        folder = keep_model(run, described={"input": {"shape": [None, 2], "dtype": "float64"}})
    mlmodel = yaml.safe_load((folder / "MLmodel").read_text())
    assert mlmodel["flavors"]["toy"] == {"data": "model.bin"}
    assert mlmodel["flavors"]["python_function"]["env"] == {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}
    assert mlmodel["metadata"]["autotrack"]["run_id"] == run.id
    assert json.loads(mlmodel["signature"]["inputs"])[0]["tensor-spec"]["shape"] == [-1, 2]
    assert "numpy==" in (folder / "requirements.txt").read_text()
    kept = {one.path: one for one in autotrack.load(run.folder).artifacts}
    assert kept["model/MLmodel"].sha256
    assert {"model/requirements.txt", "model/conda.yaml", "model/python_env.yaml"} <= set(kept)


def test_a_model_that_is_kept_anew_is_described_anew(store: Path) -> None:
    with autotrack.start_run(to=store) as run:
        folder = keep_model(run)
    before = (folder / "MLmodel").read_text()
    complete(run.folder)
    assert (folder / "MLmodel").read_text() == before
    keep_model(run, b"a larger model")
    complete(run.folder)
    assert yaml.safe_load((folder / "MLmodel").read_text())["model_size_bytes"] == len(b"a larger model")


def test_a_model_that_is_kept_anew_is_described_anew_although_the_clock_was_set_back(store: Path) -> None:
    run = autotrack.start_run(to=store)
    followed = FollowedRun(Follow(folder=str(run.folder), environment=False))
    for content, seconds in ((b"model", 3600.0), (b"a larger model", 0.0)):
        folder = keep_model(run, content)
        main = run.folder / "journal" / "main.jsonl"
        *before, last = main.read_bytes().splitlines(keepends=True)
        ahead = records.decode(last)
        main.write_bytes(b"".join([*before, records.encode(structs.replace(ahead, time=ahead.time + seconds)), b"\n"]))
        followed.flush()
        followed.complete_files()
    followed.close()
    run.finish()
    assert yaml.safe_load((folder / "MLmodel").read_text())["model_size_bytes"] == len(b"a larger model")


def test_a_model_of_a_host_whose_clock_is_ahead_is_described_once(store: Path) -> None:
    with autotrack.start_run(to=store) as run:
        keep_model(run)
    main = run.folder / "journal" / "main.jsonl"
    lines = [json.loads(line) for line in main.read_text().splitlines()]
    for line in lines:
        line["time"] += 365 * 86400
    main.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    complete(run.folder)
    described = (run.folder / "journal" / "sidecar.jsonl").read_bytes()
    complete(run.folder)
    assert (run.folder / "journal" / "sidecar.jsonl").read_bytes() == described


def test_models_of_short_runs_share_what_is_the_same(store: Path) -> None:
    folders = []
    for _ in range(3):
        with autotrack.start_run(to=store) as run:
            folders.append(keep_model(run))
            (folders[-1] / "requirements.txt").unlink(missing_ok=True)
            complete(run.folder, shares=True)
    assert len({(folder / "requirements.txt").stat().st_ino for folder in folders}) == 1
    assert (folders[0] / "requirements.txt").read_bytes() == (folders[2] / "requirements.txt").read_bytes()


@pytest.mark.parametrize("name", ["MLmodel", "requirements.txt"])
def test_a_link_in_place_of_a_description_is_replaced_and_not_followed(store: Path, name: str) -> None:
    outside = store.parent / "outside.txt"
    outside.write_text("mine")
    with autotrack.start_run(to=store) as run:
        folder = keep_model(run)
        (folder / name).symlink_to(outside)
    assert outside.read_text() == "mine"
    assert not (folder / name).is_symlink()


def test_a_folder_that_is_a_link_is_left_alone_and_said_to_be(store: Path) -> None:
    elsewhere = store.parent / "elsewhere"
    elsewhere.mkdir()
    with autotrack.start_run(to=store) as run:
        keep_model(run).rename(elsewhere / "model")
        (run.folder / "model").symlink_to(elsewhere / "model")
    assert sorted(path.name for path in (elsewhere / "model").iterdir()) == ["model.bin", "schema.json"]
    assert any("is a link" in notice.message for notice in autotrack.load(run.folder).notices)


@pytest.mark.parametrize("described", ["[" * 5000, "null", "[1]", "{", '{"input": {"columns": {"a": {}}}}'])
def test_a_description_that_says_nothing_leaves_out_the_signature(store: Path, described: str) -> None:
    with autotrack.start_run(to=store) as run:
        folder = keep_model(run)
        (folder / "schema.json").write_text(described)
    assert "signature" not in yaml.safe_load((folder / "MLmodel").read_text())


def complete(folder: Path, *, shares: bool = False) -> None:
    run = FollowedRun(Follow(folder=str(folder)))
    run.read()
    run.complete_files(shares=shares)
    run.close()


def test_a_model_that_is_gone_is_no_fault(store: Path, read_journal: Callable[..., list[Any]]) -> None:
    with autotrack.start_run(to=store) as run:
        (keep_model(run) / "model.bin").unlink()
    assert not (run.folder / "model" / "MLmodel").exists()
    assert not autotrack.load(run.folder).notices
