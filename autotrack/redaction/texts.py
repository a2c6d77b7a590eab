"""Finds what a text assigns to secret names: ``password=hunter2``, ``"api_key": "..."``, ``--token ...``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from autotrack.redaction.names import hides, is_secret_name, secrecy
from autotrack.redaction.shapes import SHAPES, either

# From the stem of a secret name up to where its value begins. To search for the stems and read the name backwards from
# there is four times as fast as checking every word.
_STEMS = str.split("pass pw secret string cred cookie connstr conn_str token key auth bearer dsn jwt")
STEMS = [*(form for stem in _STEMS for form in (stem, stem.capitalize(), stem.upper())), "_pat", "_PAT"]
# STEM stands for any stem. It is replaced when a pattern is compiled, at its first use.
_TAIL = r"(?P<tail>STEM[\w.\-]{0,64}+)"
_ASSIGNMENT = rf"""(?x){_TAIL}
    (?:\\*["']?\]?[ \t]*+
       (?P<sign>:[ \t]*+(?:[\w.]{{1,30}}\[)?(?:str|bytes|Any|SecretStr)\b(?:,[ ]?None)?[\w\[\]|. ]{{0,40}}=
          |[:=!]=|=>|=|:(?!:|//))[ \t]*+
     |["'],[ \t]*+(?=["'])|[ \t]++(?!-))"""  # without a sign, as in "--hub_token xxx", in a printed list or bare
_NAME = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
_LONG = 400  # characters; a longer text most probably contains something that sounds like a secret
_SETTING = ("%env ", "%set_env ", "setenv ", "ENV ")  # "%env HF_TOKEN xxx"
SCHEMES = ("bearer", "basic", "token", "digest", "apikey", "negotiate")
_SCHEME = rf"(?:(?i:{'|'.join(SCHEMES)})[ \t]+)?"
_VALUE = rf"""(?xm)(?P<call>[A-Za-z_.]+\()?[bBrRuUfF]{{0,2}}(?P<quote>"{{3}}|'{{3}}|["'`]){_SCHEME}
      (?P<quoted>(?:\\.|(?!(?P=quote))[^\\\n])*+)
    |{_SCHEME}(?:(?P<escape>\\+["']){_SCHEME}(?P<escaped>[^\n]*?)(?=(?P=escape)|$)
      |(?P<bracket>[\[({{][^\])}}\r\n]*+[\])}}]?)
      |(?P<bare>(?:[^\s"'`,;&]|[,;&](?![ \t]*+[\w.\-]*+[=:]))++))"""
# After quotes that end a text and do not begin one: print("token:", token), "password: " + word
_OUTSIDE = r"[ \t]*+[,;)\]}+%]++(?:[\s\\]|$)"
# Code that passes a secret on or declares its type: "getpass()", "os.environ[", "${{ secrets.X }}", "str | None".
_CODE = (
    r"\$\(|\$\{\{|[A-Za-z_.]*\.[a-z_]+\(|[A-Za-z_.]+(?:\((?![\"'])|\[[\"'\w:-])"
    r"|(?:str|bytes|int|float|bool|[aA]ny|object|[sS]tring|SecretStr|(?:torch\.)?Tensor)(?![\w(-])"
)
# A reference to a secret. "password=my_password" may well be a password, but "token=hf_token" is hardly a token.
_PASSED_ON = r"(?i)(?:[A-Za-z_]+\.)+[A-Za-z_]+|[A-Za-z_]+(?:token|key)"


class Assigned:
    """A value from `start` to `end`, the name it is assigned to, the sign between them, and how it is written."""

    __slots__ = ("end", "kind", "name", "secret", "sign", "start")  # defining a NamedTuple takes 0.3 ms

    def __init__(self, start: int, end: int, name: str, sign: str, kind: str, *, secret: bool) -> None:
        self.start, self.end, self.name, self.sign, self.kind, self.secret = start, end, name, sign, kind, secret


def assigned(text: str) -> Iterator[Assigned]:
    """Yield what is assigned to secret names."""
    done = 0
    for match in _compiled(_ASSIGNMENT).finditer(text):
        before = text[max(done, match.start() - 64) : match.start()]
        if match.start() < done or not (match["sign"] or "--" in before or "env " in before or "ENV " in before):
            continue
        name = _name_of(before, match["tail"])
        if name and (match["sign"] or name.startswith("--") or before.rstrip(_NAME).endswith(_SETTING)):
            value = _value_of(match, name)
            if value:
                yield value
                done = value.end


def is_telling(text: str) -> bool:
    """Return whether a text contains the beginning of a shape or of a secret name, or is too long to look."""
    return len(text) > _LONG or _beginnings().search(text) is not None


@cache
def _beginnings() -> re.Pattern[str]:
    return re.compile(either([*SHAPES, *STEMS]))


def names_a_secret(text: str) -> bool:
    """Return whether a text contains a secret name."""
    for match in _compiled(_TAIL).finditer(text):
        statement = match[0] == "pass" and text[match.end() : match.end() + 1] not in ("'", '"', "=")
        if not statement and _name_of(text[max(0, match.start() - 64) : match.start()], match[0]):
            return True
    return False


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace("STEM", either(STEMS)))


def strip_scheme(value: str) -> str:
    """Return the value without the word that tells the kind of authorization."""
    return value[len(match[0]) :] if (match := re.match(_SCHEME, value)) else value


def _name_of(before: str, tail: str) -> str:
    """Return the name from its `tail` and the text `before`, if it is a secret one, or an empty string."""
    rest = before.rstrip(_NAME)
    name = before[len(rest) :] + tail
    if rest.endswith("\\") and name[0] in "nrt" and name != tail:
        name = name[1:]  # in escaped text, "\n" is two characters
    elif name.startswith("-"):
        name = re.sub("^-[A-Z](?=[a-z])", "", name)  # "-Papi.key="
    if name.lower() in ("key", "keys", "string", "token") and rest.endswith(" "):
        phrase = rest[len(rest[:-1].rstrip(_NAME)) :] + name  # "API key: ...", "mask token: ..."
        name = name if secrecy(phrase) == secrecy(name) else phrase
    return name if secrecy(name) else ""


def _value_of(assignment: re.Match[str], name: str) -> Assigned | None:
    """Return where the value begins and ends, and whether it is secret; None if it is code."""
    text, start = assignment.string, assignment.end()
    sign = assignment["sign"] or ""
    quoted = text.startswith(('"', "'"), start)
    compared = sign in ("==", "!=") and (not quoted or secrecy(name) == "weak")
    is_heading = sign.startswith(":") and not quoted and name.lstrip("-") in ("pass", "Pass", "PASS")  # "PASS: test_x"
    skip = compared or is_heading or _compiled(_CODE).match(text, start)
    match = None if skip else _compiled(_VALUE).match(text, start)
    if not match:
        return None
    kind = match.lastgroup or ""
    value = stripped = match[kind]
    if kind in ("quoted", "escaped") and re.match(_OUTSIDE, value):
        return None
    if kind == "bare":
        stripped = value.rstrip(")]},;:.>\\")
        passed_on = re.fullmatch(_PASSED_ON, stripped) and is_secret_name(stripped)
        code = bool(passed_on) or stripped.lower() == name.rpartition(".")[2].lower()
    elif kind == "bracket":
        code = not any(hides(name, part.strip(" \"'")) for part in value.strip("[](){}").split(","))
    else:  # os.getenv("HF_TOKEN"), getpass("Password: ")
        code = bool(match["call"]) and is_secret_name(value[:64])
    secret = not code and hides(name, value) and hides(name, stripped) and any(map(str.isalnum, value))
    start = match.start(kind)
    return Assigned(start, start + len(stripped), name.lstrip("-."), sign, kind, secret=secret)
