"""The runs that belong to one: what it is part of, resumes or repeats, and the runs within it, as links."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

import autotrack
from autotrack.readers.tensorboard.selection import choose
from autotrack.training import start
from tests.report.conftest import Watched
from tests.support.tensorboard_pages import show

pytestmark = pytest.mark.timeout(300)


def record_sweep(store: Path) -> autotrack.Run:
    """A run with three in it."""
    with autotrack.start_run("sweep", to=store, experiment="digits") as sweep:
        for number, (rate, loss) in enumerate(((0.1, 0.5), (0.2, 0.1), (0.3, 0.9))):
            with autotrack.start_run(f"trial-{number}", to=store, experiment="digits", params={"lr": rate}) as run:
                run.log({"val_loss": loss}, step=0)
    return sweep


def record_related(store: Path, name: str, **facts: Any) -> str:
    run = start.open_run(name, started_by="user", to=store, experiment="digits", **facts)
    run.finish()
    return run.id


def test_a_sweep_has_its_runs_the_best_first_and_each_leads_back(page: Page, store: Path) -> None:
    sweep = record_sweep(store)
    address = autotrack.runs(store).report().write("report.html").absolute().as_uri()
    page.goto(f"{address}#run/{sweep.id}")
    rows = page.locator("#children tbody tr")
    expect(rows.locator("a")).to_have_text(["trial-1", "trial-0", "trial-2"])
    page.locator("#children").get_by_role("button", name="lr").click()
    expect(rows.locator("a")).to_have_text(["trial-0", "trial-1", "trial-2"])
    expect(page).to_have_url(re.compile("children=lr"))
    page.reload()
    expect(rows.locator("a")).to_have_text(["trial-0", "trial-1", "trial-2"])
    page.get_by_role("link", name="in the table").click()
    expect(page.locator("td.name a")).to_have_count(3)
    page.go_back()
    page.get_by_role("link", name="compare them").click()
    expect(page.locator(".chip")).to_have_count(3)
    page.go_back()
    page.get_by_role("link", name="as a search").click()
    expect(page.locator("#passing tbody tr")).to_have_count(3)
    page.go_back()
    rows.get_by_role("link", name="trial-2").click()
    expect(page.locator("h1")).to_have_text("trial-2")
    page.locator(".verdict").get_by_role("link", name="sweep", exact=True).click()
    expect(page.locator("h1")).to_have_text("sweep")


def test_a_run_that_was_resumed_leads_to_the_next_one_and_back(page: Page, store: Path) -> None:
    first = record_related(store, "first")
    record_related(store, "second", resumed_from=first)
    lost = record_related(store, "third", resumed_from="0123456789abcdef")
    address = autotrack.runs(store).report().write("report.html").absolute().as_uri()
    page.goto(f"{address}#run/{first}")
    expect(page.locator(".verdict")).to_contain_text("resumed by second")
    page.get_by_role("link", name="second").click()
    expect(page.locator(".verdict")).to_contain_text("resumed from first")
    page.goto(f"{address}#run/{lost}")
    expect(page.locator(".verdict")).to_contain_text("resumed from 0123456789abcdef")


def test_runs_of_a_sweep_appear_while_it_goes_on(watched: Watched, store: Path) -> None:
    with autotrack.start_run("sweep", to=store, experiment="digits") as sweep:
        with autotrack.start_run("first", to=store, experiment="digits") as run:
            run.log({"val_loss": 0.5}, step=0)
        with show(choose([store])) as server:
            tab = watched.open_tab(server.address, f"#run/{sweep.id}")
            links = tab.locator("#children tbody a")
            expect(links).to_have_text(["first"])
            tab.locator("#children").get_by_role("button", name="val_loss").click()
            with autotrack.start_run("second", to=store, experiment="digits") as run:
                run.log({"val_loss": 0.2}, step=0)
            expect(links).to_have_count(2)
            watched.page.goto("about:blank")
