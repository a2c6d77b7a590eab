"""Names on the server: readable, allowed by every server, each name one of its own, and the original never lost."""

import posixpath
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrack.sinks.rest.key_map import KeyMap

NAMES = st.one_of(
    st.text(max_size=300),
    st.text(alphabet="a@_/.-% ", max_size=8),
    st.sampled_from(["acc@5", "acc_at_5", "acc_at_5-2", "..", "a//b", "/a", "a/", ".", "", "x" * 300, "x" * 301]),
)


def is_taken_by_mlflow(key: str) -> bool:
    """As mlflow/utils/validation.py has it, on Windows as well."""
    normal = posixpath.normpath(key)
    unique = normal == key and normal != "." and not normal.startswith(("..", "/"))
    return bool(key) and len(key) <= 250 and re.match(r"^[/\w.\- ]*$", key) is not None and unique


def test_a_name_that_is_allowed_stays_as_it_is() -> None:
    for name in ("loss", "val/loss", "lr-Adam/pg1", "épreuve", "a b.c"):
        assert KeyMap().of(name) == name


def test_other_names_stay_readable() -> None:
    names = KeyMap()
    assert names.of("acc@5") == "acc_at_5"
    assert names.of("f1 (macro)") == "f1 _macro_"
    assert names.of("/train//loss/") == "train/loss"
    assert names.of("../../etc") == "_/_/etc"
    assert names.of("時間: 秒") == "時間_ 秒"


def test_names_that_would_become_the_same_are_told_apart() -> None:
    names = KeyMap()
    assert [names.of(name) for name in ("acc@5", "acc_at_5", "acc@5", "acc@@5")] == [
        "acc_at_5",
        "acc_at_5-2",
        "acc_at_5",
        "acc_at_at_5",
    ]


@given(st.lists(NAMES, max_size=12))
def test_every_name_has_a_key_of_its_own_that_the_server_takes(given_names: list[str]) -> None:
    names = KeyMap()
    keys = {name: names.of(name) for name in given_names}
    assert len(set(keys.values())) == len(keys)
    assert all(is_taken_by_mlflow(key) for key in keys.values())


@given(st.lists(NAMES, max_size=8), st.lists(NAMES, max_size=8))
def test_who_goes_on_later_finds_the_same_keys_by_the_tags(before: list[str], after: list[str]) -> None:
    names = KeyMap()
    keys = {name: names.of(name) for name in before}
    again = KeyMap(names.tags())
    assert {name: again.of(name) for name in before} == keys
    assert {key: again.of(key) for key in after} == {key: names.of(key) for key in after}


@given(st.lists(NAMES, max_size=8))
def test_the_tags_keep_what_was_changed_and_nothing_else(given_names: list[str]) -> None:
    names = KeyMap()
    for name in given_names:
        names.of(name)
    tags = names.tags()
    assert all(is_taken_by_mlflow(tag) for tag in tags)
    changed = {name for name in given_names if names.of(name) != name}
    assert len(tags) == len(changed)
    assert set(tags.values()) >= {name for name in changed if "\0" not in name}  # PostgreSQL takes no NUL


@pytest.mark.parametrize("size", [3999, 4000, 4001, 8001, 100_000])
def test_a_name_too_long_for_a_tag_keeps_its_key(size: int) -> None:
    names = ["a" * size, "a" * size + "b", "a" * size + "\0", "a" * size + "�"]
    first = KeyMap()
    keys = [first.of(name) for name in names]
    assert len(set(keys)) == 4
    assert all(len(value) <= 4000 and "\0" not in value for value in first.tags().values())
    later = KeyMap(first.tags())
    assert [later.of(name) for name in reversed(names)] == keys[::-1]
