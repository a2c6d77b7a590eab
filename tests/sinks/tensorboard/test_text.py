"""What TensorBoard's own converter makes of our Markdown: names and values are shown as they are, and nothing runs."""

import importlib
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrack.escapes import printable
from autotrack.journal.summary import Summary
from autotrack.sinks.tensorboard.text import about_run, table, verbatim

plugin_util = pytest.importorskip("tensorboard.plugin_util")

HOSTILE = ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "![x](http://127.0.0.1/x.png)", "a&lt;b",
           "[x](javascript:alert(1))", "<http://127.0.0.1/>", "a|b", "**a**", "`a`", "\\", "\\<", "\x02wzxhzdk:0\x03",
           "```", "~~~", "# a", "[a]: http://127.0.0.1/", "a\u202eb", "\x1b]0;x\x07"]  # fmt: skip


class _Page(HTMLParser):
    """The texts of the cells and code blocks of a page, and all of its tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert not attrs, (tag, attrs)
        self.tags.add(tag)
        if tag in ("td", "code"):
            self.texts.append("")

    def handle_data(self, data: str) -> None:
        if self.texts:
            self.texts[-1] += data


def page(markdown: str) -> _Page:
    return _Page(importlib.import_module("tensorboard.plugin_util").markdown_to_safe_html(markdown))


@given(st.sampled_from(HOSTILE) | st.text(max_size=30) | st.text(alphabet="\\`*_|[]#!<>&;()-+.~ a1", max_size=12))
def test_a_cell_shows_the_very_value(value: str) -> None:
    cells = page(table(["name", "value"], [["x", value]]))
    assert cells.tags <= {"table", "thead", "tbody", "tr", "th", "td"}
    assert cells.texts[0].strip() == "x"
    assert cells.texts[1].strip() == printable(" ".join(value.split()))


@given(st.sampled_from(HOSTILE) | st.text(alphabet="`~<>&\n ab", max_size=30))
def test_a_traceback_shows_the_very_text(text: str) -> None:
    shown = page(f"before\n\n{verbatim(f'a{text}b')}\n\nafter")
    assert shown.tags <= {"p", "pre", "code"}
    without_blanks = re.sub("(?m)^ +$", "", printable(f"a{text}b", keep="\n\t"))  # Markdown empties blank lines
    assert shown.texts[0].startswith(without_blanks)


def test_a_hostile_run_is_described_in_words_alone() -> None:
    for evil in HOSTILE:
        summary = Summary(id=evil, name=evil, experiment=evil, status="failed", error=evil, argv=[evil],
                          traceback=f"{evil}\n{evil}", tags={evil: evil}, params_by_source={evil: {evil: evil}},
                          started=1.0, environment_files=[evil],
                          environment={"git": {"commit": evil, "changed": [evil], "branch": evil}})  # fmt: skip
        for markdown in about_run(summary).values():
            allowed = {"table", "thead", "tbody", "tr", "th", "td", "pre", "code", "p", "strong", "ul", "li"}
            assert page(markdown).tags <= allowed
