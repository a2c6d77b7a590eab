"""Of each format only the secrets go, and where they cannot, the file is left out."""

import json
from pathlib import Path

import pytest

from autotrack.journal.kept_code import HOLDS_SECRET
from autotrack.redaction import REDACTED, Redactor
from autotrack.sidecar.capture.keeping import Keeper, is_code, without_secrets
from autotrack.sidecar.capture.notebooks import clean_notebook
from tests.support.repositories import TOKEN

PASSWORD = "hunter" + "2xQ9"
SETTINGS = "ü user: ada\r\npassword: {}\nlr: 0.1\n"


@pytest.fixture
def redactor() -> Redactor:
    return Redactor({"DB_PASSWORD": "correct-horse-9"})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16", "utf-32"])
def test_a_text_loses_its_secrets_in_any_encoding(redactor: Redactor, encoding: str) -> None:
    clean = without_secrets(SETTINGS.format(PASSWORD).encode(encoding), redactor, "a.yaml")
    assert clean == SETTINGS.format(REDACTED).encode(encoding)


def test_a_text_in_utf_16_may_have_any_order_of_bytes(redactor: Redactor) -> None:
    content = ("\ufeff" + SETTINGS).format(PASSWORD).encode("utf-16-be")
    assert without_secrets(content, redactor, "a.yaml") == ("\ufeff" + SETTINGS).format(REDACTED).encode("utf-16-be")
    odd = b"\xff\xfe\x00\xd8\x00"
    assert without_secrets(odd, redactor, "a.bin") == odd


@pytest.mark.parametrize("secret", [TOKEN, "correct-horse-9"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_a_binary_file_with_a_secret_is_left_out_and_named(
    redactor: Redactor, tmp_path: Path, secret: str, encoding: str
) -> None:
    (tmp_path / "x.bin").write_bytes(b"\0\xff" + f"see {secret}!".encode(encoding) + b"\0")
    keeper = Keeper(redactor, 1000, float("inf"))
    assert keeper.take(tmp_path / "x.bin", "data/x.bin") is None
    assert keeper.left_out == {"data/x.bin": HOLDS_SECRET}
    assert list(keeper.messages()) == ["not kept: data/x.bin (there is a secret in it)"]
    assert keeper.room == 1000


def test_a_file_with_a_secret_in_its_name_is_left_out(redactor: Redactor, tmp_path: Path) -> None:
    for name in ("notes-correct-horse-9.txt", f"{TOKEN}/a.py", "token_password.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    keeper = Keeper(redactor, 1000, float("inf"))
    assert keeper.take(tmp_path / "notes-correct-horse-9.txt", "notes-correct-horse-9.txt") is None
    assert keeper.take(tmp_path / TOKEN / "a.py", f"{TOKEN}/a.py") is None
    assert keeper.take(tmp_path / "token_password.py", "token_password.py") == b"x = 1\n"
    assert set(keeper.left_out.values()) == {"may be a secret, by its name"}


def test_a_binary_file_that_only_sounds_like_a_secret_is_kept(redactor: Redactor) -> None:
    content = b"\0\xff password=hunter2x token: abc https://a:b@c \0"
    assert without_secrets(content, redactor, "x.bin") == content


@pytest.mark.parametrize("name", ["train.py", "stubs.pyi", "Old.PY", "tool"])
def test_in_code_only_literals_go(redactor: Redactor, name: str) -> None:
    code = f'#!/usr/bin/env python3\ntoken = word\nprint("token:", token)\npassword = "{PASSWORD}"\n'
    assert is_code(name, code.encode())
    assert without_secrets(code.encode(), redactor, name) == code.replace(PASSWORD, REDACTED).encode()


def test_a_script_for_the_shell_is_a_text(redactor: Redactor) -> None:
    script = f"#!/bin/sh\nHF_TOKEN={PASSWORD}\n"
    assert without_secrets(script.encode(), redactor, "run") == script.replace(PASSWORD, REDACTED).encode()


# ---- notebooks

CELL = ["token = word\n", 'print("token:", token)\n', f'password = "{PASSWORD}"\n', "CONFIG = '''\n",
        f"api_key: {PASSWORD}\n", "'''\n", f"%env HF_TOKEN {PASSWORD}"]  # fmt: skip
NOTEBOOK = {
    "cells": [
        {"cell_type": "code", "metadata": {}, "source": CELL, "outputs": [
            {"name": "stdout", "output_type": "stream", "text": ["ok ü\n", f"password: {PASSWORD}\n"]},
            {"data": {"text/plain": [repr({"api_key": PASSWORD})], "image/png": "iVBORw0KGgo="}, "token": 5},
        ]},
        {"cell_type": "markdown", "source": [f"The password: {PASSWORD}\n", "and more"], "auth": PASSWORD},
        {"cell_type": "code", "source": "auth = (user, password)"},
    ],
    "metadata": {"tags": ["a", "b"]}, "nbformat": 4, "nbformat_minor": 5,
}  # fmt: skip


@pytest.mark.parametrize("layout", [{"indent": 1}, {"indent": 1, "ensure_ascii": False}, {}])
def test_a_notebook_loses_secrets_alone_and_stays_as_it_is_written(
    redactor: Redactor, layout: dict[str, object]
) -> None:
    notebook = json.dumps(NOTEBOOK, **layout)  # type: ignore[arg-type]  # options of json.dumps
    clean = without_secrets(notebook.encode(), redactor, "look.ipynb")
    assert clean is not None
    assert clean.decode() == notebook.replace(PASSWORD, REDACTED)


def test_a_key_over_several_lines_goes_from_a_notebook(redactor: Redactor) -> None:
    body = "Ab1" * 20
    lines = [
        "key = '''-----BEGIN " + "PRIVATE KEY-----\n",
        f"{body}\n",
        "-----END " + "PRIVATE KEY-----'''\n",
        "a = 1",
    ]
    clean = clean_notebook(json.dumps({"cell_type": "code", "source": lines}), redactor)
    assert "".join(json.loads(clean)["source"]) == f"key = '''{REDACTED}'''\na = 1"


def test_half_a_notebook_is_a_text(redactor: Redactor) -> None:
    half = json.dumps(NOTEBOOK)[:-20]
    assert PASSWORD not in clean_notebook(half, redactor)
