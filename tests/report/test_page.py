"""The page in a real browser: each view shows what was recorded, texts stay texts, and nothing is asked of anybody."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from typer.testing import CliRunner

import autotrack
from autotrack.cli.app import app
from autotrack.journal.run_folder import read_bytes
from tests.readers.compare.test_system_differences import PACKAGES, recorded
from tests.report.conftest import Watched
from tests.support.browser import keep_picture

pytestmark = pytest.mark.timeout(300)

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    "\x1b]0;title\x07 \u202egnp.exe",
    "'\"><svg/onload=alert(3)>",
    "${alert(4)} {{alert(5)}} %s",
    "עברית and العربية",
    "long " * 20_000,
]


def record(store: Path, name: str, losses: list[float], *, experiment: str = "digits", **params: Any) -> Path:
    with autotrack.start_run(name, to=store, experiment=experiment, params=params) as run:
        for step, loss in enumerate(losses):
            run.log({"val_loss": loss, "accuracy": 1 - loss}, step=step, epoch=step // 2)
    return run.folder


def report(store: Path, *arguments: str) -> str:
    """Make a file as users do, and return its address."""
    target = store.parent / "report.html"
    done = CliRunner().invoke(app, ["report", *arguments, "--store", str(store), "-o", str(target)])
    assert done.exit_code == 0, done.output
    return target.absolute().as_uri()


def forge_name(folder: Path, name: str) -> None:
    """Give a run a name that autotrack would not take, as somebody may who makes a store by hand."""
    journal = folder / "journal" / "main.jsonl"
    journal.write_text(
        re.sub('"name":"run [0-9]"', lambda _: f'"name":{json.dumps(name)}', journal.read_text(), count=1)
    )
    (folder / "run.json").unlink()


def names(page: Page) -> list[str]:
    return page.locator("td.name a").all_inner_texts()


def filter_by(page: Page, condition: str) -> None:
    page.get_by_role("searchbox", name="filter").fill(condition)


def test_the_table_is_sorted_filtered_and_says_which_run_is_the_best(page: Page, store: Path) -> None:
    record(store, "first", [0.5, 0.4], lr=0.1)
    record(store, "second", [0.5, 0.2], lr=0.01)
    record(store, "third", [0.9, math.nan], lr=0.001, dropout=0.5)
    page.goto(report(store))
    expect(page.locator(".said")).to_have_text("3 runs. The best, with the highest accuracy, is second: 0.8.")
    expect(page.locator("tr.top .name a")).to_have_text("second")
    assert names(page) == ["third", "second", "first"]
    page.get_by_label("what best means").select_option("val_loss")
    expect(page.locator(".said")).to_contain_text("with the lowest val_loss, is second: 0.2")
    page.get_by_role("button", name=re.compile("^lr")).click()
    assert names(page) == ["third", "second", "first"]
    page.get_by_role("button", name=re.compile("^lr")).click()
    assert names(page) == ["first", "second", "third"]
    filter_by(page, "best.val_loss < 0.45 and params.lr > 0.05")
    assert names(page) == ["first"]
    filter_by(page, "thi")
    assert names(page) == ["third"]
    filter_by(page, "vall_loss < 1")
    expect(page.get_by_role("alert")).to_contain_text("no run has vall_loss")
    expect(page).to_have_url(re.compile("vall_loss"))
    page.reload()
    expect(page.get_by_role("searchbox", name="filter")).to_have_value("vall_loss < 1")


def test_a_condition_means_what_it_means_in_python(page: Page, store: Path) -> None:
    record(store, "first", [0.5, 0.4], lr=0.1, model="a/b", layers=[1, 2], flag=True)
    record(store, "second", [0.5, 0.2], lr="0.01", model="resnet 18")
    odd: dict[str, Any] = {"odd name": 3}
    record(store, "third", [0.9, math.nan], lr=0.001, **odd)
    record(store, "fourth", [], experiment="other")
    runs = autotrack.runs(store)
    runs[1].tag(why="paper")
    page.goto(report(store))
    for condition in (
        "metrics.val_loss < 0.45",
        "not metrics.val_loss < 0.45",
        "lr > 0.005",
        "params.lr == 0.01",
        "lr is missing or val_loss > 0.3",
        "lr is not missing AND best.accuracy >= 0.6",
        "model contains 'RES'",
        "model matches '^a/'",
        "name in ['first', 'third']",
        "name not in ('first', 'third')",
        "params['odd name'] * 2 + 1 == 7",
        "0.1 < best.val_loss < 0.45",
        "started > '2 hours ago' and duration_seconds < '1 h'",
        "started < 'yesterday'",
        "started == 'today' or started == 'yesterday'",
        "tags.why = 'paper'",
        "flag == true",
        "metrics.val_loss == nan",
        "-best.val_loss > -0.3",
        "experiment != 'digits'",
        "status == 'finished' and (lr < 0.05 or model == 'a/b')",
    ):
        filter_by(page, condition)
        expect(page.get_by_role("alert")).to_be_empty()
        assert sorted(names(page)) == sorted(run.name for run in runs.where(condition)), condition


def test_one_run_shows_what_its_journal_has(page: Page, store: Path) -> None:
    folder = record(store, "first", [0.5 / (step + 1) for step in range(200)], lr=0.1, odd=[1, "<b>"])
    (folder / "output.log").write_text("epoch 1\nepoch 2 <i>loss</i>\n")
    page.goto(report(store))
    page.get_by_role("link", name="first").first.click()
    expect(page.locator("h1")).to_have_text("first")
    expect(page.locator("#metrics tr").filter(has_text=re.compile("^val_loss")).locator("td").first).to_have_text(
        "0.0025"
    )
    expect(page.locator("#params tr").filter(has_text="odd")).to_contain_text('[1,"<b>"]')
    expect(page.locator("#output pre")).to_contain_text("epoch 2 <i>loss</i>")
    plot = page.locator("figure").filter(has_text="val_loss").locator(".plot")
    expect(plot.locator("canvas")).to_be_visible()
    plot.press("+")
    page.get_by_label("axis").select_option("epoch")
    page.get_by_label("log scale").check()
    page.get_by_role("slider").fill("0.6")
    expect(page).to_have_url(re.compile("axis=epoch.*log=yes|log=yes.*axis=epoch"))
    summary = json.loads(read_bytes(folder, "run.json", limit_bytes=10**7))
    expect(page.locator("#metrics dd").first).to_contain_text(f"{summary['metrics']['accuracy']['best']['value']:.5g}")
    page.get_by_label("find in the output").fill("EPOCH")
    expect(page.locator("#output mark")).to_have_count(2)
    page.get_by_label("find in the output").press("Enter")
    expect(page.locator("#output")).to_contain_text("2 of 2")
    page.get_by_label("find in the output").fill("o")
    expect(page.locator("#output pre")).to_have_text("epoch 1\nepoch 2 <i>loss</i>\n")


def test_runs_are_compared_side_by_side_with_the_likely_causes(page: Page, store: Path) -> None:
    record(store, "first", [0.5, 0.4], lr=0.1, width=32)
    record(store, "second", [0.5, 0.2], lr=0.01, width=32)
    page.goto(report(store))
    for row in page.locator("tbody tr").filter(has=page.locator("a")).all():
        row.get_by_role("checkbox").check()
    page.get_by_role("button", name="Compare 2").click()
    expect(page.locator(".causes strong").first).to_have_text("lr 0.1 → 0.01")
    params = page.locator("#params tbody tr")
    expect(params).to_have_count(1)
    expect(params).to_contain_text("0.01")
    page.locator("#params").get_by_role("checkbox").check()
    expect(params).to_have_count(2)
    expect(page.locator("#metrics td.best").first).to_have_text("0.8")
    expect(page.locator("#curves canvas").first).to_be_visible()
    keep_picture(page, "compare")
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator(".chip")).to_have_count(2)


def test_the_system_of_a_run_is_shown_and_where_it_differs_between_two(page: Page, store: Path) -> None:
    one = recorded(store, PACKAGES, numpy_blas="openblas 0.3.21")
    other = recorded(store, {**PACKAGES, "bash": "5.3"}, numpy_blas="openblas 0.3.26")
    page.goto(f"{report(store)}#run/{one.id}")
    system = page.locator("#environment tr").filter(has=page.get_by_role("rowheader", name="system", exact=True))
    expect(system).to_contain_text("C library glibc 2.36, operating system Debian 12, BLAS of numpy openblas 0.3.21")
    expect(system).to_contain_text("GPU driver 550.1, packages of the operating system 3 (dpkg, ")
    page.goto(f"{report(store)}#compare?runs={one.id},{other.id}")
    heads = page.locator("#hardware tbody th")
    expect(heads).to_have_text(["BLAS of numpy", "packages of the operating system"])


def test_hostile_texts_are_shown_as_texts(watched: Watched, store: Path) -> None:
    page = watched.page
    page.on("dialog", lambda dialog: watched.complaints.append(f"a dialog: {dialog.message}"))
    for number, text in enumerate(HOSTILE):
        with autotrack.start_run(
            f"run {number}", to=store, experiment=f"e{number}", params={text: text, "lr": number}, tags={"t": text}
        ) as run:
            run.log({text: 1.0, "val_loss": 1.0}, step=0)
            run.log({text: 0.5}, step=1)
            run.log_text(text, text * 3)
            run.log_table(text, [{text: text}])
            run.notice(text, text)
        (run.folder / "output.log").write_text(text)
        autotrack.load(run.folder).note(text)
        forge_name(run.folder, text)
    address = report(store, "--title", HOSTILE[1])
    page.goto(address)
    expect(page.locator("td.name a")).to_have_count(len(HOSTILE))
    shown = {HOSTILE[0], HOSTILE[1], "\\x1b]0;title\\x07 \\u202egnp.exe", *HOSTILE[3:-1], f"{HOSTILE[-1][:300]}…"}
    assert set(names(page)) == shown
    assert page.title() == HOSTILE[1]
    for place in page.locator("td.name a").evaluate_all("links => links.map((link) => link.getAttribute('href'))"):
        page.evaluate("place => { location.hash = place; }", place)
        expect(page.locator("#notices")).to_be_visible()
        expect(page.locator("#tables td, #tables tbody th")).to_have_count(1)
        expect(page.locator("#metrics canvas").first).to_be_visible()
    assert (
        page.evaluate("document.querySelectorAll('#page img, #page script, #page iframe, #page object').length") == 0
    )
    assert watched.requests == [address], "nothing but the file itself"


def test_the_policy_of_a_file_stops_scripts_requests_and_markup(watched: Watched, store: Path) -> None:
    record(store, "first", [0.5])
    watched.page.goto(report(store))
    expect(watched.page.locator("td.name a")).to_be_visible()
    tried = watched.page.evaluate(
        """async () => {
            const tried = {
                markup: () => { document.body.innerHTML = "<b>x</b>"; },
                request: () => fetch("http://127.0.0.1:9/"),
                script: () => { document.createElement("script").text = "1"; },
            };
            const outcomes = {};
            for (const [name, act] of Object.entries(tried)) {
                try { await act(); outcomes[name] = "done"; } catch { outcomes[name] = "refused"; }
            }
            return outcomes;
        }"""
    )
    watched.complaints.clear()
    assert tried == {"markup": "refused", "request": "refused", "script": "refused"}


def test_a_figure_is_copied_and_paper_is_light_with_every_chart(page: Page, store: Path, tmp_path: Path) -> None:
    with autotrack.start_run("first", to=store) as run:
        for step in range(5):
            run.log({f"metric {number}": step * number for number in range(12)}, step=step)
    page.emulate_media(color_scheme="dark")
    page.goto(report(store))
    page.get_by_role("link", name="first").first.click()
    expect(page.locator("#metrics canvas").first).to_be_visible()
    for kind, beginning in (("SVG", b"<svg"), ("PNG", b"\x89PNG")):
        page.locator("figure").first.hover()
        with page.expect_download() as download:
            page.get_by_role("button", name=kind).first.click()
        assert download.value.suggested_filename == f"metric_0.{kind.lower()}"
        assert download.value.path().read_bytes().startswith(beginning)
    assert page.locator("#metrics canvas").count() < 12
    page.emulate_media(media="print")
    expect(page.locator("#metrics canvas")).to_have_count(12)
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.emulate_media(media="screen", color_scheme="light")


def test_on_paper_the_table_has_all_rows_with_whole_names(page: Page, store: Path) -> None:
    for number in range(70):
        record(store, f"a run with a long name {number}", [0.5], lr=number)
    page.set_viewport_size({"width": 1000, "height": 600})
    page.goto(report(store))
    expect(page.locator("td.name a").first).to_be_visible()
    assert page.locator("td.name").count() < 70
    page.emulate_media(media="print")
    cells = page.locator("td.name")
    expect(cells).to_have_count(70)
    assert cells.evaluate_all(
        "cells => cells.every((one) => one.clientWidth > 60 && one.scrollWidth <= one.clientWidth)"
    )
    page.emulate_media(media="screen")
    expect(page.locator("td.check").first).to_be_visible()
    page.set_viewport_size({"width": 1400, "height": 900})


def test_keys_go_on_from_where_they_were(page: Page, store: Path) -> None:
    record(store, "first", [0.5, 0.4], lr=0.1)
    record(store, "second", [0.5, 0.2], lr=0.01)
    page.goto(report(store))
    head = page.get_by_role("button", name=re.compile("^lr"))
    head.press("Enter")
    expect(head).to_be_focused()
    page.get_by_role("link", name="Compare").press("Enter")
    expect(page.locator("main")).to_be_focused()
    toggle = page.locator("#curves .legend button").first
    toggle.press("Enter")
    expect(toggle).to_have_attribute("aria-pressed", "false")
    expect(toggle).to_be_focused()


def test_of_two_views_that_are_asked_for_the_later_one_is_shown(page: Page, store: Path) -> None:
    record(store, "first", [0.5, 0.4], lr=0.1)
    record(store, "second", [0.5, 0.2], lr=0.01)
    page.goto(report(store))
    for later, shown in (("#runs", ".said"), ("#compare", ".chips"), ("#search", "#lines")):
        page.evaluate("later => { location.hash = '#search?metric=val_loss'; location.hash = later; }", later)
        expect(page.locator(shown)).to_be_visible()
        page.wait_for_timeout(300)
        expect(page.locator(shown)).to_be_visible()
        assert page.url.partition("#")[2].startswith(later[1:])


def test_looking_at_many_runs_takes_no_more_memory_than_at_one(page: Page, store: Path) -> None:
    for number in range(3):
        record(store, f"run-{number}", [0.5 / (step + 1) for step in range(30)], lr=0.1**number)
    page.goto(report(store))
    runs = page.locator("td.name a").evaluate_all("links => links.map((link) => link.getAttribute('href'))")
    places = ["#runs", "#compare", "#search?metric=val_loss", *runs]
    session = page.context.new_cdp_session(page)

    def counted() -> dict[str, int]:
        for place in places:
            page.evaluate("place => { location.hash = place; }", place)
            expect(page.locator("main canvas").first).to_be_visible()
        page.evaluate("location.hash = '#runs'")
        expect(page.locator(".said")).to_be_visible()
        session.send("HeapProfiler.collectGarbage")
        found: dict[str, int] = session.send("Memory.getDOMCounters")
        return found

    counted()
    before = counted()
    for _ in range(4):
        after = counted()
    assert after["jsEventListeners"] <= before["jsEventListeners"] * 1.1
    assert after["nodes"] <= before["nodes"] * 1.1


def test_curves_of_one_colour_have_other_dashes_and_follow_the_theme(page: Page, store: Path) -> None:
    for number in range(18):
        record(store, f"run-{number}", [0.5, 0.4 / (number + 1)])
    page.emulate_media(color_scheme="light")
    page.goto(report(store))
    spark = page.locator("td canvas").first
    expect(spark).to_be_visible()
    light = spark.evaluate("canvas => canvas.toDataURL()")
    page.get_by_label("dark or light").click()
    assert spark.evaluate("canvas => canvas.toDataURL()") != light
    keys = page.locator("td.name a").evaluate_all("links => links.map((link) => link.hash.slice(5))")
    page.evaluate("keys => { location.hash = `#compare?runs=${keys}`; }", ",".join(keys))
    signs = page.locator(".chip .swatch line")
    expect(signs).to_have_count(18)
    looks = "lines => lines.map((line) => getComputedStyle(line).stroke + ' ' + line.getAttribute('stroke-dasharray'))"
    dark = signs.evaluate_all(looks)
    assert len(set(dark)) == 18
    page.get_by_label("dark or light").click()
    assert not set(signs.evaluate_all(looks)) & set(dark)
    page.evaluate("localStorage.clear()")
