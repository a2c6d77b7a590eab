"""The tab while trainings go on: newer runs and points appear in every view, and nobody is disturbed by them."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

import autotrack
from autotrack.readers.tensorboard.selection import choose
from autotrack.training.run import Run
from tests.report.conftest import Watched
from tests.support.tensorboard_pages import show

pytestmark = pytest.mark.timeout(300)


def start(store: Path, name: str, *losses: float, **params: object) -> Run:
    run = autotrack.start_run(name, to=store, experiment="digits", params=params)
    for step, loss in enumerate(losses):
        run.log({"val_loss": loss}, step=step)
    return run


def record(store: Path, name: str, *losses: float, **params: object) -> Run:
    run = start(store, name, *losses, **params)
    run.finish()
    return run


def test_a_search_shows_newer_runs_among_the_lines_that_are_brushed(watched: Watched, store: Path) -> None:
    for number in range(4):
        record(store, f"run-{number}", 0.5 + number / 10, lr=0.1 * (number + 1))
    with show(choose([store])) as server:
        tab = watched.open_tab(server.address, '#search?ranges={"best.val_loss":[null,0.65]}')
        passing = tab.locator("#passing tbody tr a")
        expect(passing).to_have_text(["run-0", "run-1"])
        lines = tab.get_by_role("application", name=re.compile("lines over lr"))
        lines.press("ArrowRight")
        record(store, "newer", 0.55, lr=0.15)
        record(store, "worse", 0.95, lr=0.05)
        expect(passing).to_have_text(["run-0", "newer", "run-1"])
        expect(tab.locator("#lines .chip")).to_contain_text("val_loss")
        expect(lines).to_be_focused()
        expect(tab.locator("#lines .note")).to_contain_text("3 of 6 in range")
        watched.page.goto("about:blank")


def test_a_comparison_shows_newer_points_and_values(watched: Watched, store: Path) -> None:
    first = record(store, "first", 0.5, 0.4, lr=0.1)
    run = start(store, "second", 0.6, lr=0.2)
    with show(choose([store])) as server:
        tab = watched.open_tab(server.address, f"#compare?runs={first.id},{run.id}")
        expect(tab.locator("#curves .legend .value")).to_have_text(["0.4", "0.6"])
        run.log({"val_loss": 0.3}, step=1)
        expect(tab.locator("#curves .legend .value")).to_have_text(["0.4", "0.3"])
        expect(tab.locator("#metrics td.best")).to_have_text("0.3")
        run.log({"train_loss": 0.2}, step=2)
        run.log({"train_loss": 0.1}, step=3)
        expect(tab.locator("#curves figure")).to_have_count(2)
        run.finish()
        watched.page.goto("about:blank")


def test_people_go_back_and_forward_in_the_tab_as_in_any_page(watched: Watched, store: Path) -> None:
    record(store, "first", 0.5)
    page = watched.page
    with show(choose([store])) as server:
        tab = watched.open_tab(server.address)
        tab.get_by_role("link", name="first").first.click()
        expect(tab.locator("h1")).to_have_text("first")
        tab.get_by_role("link", name="Search").click()
        expect(tab.locator("main .empty")).to_be_visible()
        page.go_back()
        expect(tab.locator("h1")).to_have_text("first")
        page.go_back()
        expect(tab.locator(".said")).to_contain_text("1 run")
        page.go_forward()
        expect(tab.locator("h1")).to_have_text("first")
        page.goto("about:blank")


def test_a_link_is_opened_in_a_window_of_its_own(watched: Watched, store: Path) -> None:
    record(store, "first", 0.5, 0.4)
    page = watched.page
    with show(choose([store])) as server:
        tab = watched.open_tab(server.address)
        address = tab.get_by_role("link", name="first").first.evaluate("link => link.href")
        page.goto(address)
        expect(page.locator("h1")).to_have_text("first")
        expect(page.locator("#metrics canvas").first).to_be_visible()
        page.get_by_role("link", name="Runs").click()
        expect(page.locator(".said")).to_contain_text("1 run")
        page.goto("about:blank")


def test_it_says_that_tensorboard_does_not_answer(watched: Watched, store: Path) -> None:
    record(store, "first", 0.5)
    with show(choose([store])) as server:
        tab = watched.open_tab(server.address)
        expect(tab.locator(".made")).to_have_text(re.compile("^as of"))
    expect(tab.locator(".made")).to_have_text(re.compile("^no answer from TensorBoard, as of"))
    watched.page.goto("about:blank")
    watched.complaints.clear()
