"""The view of a search in a real browser: lines that can be brushed, what matters, and candidates of one search."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import autotrack

pytestmark = pytest.mark.timeout(300)

RUNS = 12


def record_sweep(store: Path) -> None:
    """Runs of which only `lr` matters, the larger the worse."""
    for number in range(RUNS):
        params = {
            "lr": 10.0 ** -(number / 3),
            "width": (16, 32)[number % 2],
            "optimizer": ("adam", "sgd")[number // 6],
        }
        with autotrack.start_run(f"run-{number}", to=store, experiment="sweep", params=params) as run:
            run.log({"val_loss": 1 / (number + 1)}, step=0)


def record_search(store: Path) -> None:
    with autotrack.start_run("search", to=store, experiment="sweep") as run:
        run.log({"best_score": 1.0})
        for number in range(RUNS):
            run.log_trial(number, {"C": 10.0**number}, {"mean_test_score": number / RUNS})


def address(store: Path) -> str:
    return autotrack.runs(store).report().write("report.html").absolute().as_uri() + "#search"


def test_lines_are_brushed_and_the_best_of_those_that_pass_are_listed(page: Page, store: Path) -> None:
    record_sweep(store)
    page.goto(address(store))
    passing = page.locator("#passing tbody tr")
    expect(passing).to_have_count(RUNS)
    expect(passing.first).to_contain_text("run-11")
    expect(page.locator("#importance .bars > span").first).to_have_text("lr")
    canvas = page.locator("canvas.parallel").first
    box = canvas.bounding_box()
    assert box
    x = box["x"] + box["width"] - 56  # the last axis: the metric
    page.mouse.move(x, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(x, box["y"] + 280, steps=4)
    page.mouse.up()
    chip = page.locator("#lines .chip")
    expect(chip).to_contain_text("val_loss")
    assert 0 < passing.count() < RUNS
    expect(passing.first).not_to_contain_text("run-11")
    chip.get_by_role("button").click()
    expect(passing).to_have_count(RUNS)
    lines = page.get_by_role("application", name=re.compile("lines over lr"))
    for key in (
        "ArrowUp",
        "ArrowUp",
        "ArrowRight",
        "Shift+ArrowDown",
    ):  # lr from below, and the second axis from above
        lines.press(key)
    expect(chip).to_have_count(2)
    expect(page.locator("#lines .note")).to_contain_text(f"of {RUNS} in range")
    with page.expect_download() as download:
        page.locator("#lines").hover()
        page.locator("#lines").get_by_role("button", name="SVG").click()
    assert "<path" in download.value.path().read_text()
    for key in ("Delete", "ArrowLeft", "Delete"):
        lines.press(key)
    expect(passing).to_have_count(RUNS)
    page.get_by_label("x axis").select_option("duration_seconds")
    page.get_by_role("searchbox").fill("params.width == 16")
    page.get_by_role("searchbox").press("Enter")
    expect(passing).to_have_count(RUNS // 2)
    passing.first.get_by_role("link").click()
    expect(page.locator("h1")).to_have_text("run-10")


def test_people_choose_which_axes_are_shown_and_a_link_keeps_them(page: Page, store: Path) -> None:
    record_sweep(store)
    page.goto(address(store))
    lines = page.get_by_role("application", name=re.compile("lines over"))
    heads = page.locator("#passing thead th")
    expect(heads).to_have_text(["run", "val_loss", "lr", "optimizer", "width"])
    page.get_by_role("button", name="Axes").click()
    page.get_by_label("width", exact=True).uncheck()
    expect(heads).to_have_text(["run", "val_loss", "lr", "optimizer"])
    page.get_by_role("searchbox", name="find an axis").fill("duration")
    page.get_by_role("checkbox", name="duration_seconds").check()
    expect(lines).to_have_attribute("aria-label", re.compile("over lr, optimizer, duration_seconds, val_loss"))
    page.get_by_role("searchbox", name="find an axis").press("Escape")
    lines.press("ArrowUp")
    expect(page.locator("#lines .chip")).to_contain_text("lr")
    expect(page).to_have_url(re.compile("axes=.*ranges="))
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    expect(heads).to_have_text(["run", "val_loss", "lr", "optimizer", "duration_seconds"])
    expect(page.locator("#lines .chip")).to_contain_text("lr")
    page.get_by_role("button", name="Axes").click()
    page.get_by_role("button", name="as at first").click()
    expect(heads).to_have_text(["run", "val_loss", "lr", "optimizer", "width"])


def test_candidates_are_sorted_by_a_click_and_a_link_keeps_that(page: Page, store: Path) -> None:
    record_search(store)
    page.goto(address(store))
    page.get_by_label("what is shown").select_option(label="trials of search")
    first = page.locator("#candidates tbody tr").first.locator("td").first
    page.locator("#candidates").get_by_role("button", name="C", exact=True).click()
    expect(first).to_have_text("0")
    page.keyboard.press("Enter")
    expect(first).to_have_text(str(RUNS - 1))
    page.get_by_role("button", name="Axes").click()
    page.get_by_label("C", exact=True).uncheck()
    expect(page.get_by_role("application", name=re.compile("lines over mean_test_score"))).to_be_visible()
    expect(page).to_have_url(re.compile("axes=.*sort=-C"))
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    expect(first).to_have_text(str(RUNS - 1))
    page.goto(page.url.partition("#")[0] + f"#run/{autotrack.runs(store)[0].id}")
    trials = page.locator("#trials tbody tr")
    page.locator("#trials").get_by_role("button", name="mean_test_score").click()
    page.keyboard.press("Enter")
    expect(trials.first.locator("td").first).to_have_text(str(RUNS - 1))
    expect(page).to_have_url(re.compile("trials=-mean_test_score"))


def test_the_candidates_of_one_search_are_shown_alike(page: Page, store: Path) -> None:
    record_sweep(store)
    record_search(store)
    page.goto(address(store))
    page.get_by_label("what is shown").select_option(label="trials of search")
    expect(page.locator("#passing tbody tr").first).to_contain_text(f"candidate {RUNS - 1}")
    expect(page.locator("#importance .bars > span").first).to_have_text("C")
    expect(page.locator("#candidates tbody tr")).to_have_count(RUNS)
    expect(page).to_have_url(re.compile("of="))
    expect(page.locator("canvas.parallel")).to_have_count(2)


def test_learning_curves_and_validation_curves_are_drawn_with_their_spread(page: Page, store: Path) -> None:
    record_sweep(store)
    with autotrack.start_run("curve", to=store, experiment="sweep") as run:
        for number in range(5):
            scores = {"mean_train_score": 1.0, "std_train_score": 0.01, "mean_test_score": 0.5, "std_test_score": 0.1}
            run.log_trial(number, {"train_size": 10 * number}, scores, kind="point")
        run.log_plot("train_score", "curve", {"x": [0], "y": [1], "x_name": "train_size", "y_name": "train_score"})
    page.goto(address(store))
    page.get_by_label("what is shown").select_option(label="trials of curve")
    figure = page.locator("figure").filter(has_text="Learning curve")
    expect(figure.locator("canvas")).to_be_visible()
    expect(figure.locator(".legend")).to_contain_text("validation")
    page.evaluate("key => { location.hash = `#run/${key}`; }", run.id)
    expect(page.locator("#trials figure")).to_have_count(1)
    expect(page.locator("#plots")).to_have_count(0)  # it would say the same once more
