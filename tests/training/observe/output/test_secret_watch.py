"""Every change of a secret variable is noticed at the next print."""

import os
from unittest.mock import patch

import pytest

from autotrack.redaction import Redactor
from autotrack.training.observe.output.secret_watch import SecretWatch


def announced(watch: SecretWatch) -> dict[str, str]:
    secrets: dict[str, str] = {}
    watch.announce(secrets.update)
    return secrets


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> SecretWatch:
    monkeypatch.setenv("HUB_TOKEN", "7c1d9be0a2f4")
    monkeypatch.setenv("PLAIN", "1")
    watch = SecretWatch(Redactor())
    assert watch.has_changed(), "nobody has asked before"
    assert announced(watch)["HUB_TOKEN"] == "7c1d9be0a2f4"
    assert not watch.has_changed()
    return watch


def test_what_the_environment_does_not_do_changes_nothing(watch: SecretWatch) -> None:
    os.environ["PLAIN"] = "2"
    assert not watch.has_changed()


@pytest.mark.parametrize("also", ["", "PLAIN", "HUB_TOKEN"])
def test_a_new_variable_is_noticed_also_where_another_one_goes(
    watch: SecretWatch, monkeypatch: pytest.MonkeyPatch, also: str
) -> None:
    monkeypatch.setenv("DB_PASSWORD", "ad3bf3f2e1ca8dac")
    if also:
        monkeypatch.delenv(also)
    assert watch.has_changed()
    assert announced(watch)["DB_PASSWORD"] == "ad3bf3f2e1ca8dac"
    assert not watch.has_changed()


def test_a_new_value_is_noticed(watch: SecretWatch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_TOKEN", "ad3bf3f2e1ca8dac")
    assert watch.has_changed()
    assert announced(watch)["HUB_TOKEN"] == "ad3bf3f2e1ca8dac"
    assert not watch.has_changed()


def test_an_environment_that_is_replaced_for_a_while_is_noticed(watch: SecretWatch) -> None:
    with patch.dict(os.environ, {"DB_PASSWORD": "ad3bf3f2e1ca8dac"}, clear=True):
        assert watch.has_changed()
        assert announced(watch) == {"DB_PASSWORD": "ad3bf3f2e1ca8dac"}
        assert not watch.has_changed()
    assert watch.has_changed()
    assert announced(watch)["HUB_TOKEN"] == "7c1d9be0a2f4"
