"""Sessions in which somebody types are told from scripts."""

import sys
from types import SimpleNamespace

import pytest

from autotrack.interactive import interactive_session, ipython_shell


def test_a_script_is_not_interactive() -> None:
    assert interactive_session() is None
    assert ipython_shell() is None


def test_a_prompt_is_told_from_a_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    assert interactive_session() == "python"


@pytest.mark.parametrize(("shell", "kind"), [(SimpleNamespace(), "ipython"), (SimpleNamespace(kernel=1), "notebook")])
def test_a_notebook_is_told_from_ipython_in_a_terminal(
    monkeypatch: pytest.MonkeyPatch, shell: SimpleNamespace, kind: str
) -> None:
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert ipython_shell() is shell
    assert interactive_session() == kind


def test_a_script_that_only_imports_ipython_is_not_interactive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert interactive_session() is None
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace())  # half imported
    assert interactive_session() is None
