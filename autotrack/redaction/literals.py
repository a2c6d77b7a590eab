"""Finds the names to which the strings in Python source are assigned, from its tokens alone.

This works on tokens and not with `ast`, because the code may be a fragment or broken: see `lexing.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from autotrack.redaction.brackets import Bracket, Target, strongest
from autotrack.redaction.lexing import Token
from autotrack.redaction.names import is_secret_name, secrecy, words_of

_LEADS = frozenset(("=", ":=", "or", "else", "+", "(", "[", "{", ","))  # a value begins after these
_KEYWORDS = frozenset(
    "and as assert case class def del elif else except for from if import in is lambda match not or raise return "
    "while with yield".split()
)
# The first set the name in one argument to the next argument, or fall back to it; the second have it in `default=`.
_SETTING = frozenset("setdefault putenv setenv setattr setitem __setitem__ getattr getenv get pop".split())
_DECLARING = frozenset("add_argument add_option option Option argument Argument".split())
_DEFAULTS = frozenset("default const value fallback initial default_value Value".split())
_NAMING = frozenset("name key variable Name Key".split())
# What these return is as secret as what they are given: SecretStr("..."), b64decode("...")
_PASSING = (
    r"(?:Secret|Passw|Auth|Cred|Field|Param|Option)\w*|\w*(?:Auth|Credential|Str)|str|bytes|bytearray|field"
    r"|\w*b\d\ddecode|decodebytes|fromhex|unhexlify|dict|list|tuple"
)
_CODECS = frozenset("utf-8 utf8 ascii latin-1 latin1 ignore replace strict surrogateescape".split())
_REMADE = frozenset(("format", "join", "format_map"))


class Literal(NamedTuple):
    """Adjacent strings, which are one value, and the name they are assigned to, if it is a secret one."""

    strings: Sequence[Token]
    name: str


def literals(source: str, tokens: Sequence[Token]) -> Iterator[Literal]:
    """Yield the strings of a source, and the names they are assigned to."""
    walk = _Walk(source)
    strings: list[Token] = []
    code = [token for token in tokens if token.kind != "comment"]
    for token, after in zip(code, [*code[1:], _END], strict=False):
        if token.kind == "string":
            strings.append(token)
        elif token.kind not in ("newline", "shell") or walk.is_between_statements:
            if strings:
                yield Literal(strings, walk.read_string(strings, token, after))
                strings = []
            walk.read(token)
    if strings:
        yield Literal(strings, walk.read_string(strings, _END, _END))


_END = Token("newline", "\n", 0, 0)


class _Walk:
    def __init__(self, source: str) -> None:
        self._source = source
        self._open = [Bracket()]

    @property
    def is_between_statements(self) -> bool:
        return len(self._open) == 1

    def read(self, token: Token) -> None:
        """Read a token that is not a string."""
        here, text = self._open[-1], token.text
        if token.kind == "word" and text not in _KEYWORDS:
            if here.before == ".":
                here.operand += f".{text}"
            elif text == "await":
                return
            else:
                here.operand, here.lead = text, here.before
            here.before, here.argument = "operand", ""
        elif text in ("(", "[", "{"):
            self._enter(here, text)
        elif text in (")", "]", "}"):
            self._leave()
        elif text in ("=", ":="):
            here.assign([self._target(here)] if here.has_value else _merged(here.assigned, self._targets(here)))
            here.before, here.operand, here.annotated = text, "", ""
        elif text == ":" and here.opener == "{":
            here.name = self._entry(here, here.argument if here.before == "string" else _constant(here.operand))
            here.before, here.operand = ":", ""
        else:
            self._separate(here, token)

    def read_string(self, strings: Sequence[Token], following: Token, after: Token) -> str:
        """Read a string. Returns the name it is assigned to, if it is a secret one."""
        here = self._open[-1]
        text = "".join(self._source[slice(*token.inner)] for token in strings)
        name = self._name_of(here, text, following, after)
        if here.name in _NAMING and is_secret_name(text):
            here.declared = text
        if here.before in ("(", "[", "{", ","):
            here.argument = text
            here.only = text if here.before == "[" and following.text == "]" else ""
            if here.opener == "(" and is_secret_name(text.lstrip("-")):
                here.declared = text.lstrip("-")
        here.before, here.operand, here.has_value = "string", "", True
        return name if secrecy(name) else ""

    def _name_of(self, here: Bracket, text: str, following: Token, after: Token) -> str:
        if following.text == ":" and here.opener == "{":
            return ""  # it is a key
        made = following.text == "." and after.text in _REMADE
        if made or following.text in ("%", "in", "not", "==", "!="):
            return ""
        if here.before in ("==", "!="):
            return _last(here.operand) if secrecy(_last(here.operand)) == "strong" else ""
        if here.before in ("=", ":=", "or", "else", "+") or (here.before == ":" and here.opener == "{"):
            return here.name
        if here.before not in _LEADS:
            return ""
        return here.name or strongest([self._argument_of(here, text), self._fallback_of(here, text)])

    def _argument_of(self, here: Bracket, text: str) -> str:
        """Return the name in the argument before a string: ``setdefault("HF_TOKEN", "..."), ["--token", "..."]``."""
        callee = _last(here.callee)
        option = here.argument.startswith("--") and callee not in _DECLARING and not text.startswith("-")
        pair = here.opener == "(" and not callee and re.search(r"\d", text)  # [("password", "...")]
        return here.argument.lstrip("-") if here.before == "," and (option or pair or callee in _SETTING) else ""

    def _fallback_of(self, here: Bracket, text: str) -> str:
        """Return the name of the result, for a later argument of its call: ``password = config.get("k", "...")``."""
        if here.before != "," or (is_secret_name(text) and text.replace("_", "").isalpha()):  # get("db", "password")
            return ""
        if _last(here.callee) in _SETTING:
            return here.result
        is_other = text in _CODECS or secrecy(here.result) != "strong" or re.search(r"\s", text)
        return "" if is_other else here.result

    def _enter(self, here: Bracket, text: str) -> None:
        called = here.before in ("operand", "string")
        unpacked = [] if called else here.each or here.group or (here.assigned if here.before in ("=", ":=") else [])
        lead = here.lead if called else here.before
        assigned = here.name if lead in _LEADS or (lead == ":" and here.opener == "{") else ""
        if assigned == here.all_in_it and secrecy(assigned) == "weak":  # two levels down: auth = [("x", "y")]
            assigned = ""
        result = assigned if called and text == "(" else ""
        if called and (text != "(" or not re.fullmatch(_PASSING, _last(here.operand))):
            assigned = ""
        callee = here.operand if called and text == "(" else ""
        kind = "subscript" if called and text == "[" else text
        self._open.append(Bracket(kind, callee, result, assigned, assigned, before=text, lead=text))
        if len(unpacked) > 1:
            self._open[-1].unpacks = True
            self._open[-1].assign(unpacked)
        elif unpacked and isinstance(unpacked[0], list):
            self._open[-1].each = unpacked[0]

    def _leave(self) -> None:
        if len(self._open) > 1:
            closed = self._open.pop()
            here = self._open[-1]
            subscript = closed.opener == "subscript" and here.operand
            here.operand = f"{_last(here.operand)}[{closed.only or 'item'}]" if subscript else ""
            is_group = not subscript and not closed.callee and closed.opener in ("(", "[")
            here.group = [*closed.operands, _last(closed.operand)] if is_group else []
            here.before, here.argument = "operand", ""

    def _separate(self, here: Bracket, token: Token) -> None:
        """Read a token between operands."""
        text = "\n" if token.kind in ("newline", "shell") else token.text
        if text == ":" and here.operand and here.lead in ("\n", "(", ",", "*", ";"):
            here.annotated = here.operand
        elif text == "," and (not here.opener or here.unpacks):
            here.operands.append(here.group or _last(here.operand))
            if here.assigned:
                here.take_next(here.targets)
        elif text == ",":
            here.operands.append(here.group or _last(here.operand))
            here.name, here.annotated, here.assigned = here.all_in_it, "", []
        elif text in (";", "\n", ":"):
            here.end_statement()
        here.has_value = here.has_value or text == "lambda"
        text = self._read_loop(here, text)
        if text in ("+", "|"):  # perhaps of "+="
            here.augmented = here.operand
        if text != "." and text not in ("==", "!="):
            here.operand = ""
        if text not in (",", "."):
            here.argument = ""
        here.before = text

    def _read_loop(self, here: Bracket, text: str) -> str:
        """Read ``for`` and its ``in``, which assigns as ``=`` does."""
        if text == "for":
            here.begin_loop()
        elif text == "in" and here.loops:
            here.assign_each(_last(here.operand) or here.group)
            return "="
        return text

    def _targets(self, here: Bracket) -> list[Target]:
        """Return the names on the left side of an assignment."""
        last: Target = self._target(here) or here.group
        names = [*here.operands, last or ""] if not here.opener else [last or ""]
        return names[0] if len(names) == 1 and isinstance(names[0], list) else names

    def _target(self, here: Bracket) -> str:
        """Return the name on the left side of an assignment."""
        name = here.annotated or here.operand or (here.augmented if here.before in ("+", "|") else "")
        if here.opener != "(":
            return _last(name)
        if name in _DEFAULTS:
            return here.declared or here.all_in_it or here.result
        return f"login.{name}" if _last(here.callee) == "login" and name == "key" else name

    def _entry(self, here: Bracket, key: str) -> str:
        """Return the name of an entry of a dict."""
        if key in _DEFAULTS and here.declared:
            return here.declared
        if not re.fullmatch(r"[\w.\-/]{1,80}", key):
            return ""
        # An entry of ``secrets`` is a secret. An entry of ``{"password": {...}}`` rather describes one.
        together = words_of(here.all_in_it)[-1:]
        return f"{here.all_in_it}.{key}" if together and together[0].endswith(("s", "credential")) else key


def _merged(earlier: list[Target], later: list[Target]) -> list[Target]:
    """Return the names of values that are assigned twice, as in ``password = a = "..."``: the more secret ones."""
    if not earlier or len(earlier) == len(later) == 1:
        return [strongest([*earlier, *later])] if earlier else later
    if len(earlier) != len(later):  # one of them is the name of all values together
        one, others = sorted((earlier, later), key=len)
        return [strongest([*one, other]) for other in others]
    return [strongest([first, second]) for first, second in zip(earlier, later, strict=True)]


def _last(name: str) -> str:
    """Return the last part of a dotted name: ``password`` of ``self.password``, but all of ``environ[HF_TOKEN]``."""
    return name.rpartition(".")[2] if "[" not in name else name


def _constant(name: str) -> str:
    """Return the last part of a name if it looks like a constant, as in ``{CONF_PASSWORD: "..."}``."""
    return _last(name) if _last(name).isupper() else ""
