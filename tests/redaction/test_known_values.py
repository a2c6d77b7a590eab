"""A secret whose value is known is found in every spelling that programs print, and nothing else is touched."""

from __future__ import annotations

import base64
import html
import json
import logging
import os
import pprint
import quopri
import shlex
import sys
import textwrap
import traceback
import types
import unicodedata
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autotrack.redaction import REDACTED, Redactor
from autotrack.redaction.known_values import KnownValues
from tests.support import ordinary_values

ODD = 'p "w" ä\\\'Zq9/x+y=\n%&<€>😀'

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "repr": repr,
    "ascii": ascii,
    "repr of bytes": lambda value: repr(value.encode()),
    "repr of a repr": lambda value: repr(repr([value])),
    "JSON": json.dumps,
    "JSON in UTF-8": lambda value: json.dumps(value, ensure_ascii=False),
    "JSON in JSON": lambda value: json.dumps(json.dumps({"a": [value]})),
    "JSON in a repr": lambda value: repr(json.dumps(value)),
    "percent": lambda value: quote(value, safe=""),
    "percent, with slashes": quote,
    "percent, in small letters": lambda value: "".join(
        f"%{b:02x}" if b > 127 or not chr(b).isalnum() else chr(b) for b in value.encode()
    ),
    "percent twice": lambda value: quote(quote(value, safe=""), safe=""),
    "a form": quote_plus,
    "a query": lambda value: urlencode({"x": value}),
    "HTML": html.escape,
    "XML": lambda value: value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;"),
    "numeric entities": lambda value: "".join(c if c.isascii() and c.isalnum() else f"&#{ord(c)};" for c in value),
    "a shell": shlex.quote,
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 for URLs": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    "base64 of user and password": lambda value: base64.b64encode(f"user:{value}".encode()).decode(),
    "base64 amid others": lambda value: base64.b64encode(f"ab{value}cd".encode()).decode(),
    "hexadecimal": lambda value: value.encode().hex(),
    "HEXADECIMAL": lambda value: value.encode().hex().upper(),
    "pprint": lambda value: pprint.pformat({"a": [value]}, width=1000),
    "SQL": lambda value: value.replace("'", "''"),
    "CSV": lambda value: value.replace('"', '""'),
    "unicode escapes": lambda value: value.encode("unicode_escape").decode(),
}

special = st.text(min_size=4, max_size=20).map(lambda text: f"Zq9x7{text}k").map(str.strip)
"""Values with letters and digits somewhere, as secrets have them, and anything else."""


def known(value: str) -> KnownValues:
    values = KnownValues()
    values.add({value: "SECRET"})
    return values


@pytest.mark.parametrize("spelling", SPELLINGS)
@settings(max_examples=25)
@given(st.sampled_from([ODD, "a" * 8 + "\\" * 3, "Zq9-x7\t\r\n ", "päss-wörd-99", "'\"'\"Zq9x7"]) | special)
def test_a_known_value_is_found_in_every_spelling(spelling: str, value: str) -> None:
    value = value.strip()
    if any(0xD800 <= ord(character) < 0xE000 for character in value):
        return  # it cannot be encoded
    spelled = SPELLINGS[spelling](value)
    clean, names = known(value).remove(f"before {spelled} after")
    assert names == ["SECRET"]
    assert REDACTED in clean
    assert clean.startswith("before ")
    assert clean.endswith(" after")
    assert value not in clean
    assert len(clean) <= len("before  after") + len(REDACTED) + 24, (
        clean
    )  # brackets, quotes, keys: no part of the value


@given(special, st.text(), st.text())
def test_nothing_hides_it_and_nothing_else_is_removed(value: str, before: str, after: str) -> None:
    clean, _ = known(value).remove(f"{before}{value}{after}")
    assert value not in clean
    if value not in before and value not in after and "Zq9x7" not in before + after:
        assert clean.startswith(before.rstrip("\\'\"+&")[:-8])


@given(special, st.text())
def test_other_texts_stay(value: str, text: str) -> None:
    if "Zq9x7" not in text:
        assert known(value).remove(text) == (text, [])


def test_a_value_without_letters_and_digits_is_found_as_well() -> None:
    for value in ("§$%&/()=?", "äöüß!?äöü", "密码密码密码密码"):
        for spelling in ("as it is", "JSON", "repr", "percent", "repr of bytes"):
            assert known(value).remove(f"x {SPELLINGS[spelling](value)} y")[1] == ["SECRET"], (value, spelling)


def test_the_longer_of_two_goes_first() -> None:
    values = KnownValues()
    values.add({"Zq9-abcdef": "SHORT", "Zq9-abcdef-ghijkl": "LONG"})
    assert values.remove("Zq9-abcdef-ghijkl and Zq9-abcdef") == (f"{REDACTED} and {REDACTED}", ["LONG", "SHORT"])


def test_long_runs_of_backslashes_are_no_trouble() -> None:
    values = known("Zq9x7\\\\" * 8)
    assert values.remove("Zq9x7" + "\\" * 100_000) == ("Zq9x7" + "\\" * 100_000, [])
    assert known("Zq9x7 \" ' \" '").remove("Zq9x7" + "\\" * 100_000 + '"')[1] == []


@pytest.mark.parametrize("value", ["päss-wörd=99", "Ünter den Linden 7", "clé~Zq9x7+é"])
def test_accents_may_be_written_as_mail_and_file_systems_do(value: str) -> None:
    for spelled in (quopri.encodestring(value.encode()).decode(), unicodedata.normalize("NFD", value)):
        assert known(value).remove(f"x {spelled} y") == (f"x {REDACTED} y", ["SECRET"])


# ---- lines


WIDE = "aZ3x/K9+mQ==T4v8w-Y2r7uNq0eB5sLh"


@pytest.mark.parametrize("frame", ["{}", "  {}", "│ {} │", "    | {}"])
def test_a_value_that_was_broken_over_lines_is_found(frame: str) -> None:
    """Whatever keeps to the width of a terminal breaks values anywhere, as rich does."""
    for width in range(8, len(WIDE)):
        printed = "\n".join(frame.format(line) for line in textwrap.wrap(f"key: {WIDE}. The end", width + 5))
        clean, names = known(WIDE).remove(printed)
        assert names == ["SECRET"]
        assert not any(WIDE[at : at + 6] in clean for at in range(len(WIDE) - 6)), clean


def test_base64_of_a_file_that_contains_the_value_is_found_across_its_lines() -> None:
    for before in range(40, 58):
        lines = base64.encodebytes(b"y" * before + WIDE.encode() + b"x" * 30).decode()
        clean, names = known(WIDE).remove(lines)
        assert names == ["SECRET"]
        assert len(clean.replace("\n", "")) < len(lines.replace("\n", "")) - len(WIDE) + len(REDACTED)


def test_lines_without_the_value_stay_as_they_are() -> None:
    text = f"{WIDE[:16]}\n{WIDE[:16]}\n{WIDE[16:]}x\n"
    assert known(WIDE).remove(text)[0] == f"{WIDE[:16]}\n{REDACTED}x\n"
    assert known(WIDE).remove(f"{WIDE[:16]}\nsomething else\n{WIDE[16:]}\n")[1] == []


def test_many_lines_with_half_of_a_value_are_no_trouble() -> None:
    text = f"{WIDE[:16]} {' ' * 1000}\n" * 500
    assert known(WIDE).remove(text) == (text, [])


KEY = "\n".join(
    ["-----BEGIN PRIVATE " + "KEY-----", *(f"{n}MIIEpAIBAAKCAQEA" + "x7Kq9z" * 7 for n in range(5)), "-----END"]
)
ACCOUNT = json.dumps({"type": "service_account", "private_key_id": "0123abcd" * 5, "private_key": KEY}, indent=2)


@pytest.mark.parametrize("value", [KEY, "first-line-Zq9x\nsecond-line-Kk29"])
def test_the_lines_of_a_value_are_found_one_by_one(value: str) -> None:
    redactor = Redactor({"SIGNING_SECRET": value})
    for line in value.removesuffix("\n-----END").splitlines():
        assert redactor.redact_text(f"INFO: {line}") == (f"INFO: {REDACTED}", ["SIGNING_SECRET"])
        assert line not in redactor.redact_text(f"  {line!r},")[0]


def test_of_configuration_only_what_could_be_a_key_is_hidden() -> None:
    redactor = Redactor({"GOOGLE_CREDENTIALS": ACCOUNT})
    for line in ACCOUNT.splitlines():
        clean = redactor.redact_text(line)[0]
        assert "0123abcd" * 5 not in clean
        assert "x7Kq9z" not in clean
    assert redactor.redact_text('"type": "service_account",')[1] == []


def test_the_lines_of_its_base64_are_found_one_by_one() -> None:
    redactor = Redactor({"SIGNING_SECRET": KEY})
    for line in base64.encodebytes(KEY.encode()).decode().splitlines():
        assert redactor.redact_text(line)[0] == REDACTED


# ---- where values become known


def test_a_traceback_and_a_log_line_lose_it() -> None:
    redactor = Redactor({"DB_PASSWORD": ODD})
    try:
        os.environ[ODD]
    except KeyError:
        text = traceback.format_exc()
    record = logging.LogRecord("x", logging.INFO, "x", 1, "login %r failed: %s", (ODD, {"password": ODD}), None)
    for given_text in (text, record.getMessage()):
        assert "Zq9" not in redactor.redact_text(given_text)[0]


@pytest.mark.parametrize("variable", ["DATABASE_URL", "NOTIFY", "OPTIONS"])
def test_what_has_the_shape_of_a_secret_in_any_variable_is_known(variable: str) -> None:
    values = {
        "DATABASE_URL": "postgresql://ada:Zq9%40x7%2Fword@db.example.org/x",
        "NOTIFY": "gh" + "p_" + "Zq9@x7/word".replace("@", "1").replace("/", "2") * 4,
        "OPTIONS": "--user ada --password Zq9@x7/word",
    }
    secret = values["NOTIFY"] if variable == "NOTIFY" else "Zq9@x7/word"
    redactor = Redactor({variable: values[variable]})
    for spelling in ("as it is", "percent", "base64", "hexadecimal", "JSON"):
        assert redactor.redact_text(f"x {SPELLINGS[spelling](secret)} y")[0] in (
            f"x {REDACTED} y",
            f'x "{REDACTED}" y',
        )


@pytest.mark.parametrize(
    "argv",
    [
        ["--db-password", "Zq9@x7/word"],
        ["--db-password=Zq9@x7/word"],
        ["+db.password=Zq9@x7/word"],
        ["--token", "Zq9@x7/word"],
    ],
)
def test_what_came_through_the_command_line_is_known(argv: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", *argv, "--lr", "0.1"])
    redactor = Redactor()
    assert redactor.redact_text("with Zq9@x7/word and 'Zq9%40x7%2Fword'")[0] == f"with {REDACTED} and '{REDACTED}'"
    assert redactor.redact({"note": ["Zq9@x7/word"]})[0] == {"note": [REDACTED]}
    assert "Zq9@x7/word" in redactor.secrets().values()


def _argparse() -> Any:
    import argparse

    parser = argparse.ArgumentParser()
    parser.add_argument("-p", "--db-password")
    parser.add_argument("-o", "--output")
    return parser


def _click() -> Any:
    import click

    @click.command()
    @click.option("-p", "--db-password")
    @click.option("-o", "--output")
    def main(db_password: str, output: str) -> None: ...

    return main


@pytest.mark.parametrize("argv", [["-p", "Zq9@x7/word"], ["-pZq9@x7/word"]])
@pytest.mark.parametrize("parser", [_argparse, _click])
def test_a_parser_of_the_script_says_which_short_options_are_secret(
    parser: Callable[[], Any], argv: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given_argv = ["train.py", *argv, "-o", "ordinary/out-77"]
    monkeypatch.setattr(sys, "argv", given_argv)
    redactor = Redactor()
    script = types.ModuleType("__main__")
    vars(script)["parser"] = parser()
    monkeypatch.setitem(sys.modules, "__main__", script)
    clean, _ = redactor.redact_argv(given_argv)
    assert "Zq9@x7/word" not in " ".join(clean)
    assert clean[-2:] == ["-o", "ordinary/out-77"]
    assert redactor.redact_text("with Zq9@x7/word to ordinary/out-77")[0] == f"with {REDACTED} to ordinary/out-77"


def test_what_was_parsed_is_known() -> None:
    """Whatever parser it was, and wherever the value came from."""
    redactor = Redactor()
    script = types.ModuleType("__main__")
    vars(script)["args"] = _argparse().parse_args(["-p", "Zq9@x7/word", "-o", "ordinary/out-77"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "__main__", script)
        redactor.redact_argv([])
    assert redactor.redact_text("Zq9@x7/word, ordinary/out-77")[0] == f"{REDACTED}, ordinary/out-77"


def test_what_was_a_param_under_a_secret_name_is_known_from_then_on() -> None:
    redactor = Redactor({})
    assert redactor.redact_text("Zq9@x7/word")[1] == []
    redactor.redact({"db": {"password": "Zq9@x7/word", "host": "db.example.org"}}, learn=True)
    assert redactor.redact_text("Zq9@x7/word at db.example.org") == (f"{REDACTED} at db.example.org", ["db.password"])


@example({"password": "develop", "db_password": "/etc/passwd", "api_key": "123456", "token": "ocean-view"})
@given(st.just(ordinary_values.PARAMS))
def test_ordinary_words_under_secret_names_are_not_searched_for(params: dict[str, Any]) -> None:
    redactor = Redactor({})
    redactor.redact(params, learn=True)
    for line in [*ordinary_values.LINES, "develop ocean-view /etc/passwd 123456"]:
        assert redactor.redact_text(line) == (line, [])


# ---- names


def test_names_lose_known_values_and_tokens_and_only_these() -> None:
    token = "gh" + "p_" + "a1B2" * 9
    redactor = Redactor({"HUB_PASSWORD": "Zq9@x7/word"})
    assert redactor.redact_name("loss Zq9@x7/word") == f"loss {REDACTED}"
    assert redactor.redact_path(f"model-{token}.pt") == "model-redacted.pt"
    assert redactor.redact({f"x {token}": 1, f"x {REDACTED}": 2})[0] == {f"x {REDACTED}": 1, f"x {REDACTED} (2)": 2}
    for name in (*ordinary_values.METRICS, *ordinary_values.PARAMS, *ordinary_values.TAGS, "password: strength"):
        assert redactor.redact_name(name) == name


@pytest.mark.parametrize("name", ["api_token", "hf_token", "args.access_token", "SLACK_TOKEN", "githubToken"])
def test_a_param_that_can_only_be_a_token_for_access_is_searched_for_everywhere(name: str) -> None:
    redactor = Redactor({})
    redactor.redact({name: "ocean view"}, learn=True)
    assert redactor.redact_text("there is an ocean view from here")[0] == "there is an [redacted] from here"


@pytest.mark.parametrize("name", ["pad_token", "token", "max_tokens", "eosToken"])
def test_a_param_that_may_be_a_word_of_a_vocabulary_is_not(name: str) -> None:
    redactor = Redactor({})
    redactor.redact({name: "ocean view"}, learn=True)
    assert redactor.redact_text("there is an ocean view from here")[0] == "there is an ocean view from here"
