"""What somebody waits for who looks at runs in a browser: our file and tab, TensorBoard's scalars, MLflow's pages."""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

import autotrack
from autotrack.readers.tensorboard.refresh import bring_up_to_date
from autotrack.readers.tensorboard.selection import View, choose
from autotrack.readers.tensorboard.server import TensorBoardServer
from tests.benchmarks import peers, tables
from tests.support.browser import open_page

RUNS, MANY_RUNS, POINTS = 1_000, 10_000, 1_000_000
STEPS = 10
_ROUNDS = 5
_PANS = 40

_UNTIL_DRAWN = """act => new Promise((done) => {
    const began = performance.now();
    act();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
})"""
"""From an act of a user until the browser has drawn what comes of it."""


def measure(folder: Path, *, quick: bool = False) -> str:
    """Record the runs, look at them in each way, and return the tables."""
    os.environ["AUTOTRACK_SIDECAR"] = os.environ["AUTOTRACK_ENVIRONMENT"] = os.environ["AUTOTRACK_OUTPUT"] = "off"
    os.environ["AUTOTRACK_TENSORBOARD"] = "off"
    divisor = 100 if quick else 1
    few, many, points = RUNS // divisor, MANY_RUNS // divisor, POINTS // divisor
    _record_runs(folder / "few", few)
    _record_runs(folder / "many", many)
    _record_points(folder / "long", points)
    with open_page() as page:
        rows = [
            [f"a file, {few:,} runs", *_file(page, folder / "few", folder / "report.html")],
            [f"the tab, {few:,} runs", *_tab(page, folder / "few")],
            [f"the tab, {many:,} runs", *_tab(page, folder / "many")],
        ]
        others = [["our tab, one run", f"{_one_run(page, folder / 'few'):.2f}"]]
        others.append([f"TensorBoard's scalars, {few:,} runs", f"{_scalars(page, folder / 'few'):.2f}"])
        if peers.is_installed("mlflow"):
            others += _mlflow(page, folder, few)
        pans = _pans(page, folder / "long", points)
    table = tables.table(["", "opened, s", "sorted, ms", "filtered, ms"], rows)
    beside = tables.table(["", "opened, s"], others)
    return (
        f"{table}\n\n{beside}\n\n- a metric of {points:,} points in the tab, panned {_PANS} times: "
        f"{tables.median(pans):.0f} ms a frame, {max(pans):.0f} ms at most"
    )


def _record_runs(store: Path, count: int) -> None:
    dice = random.Random(0)
    for number in range(count):
        params = {
            "lr": 10 ** -dice.uniform(1, 4), "width": dice.choice((16, 32, 64)), "depth": dice.randint(1, 8),
            "seed": number % 5,
            **{f"setting_{one}": dice.choice((1, 2, 3)) for one in range(20)},
        }  # fmt: skip
        tags = {"team": dice.choice("abc")}
        with autotrack.start_run(f"run {number}", to=store, experiment="e", params=params, tags=tags) as run:
            for step in range(STEPS):
                run.log({"val_loss": dice.random(), "val_acc": dice.random(), "train_loss": 1.0}, step=step)


def _record_points(store: Path, count: int) -> None:
    dice = random.Random(0)
    with autotrack.start_run("long", to=store) as run:
        for step in range(count):
            run.log({"loss": 1 / (1 + step / 1e4) + 0.1 * dice.random()}, step=step)


def _file(page: Page, store: Path, path: Path) -> list[str]:
    address = autotrack.runs(store).report().write(path).as_uri()
    return _looked_at(page, address, page)


def _tab(page: Page, store: Path) -> list[str]:
    autotrack.runs(store)  # they are indexed, as after the first look at them
    with _tensorboard(store) as address:
        return _looked_at(page, f"{address}#autotrack", page.frame_locator("iframe"))


def _looked_at(page: Page, address: str, within: Any) -> list[str]:
    opened = []
    for _ in range(_ROUNDS):
        page.goto("about:blank")
        began = time.perf_counter()
        page.goto(address, wait_until="commit")
        within.locator("td.name a").first.wait_for()
        opened.append(time.perf_counter() - began)
    heads, field = within.locator("th button:not([disabled])"), within.get_by_role("searchbox", name="filter")
    sort, filtered = [], []
    for number in range(_ROUNDS):
        head = heads.nth(number + 1)
        sort.append(head.evaluate(f"head => ({_UNTIL_DRAWN})(() => head.click())"))
        type_in = f"""field => ({_UNTIL_DRAWN})(() => {{
            field.value = "best.val_loss < 0.{number + 1} and params.lr > 1e-3";
            field.dispatchEvent(new Event("input"));
        }})"""
        filtered.append(field.evaluate(type_in))
        field.fill("")
    return [
        f"{tables.median(opened):.2f}",
        f"{tables.median(sort):.0f} ({max(sort):.0f})",
        f"{tables.median(filtered):.0f} ({max(filtered):.0f})",
    ]


def _one_run(page: Page, store: Path) -> float:
    key = autotrack.runs(store)[0].id
    with _tensorboard(store) as address:
        page.goto(f"{address}#autotrack")
        page.frame_locator("iframe").locator("td.name a").first.wait_for()
        page.goto("about:blank")
        began = time.perf_counter()
        page.goto(f"{address}#autotrack&p.autotrack.at=%23run%2F{key}", wait_until="commit")
        page.frame_locator("iframe").locator("#metrics canvas").first.wait_for()
        return time.perf_counter() - began


def _scalars(page: Page, store: Path) -> float:
    """Return the time from opening TensorBoard's own tab, which has loaded all, to the first chart in it."""
    bring_up_to_date(choose([store]).runs, on_problem=_fail)
    with _tensorboard(store) as address:
        page.goto(f"{address}#timeseries")
        page.locator("scalar-card canvas, scalar-card svg").first.wait_for(timeout=300_000)
        page.goto("about:blank")
        began = time.perf_counter()
        page.goto(f"{address}#timeseries", wait_until="commit")
        page.locator("scalar-card canvas, scalar-card svg").first.wait_for(timeout=300_000)
        return time.perf_counter() - began


def _mlflow(page: Page, folder: Path, count: int) -> list[list[str]]:
    """Return the times to open MLflow's list of as many runs, and the charts of one of them."""
    from tests.support.servers import mlflow_server

    with mlflow_server(folder / "server") as server:
        run_id = _fill_mlflow(server.url, count)
        times = []
        for place, shown in (
            ("#/experiments/0/runs", "[role=row] a, .ag-row a"),
            (f"#/experiments/0/runs/{run_id}/model-metrics", ".js-plotly-plot"),
        ):
            page.goto("about:blank")
            began = time.perf_counter()
            page.goto(f"{server.url}/{place}", wait_until="commit")
            page.locator(shown).first.wait_for(timeout=120_000)
            times.append(time.perf_counter() - began)
    return [
        [f"MLflow's list of {count:,} runs", f"{times[0]:.2f}"],
        ["MLflow's charts of one run", f"{times[1]:.2f}"],
    ]


def _fill_mlflow(url: str, count: int) -> str:
    """Send runs with the same params and points; return the id of one of them."""
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    client, dice, now = MlflowClient(url), random.Random(0), int(time.time() * 1000)
    run_id = ""
    for number in range(count):
        run_id = client.create_run("0", run_name=f"run {number}").info.run_id
        metrics = [Metric(name, dice.random(), now, step) for step in range(STEPS) for name in ("val_loss", "val_acc")]
        client.log_batch(run_id, metrics, [Param(f"setting_{one}", str(one)) for one in range(24)])
        client.set_terminated(run_id)
    return run_id


def _pans(page: Page, store: Path, points: int) -> list[float]:
    """Zoom into a long curve, and return how long the browser takes to draw each step of a pan."""
    with _tensorboard(store) as address:
        page.goto(f"{address}#autotrack&p.autotrack.at=%23run%2F{autotrack.runs(store)[0].id}")
        plot = page.frame_locator("iframe").locator("#metrics .plot").first
        plot.locator("canvas").wait_for()
        for _ in range(4):
            plot.press("+")
        page.wait_for_timeout(1_000)
        press = 'plot.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }))'
        frames = [plot.evaluate(f"plot => ({_UNTIL_DRAWN})(() => {press})") for _ in range(_PANS)]
        page.wait_for_timeout(1_000)
        note = plot.locator("xpath=..").locator("p.note").inner_text()
        assert f"of {points:,} points" in note, note
    return frames


@contextmanager
def _tensorboard(store: Path) -> Iterator[str]:
    with TensorBoardServer(View(runs=[], logdir=store, title="benchmark"), port=0) as server:
        yield str(server.address)


def _fail(said: str) -> None:
    raise RuntimeError(said)
