"""The views of the page inside TensorBoard, used in a real browser: what they show is what the journals say."""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote

import pytest
from playwright.sync_api import FrameLocator, Locator, expect

import autotrack
from autotrack.journal.records import number
from autotrack.readers.recorded_run import RecordedRun
from autotrack.readers.tensorboard.selection import choose
from tests.report.conftest import Watched
from tests.support.browser import keep_picture
from tests.support.framework_runs import framework_runs
from tests.support.tensorboard_pages import show

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]

SWEEP, STEPS = 12, 40
MINUS = "\N{MINUS SIGN}"

COLOURS = """canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const found = new Set();
    for (let at = 0; at < data.length; at += 4) if (data[at + 3] === 255) {
        found.add("#" + [0, 1, 2].map((part) => data[at + part].toString(16).padStart(2, "0")).join(""));
    }
    return [...found];
}"""


class Shown(NamedTuple):
    """TensorBoard on some runs, by their names."""

    address: str
    runs: dict[str, RecordedRun]

    def by(self, framework: str) -> RecordedRun:
        return next(run for run in self.runs.values() if run.started_by == framework)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """TensorBoard on runs of Lightning, Keras and scikit-learn, and on runs by hand."""
    by_hand = tmp_path_factory.mktemp("hand") / "runs"
    for place in range(SWEEP):
        params = {"lr": 10.0 ** -(place / 3), "width": (16, 32)[place % 2], "optimizer": ("adam", "sgd")[place // 6]}
        with autotrack.start_run(f"run-{place}", to=by_hand, experiment="sweep", params=params) as run:
            for step in range(STEPS):
                run.log({"val_loss": 1 / (place + 1) + 1 / (step + 1)}, step=step, epoch=step // 4)
    stores = [framework_runs(tmp_path_factory), by_hand]
    runs = {run.name: run for store in stores for run in autotrack.runs(store)}
    with show(choose(stores)) as server:
        yield Shown(server.address, runs)


@pytest.fixture(autouse=True)
def _nothing_is_asked_of_others(watched: Watched, shown: Shown) -> Iterator[None]:
    yield
    assert watched.asked_only(shown.address)


def names(tab: FrameLocator) -> list[str]:
    return tab.locator("td.name a").all_inner_texts()


def row_of(tab: FrameLocator, table: str, head: str | re.Pattern[str]) -> Locator:
    return tab.locator(f"{table} tbody tr").filter(has=tab.get_by_role("rowheader", name=head, exact=True))


def written(shown: Locator) -> float:
    """Return a number as the page writes it."""
    return float(shown.inner_text().replace(MINUS, "-"))


def lowest(run: RecordedRun) -> float:
    return min(float(number(point.value)) for point in run.history("val_loss"))


def drag(canvas: Locator, begin: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag over a canvas, from one place to another, as shares of its width and height."""
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    mouse = canvas.page.mouse
    (x, y), (to_x, to_y) = ((box["x"] + at[0] * box["width"], box["y"] + at[1] * box["height"]) for at in (begin, end))
    mouse.move(x, y)
    mouse.down()
    mouse.move(to_x, to_y, steps=4)
    mouse.up()


def test_the_table_is_sorted_filtered_and_its_columns_chosen(watched: Watched, shown: Shown) -> None:
    tab = watched.open_tab(shown.address)
    expect(tab.locator("td.name a")).to_have_count(len(shown.runs))
    tab.get_by_role("searchbox", name="filter").fill("experiment == 'sweep' and params.lr < 0.05")
    passing = [run for run in shown.runs.values() if run.experiment == "sweep" and run.params["lr"] < 0.05]
    expect(tab.locator("td.name a")).to_have_count(len(passing))
    tab.get_by_role("button", name=re.compile("^lr")).press("Enter")
    in_order = [run.name for run in sorted(passing, key=lambda run: run.params["lr"])]
    assert names(tab) == in_order
    expect(tab.get_by_role("button", name=re.compile("^lr"))).to_be_focused()
    watched.page.keyboard.press("Enter")
    assert names(tab) == in_order[::-1]
    tab.get_by_role("button", name="Columns").click()
    tab.get_by_role("searchbox", name="find a column").fill("metrics.val_loss")
    tab.get_by_label("val_loss", exact=True).check()
    last = tab.locator("tbody tr").filter(has_text=in_order[-1]).locator("td").nth(-2)
    expect(last).to_have_text(f"{shown.runs[in_order[-1]].metrics['val_loss'].last.value:.4g}")


@pytest.mark.parametrize("framework", ["lightning", "keras", "sklearn"])
def test_one_run_of_each_framework_shows_what_its_journal_has(watched: Watched, shown: Shown, framework: str) -> None:
    run = shown.by(framework)
    tab = watched.open_tab(shown.address, f"#run/{run.id}")
    expect(tab.locator("h1")).to_have_text(run.name)
    expect(tab.locator(".verdict .status")).to_have_text(run.status)
    for name, metric in run.metrics.items():
        cells = row_of(tab, "#metrics", name).get_by_role("cell")
        expect(cells.first).not_to_be_empty()
        assert written(cells.first) == pytest.approx(number(metric.last.value), rel=1e-5), name
        assert str(metric.count) in cells.all_inner_texts(), name
    for name, value in list(run.params.items())[:5]:
        head = tab.locator("th", has_text=re.compile(f"^{re.escape(name)}$"))  # by its text: some are folded away
        row = tab.locator("#params tr").filter(has=head).first
        text = f"{value:g}" if isinstance(value, float) else str(value)
        expect(row).to_contain_text({"True": "true", "False": "false", "None": "none"}.get(text, text))
    drawn = set()
    for figure in tab.locator("#metrics figure").all():
        figure.scroll_into_view_if_needed()  # before that, nothing is drawn
        figure.locator(".legend li").first.wait_for()
        for item in figure.locator(".legend li").all():
            expect(item.locator(".value")).not_to_be_empty()
            name = item.locator("bdi").inner_text()
            assert written(item.locator(".value")) == pytest.approx(number(run.history(name)[-1].value), rel=1e-5)
            drawn.add(name)
    assert drawn == {name for name in run.metrics if len(run.history(name)) > 1}
    assert drawn or run.trials
    if run.trials:
        expect(tab.locator("#trials tbody tr")).to_have_count(len(run.trials))
        ranks = tab.locator("#trials tbody tr").all_inner_texts()
        best = next(trial for trial in run.trials if trial.values.get("rank_test_score") == 1)
        assert ranks[0].split()[0] == str(best.number)
    keep_picture(watched.page, f"tab-run-{framework}")


def test_runs_are_compared_and_their_curves_zoomed(watched: Watched, shown: Shown) -> None:
    before, after = shown.runs["run-3"], shown.runs["run-9"]
    tab = watched.open_tab(shown.address)
    for run in (before, after):
        tab.get_by_label(f"choose {run.name}", exact=True).check()
    tab.get_by_role("button", name="Compare 2").press("Enter")
    expect(tab.locator("main")).to_be_focused()
    expect(tab.locator(".causes strong").first).to_have_text(re.compile("^lr 0.1 → 0.001"))
    labels = tab.locator("#curves .legend li bdi").all_inner_texts()
    runs = [shown.runs[label] for label in labels]
    assert set(labels) == {before.name, after.name}
    last = [float(text) for text in tab.locator("#curves .legend .value").all_inner_texts()]
    assert last == [pytest.approx(run.history("val_loss")[-1].value, rel=1e-5) for run in runs]
    row = row_of(tab, "#metrics", re.compile("val_loss"))
    shown_best = [float(text) for text in row.get_by_role("cell").all_inner_texts()]
    assert shown_best == [pytest.approx(lowest(run), rel=1e-5) for run in runs]
    expect(row.locator("td.best")).to_have_text(f"{min(shown_best):.6g}")
    expect(row_of(tab, "#params", "lr").get_by_role("cell")).to_have_text([str(run.params["lr"]) for run in runs])
    canvas = tab.locator("#curves .u-over").first
    keep_picture(watched.page, "tab-compare")
    drag(canvas, (0.5, 0.5), (0.75, 0.5))
    canvas.hover(position={"x": 5, "y": 20})
    value = tab.locator("#curves .legend .value").first
    expect(value).to_have_text(re.compile(r" at step \d+$"))
    exact, step = re.fullmatch(r"(\S+) at step (\d+)", value.inner_text()).groups()  # type: ignore[union-attr]
    assert STEPS // 2 - 1 <= int(step) <= STEPS // 2 + 1, "the left edge is where the drag began"
    assert float(exact) == pytest.approx(runs[0].history("val_loss")[int(step)].value, rel=1e-5)
    canvas.dblclick()
    canvas.hover(position={"x": 2, "y": 20})
    expect(value).to_have_text(re.compile(r" at step [01]$"))
    tab.get_by_label("axis").select_option("epoch")
    tab.get_by_label("log scale").check()
    tab.get_by_role("slider").fill("0.6")
    expect(watched.page).to_have_url(re.compile("smoothing"))
    address = watched.page.url
    watched.page.goto("about:blank")
    watched.page.goto(address)
    expect(tab.locator(".chip")).to_have_count(2)
    assert tab.get_by_label("axis").input_value() == "epoch"
    expect(tab.get_by_label("log scale")).to_be_checked()


def test_a_search_is_brushed_filtered_and_passed_on(watched: Watched, shown: Shown) -> None:
    tab = watched.open_tab(shown.address, "#search?metric=val_loss&where=experiment+%3D%3D+'sweep'")
    passing = tab.locator("#passing tbody tr")
    expect(passing).to_have_count(SWEEP)
    expect(passing.first.get_by_role("link")).to_have_text(f"run-{SWEEP - 1}")
    canvas = tab.locator("#lines canvas")
    width = canvas.bounding_box()["width"]  # type: ignore[index]
    drag(canvas, (1 - 56 / width, 0.5), (1 - 56 / width, 0.98))  # the lower half of the last axis: the metric
    chip = tab.locator("#lines .chip")
    expect(chip).to_contain_text("val_loss")
    low, high = map(float, re.findall(r"[\d.]+", chip.inner_text().replace("val_loss", "")))
    best = {name: lowest(run) for name, run in shown.runs.items() if run.experiment == "sweep"}
    inside = sorted((name for name in best if best[name] <= high), key=best.__getitem__)
    assert 0 < len(inside) < SWEEP
    assert low <= min(best.values()) * 1.001
    assert tab.locator("#passing tbody tr a").all_inner_texts() == inside
    expect(watched.page).to_have_url(re.compile("ranges"))
    ranges = json.loads(re.search(r"ranges=([^&]+)", unquote(unquote(watched.page.url)))[1])  # type: ignore[index]
    assert list(ranges) == ["best.val_loss"]
    keep_picture(watched.page, "tab-search")
    address = watched.page.url
    watched.page.goto("about:blank")
    watched.page.goto(address)
    expect(chip).to_contain_text("val_loss")
    assert tab.locator("#passing tbody tr a").all_inner_texts() == inside
    tab.get_by_label("x axis").select_option("width")
    tab.get_by_role("application", name="a point for each").press("ArrowRight")
    expect(tab.locator("#points .note")).to_contain_text(re.compile("run-[0-9]+: width (16|32), val_loss"))
    passing.first.get_by_role("link").click()
    expect(tab.locator("h1")).to_have_text(inside[0])


def test_the_candidates_of_a_real_search_are_those_of_its_journal(watched: Watched, shown: Shown) -> None:
    run = shown.by("sklearn")
    candidates = [trial for trial in run.trials if trial.kind == "candidate"]
    tab = watched.open_tab(shown.address, f"#search?of={run.id}")
    passing = tab.locator("#passing tbody tr")
    expect(passing).to_have_count(len(candidates))
    scores = [float(row.split()[2]) for row in passing.all_inner_texts()]
    recorded = sorted((number(trial.values["mean_test_score"]) for trial in candidates), reverse=True)
    assert scores == [pytest.approx(score, rel=1e-3) for score in recorded]
    expect(tab.locator("#candidates tbody tr")).to_have_count(len(run.trials))


def test_it_is_dark_where_tensorboard_is_and_light_again(watched: Watched, shown: Shown) -> None:
    page = watched.page
    page.emulate_media(color_scheme="dark")
    tab = watched.open_tab(shown.address, f"#run/{shown.runs['run-3'].id}")
    expect(tab.locator("html")).to_have_attribute("data-theme", "dark")
    chart = tab.locator("#metrics canvas").first
    expect(chart).to_be_visible()
    assert "#5fb4ee" in chart.evaluate(COLOURS)
    ground = tab.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    assert ground == "rgb(21, 24, 27)"
    for place in ("#runs", "#search?metric=val_loss", f"#compare?runs={shown.runs['run-3'].id}"):
        watched.open_tab(shown.address, place)
        expect(tab.locator("main canvas").first).to_be_visible()
        keep_picture(page, f"tab-dark-{place[1:5]}")
    page.evaluate("document.body.classList.remove('dark-mode')")  # as its own switch does
    expect(tab.locator("html")).to_have_attribute("data-theme", "light")
    assert "#0072b2" in tab.locator("#curves canvas").first.evaluate(COLOURS)
    page.emulate_media(color_scheme="light")
