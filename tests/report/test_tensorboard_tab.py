"""The tab "Runs" of TensorBoard: what it answers, what it costs, and that it shows runs while they go on."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from tensorboard.plugins import base_plugin  # type: ignore[import-untyped]  # it comes without types

import autotrack
from autotrack.readers.tensorboard.selection import choose
from autotrack.report.tensorboard_tab import RunsTab
from tests.report.conftest import Watched
from tests.support.tensorboard_pages import show


def record(store: Path, name: str, **params: Any) -> Path:
    with autotrack.start_run(name, to=store, experiment="digits", params=params) as run:
        for step in range(3):
            run.log({"val_loss": 0.5 / (step + 1)}, step=step, epoch=step)
    return run.folder


def tab_of(*places: Path) -> RunsTab:
    flags = type("Flags", (), {"logdir_spec": ",".join(f"n{number}:{place}" for number, place in enumerate(places))})
    return RunsTab(base_plugin.TBContext(logdir=str(places[0]) if len(places) == 1 else "", flags=flags))


def ask(tab: RunsTab, path: str, **asked: str) -> Any:
    """Ask as TensorBoard does; the answer is the status, if it is no success."""
    said: list[str] = []
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    app = tab.get_plugin_apps()[path]
    content = b"".join(
        app({"QUERY_STRING": query, "PATH_INFO": f"/data/plugin/autotrack{path}"}, lambda *all_: said.append(all_[0]))
    )
    return (content.decode() if path.startswith("/page") else json.loads(content)) if said == ["200 OK"] else said[0]


def test_it_answers_with_the_json_of_the_page(store: Path) -> None:
    record(store, "first", lr=0.1)
    record(store, "second", lr=0.2)
    tab = tab_of(store)
    assert tab.is_active()
    table = ask(tab, "/runs")["table"]
    second, first = table["keys"]
    assert ask(tab, "/run", key=first)["params"][0]["value"] == 0.1
    assert ask(tab, "/curves", key=first)["val_loss"]["step"] == [0, 1, 2]
    assert ask(tab, "/comparison", before=first, after=second)["causes"][0]["cause"] == "lr 0.1 → 0.2"
    assert ask(tab, "/sparks", metric="val_loss", keys=f"{first},nobody") == {
        first: [0.5, 0.25, pytest.approx(1 / 6)],
        "nobody": [],
    }
    assert ask(tab, "/part", key=first, metric="val_loss", first="1", after="3")["place"] == [1, 2]
    assert ask(tab, "/part", key=first, metric="nothing") == "500 Internal Server Error"
    assert ask(tab, "/run", key="nobody") == "404 Not Found"
    assert "export const render" in ask(tab, "/page.js")
    assert ".uplot" in ask(tab, "/page.css")


def test_only_what_has_changed_is_sent_again(store: Path) -> None:
    record(store, "first", lr=0.1)
    tab = tab_of(store)
    before = ask(tab, "/runs")
    assert "table" not in ask(tab, "/runs", since=before["version"])
    run = autotrack.start_run("second", to=store, experiment="digits")
    run.log({"val_loss": 0.3}, step=0)
    changed = ask(tab, "/runs", since=before["version"])
    assert changed["changed"]["keys"] == [run.id]
    run.log({"val_loss": 0.2}, step=1)
    assert ask(tab, "/curves", key=run.id)["val_loss"]["value"] == [0.3, 0.2]
    again = ask(tab, "/runs", since=changed["version"])
    assert again["changed"]["keys"] == [run.id]
    run.finish()
    assert ask(tab, "/run", key=run.id)["status"] == "finished"
    autotrack.load(run.folder).note("looked at twice")
    noted = ask(tab, "/runs", since=again["version"])
    assert {"group": "", "name": "note", "values": ["looked at twice"]} in noted["changed"]["columns"]
    again = noted
    shutil.rmtree(run.folder)
    whole = ask(tab, "/runs", since=again["version"])
    assert len(whole["table"]["keys"]) == 1


def test_several_places_and_chosen_runs_are_shown_and_no_other_link_is_followed(store: Path, tmp_path: Path) -> None:
    first, other = record(store, "first"), record(tmp_path / "other", "second")
    assert len(ask(tab_of(store, tmp_path / "other"), "/runs")["table"]["keys"]) == 2
    links = tmp_path / "autotrack-tensorboard-abc"
    links.mkdir(mode=0o700)
    (links / "one").symlink_to(first)
    assert len(ask(tab_of(links), "/runs")["table"]["keys"]) == 1
    (store / "digits" / "linked").symlink_to(other)
    assert len(ask(tab_of(store), "/runs")["table"]["keys"]) == 1


def test_a_long_curve_gets_more_points_where_somebody_looks_and_its_policy_holds(
    watched: Watched, store: Path
) -> None:
    with autotrack.start_run("long", to=store) as run:
        for step in range(20_000):
            run.log({"loss": step % 100}, step=step)
    page = watched.page
    with show(choose([store])) as server:
        tab = watched.open_tab(server.address, f"#run/{run.id}")
        note, plot = tab.locator("#metrics figure .note"), tab.locator("#metrics .plot")
        expect(note).to_have_text(re.compile("^[1-4],[0-9]{3} of 20,000 points"))
        for key in ("+", "+", "+"):
            plot.press(key)
        expect(note).to_have_text(re.compile("^[5-9],[0-9]{3} of 20,000 points"))
        tried = watched.frame().evaluate(
            """async () => {
                const outcomes = {};
                window.ran = "refused";
                const script = document.createElement("script");
                script.textContent = "window.ran = 'done'";
                document.body.append(script);
                outcomes.script = window.ran;
                try { outcomes.request = await fetch("http://127.0.0.1:9/"); } catch { outcomes.request = "refused"; }
                return outcomes;
            }"""
        )
        assert tried == {"script": "refused", "request": "refused"}
        page.goto("about:blank")
    watched.complaints.clear()


def test_where_there_are_no_runs_there_is_no_tab(tmp_path: Path) -> None:
    assert not tab_of(tmp_path).is_active()
    assert not tab_of(tmp_path / "nothing").is_active()
    assert ask(tab_of(tmp_path), "/runs")["table"]["keys"] == []


def test_it_costs_tensorboard_nothing_until_it_is_opened(run_script: Callable[..., str], tmp_path: Path) -> None:
    imported = run_script(
        """
        import sys
        from tensorboard.plugins import base_plugin
        before = set(sys.modules)
        from autotrack.report.tensorboard_tab import RunsTab
        tab = RunsTab(base_plugin.TBContext(logdir="."))
        tab.get_plugin_apps(), tab.frontend_metadata(), tab.is_active()
        print(" ".join(name for name in set(sys.modules) - before if name.startswith(("autotrack", "msgspec"))))
        """
    )
    assert set(imported.split()) <= {
        "autotrack",
        "autotrack.version",
        "autotrack.report",
        "autotrack.report.tensorboard_tab",
        "autotrack.report.folders",
        "autotrack.journal",
        "autotrack.journal.own_folders",
        "autotrack.readers",
        "autotrack.readers.scan",
    }


def test_a_training_is_watched_in_tensorboard(watched: Watched, store: Path) -> None:
    record(store, "first", lr=0.1)
    run = autotrack.start_run("second", to=store, experiment="digits", params={"lr": 0.2})
    for step in range(2):
        run.log({"val_loss": 0.9}, step=step)
    page = watched.page
    with show(choose([store])) as server:
        tab = watched.open_tab(server.address)
        expect(tab.locator("td.name a")).to_have_count(2)
        expect(tab.locator("tr").filter(has_text="second").locator(".status")).to_have_text("running")
        expect(tab.locator(".said")).to_contain_text("with the lowest val_loss, is first")
        run.log({"val_loss": 0.01}, step=2)
        expect(tab.locator(".said")).to_contain_text("with the lowest val_loss, is second: 0.01")
        tab.get_by_role("link", name="second").first.click()
        value = tab.locator("#metrics .legend .value").first
        expect(value).to_have_text("0.01")
        run.log({"val_loss": 0.005}, step=3)
        expect(value).to_have_text("0.005")
        expect(tab.locator("#metrics dd").first).to_contain_text("0.005")
        run.finish()
        expect(tab.locator(".verdict .status")).to_have_text("finished")
        address = page.url
        page.goto("about:blank")
        page.goto(address)
        expect(tab.locator("h1")).to_have_text("second")
        assert watched.asked_only(server.address)
        page.goto("about:blank")
