"""Finds secrets whose values are known, however they are spelled: as they are, escaped, quoted or encoded.

Letters and digits stay what they are in `repr`, JSON, URLs and HTML; only what is between them changes. So a text is
searched for the longest run of letters and digits of each value. Only where that occurs, it is searched for the value
itself, in which any other character may be spelled in every way. In base64 and hexadecimal digits, a value has other
runs, most of them long; texts without any long run are not searched for these.

Programs that keep to the width of a terminal break values over lines, anywhere. One half of the run is
whole even then.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from functools import cache, cached_property

from autotrack.redaction.names import REDACTED

_SHORTEST_RUN = 4  # letters and digits that are searched for first; fewer are found too often
_LONG_RUN = 12
_MOST_VALUES = 200
_SHORTEST_BROKEN = 12  # shorter values are rarely broken over lines
_BREAK = r"(?:[ \t|│┃]*+\r?\n[ \t|│┃]*+)?"  # with the frame that rich draws around tracebacks
_ENCODED_LINE = 57  # bytes in a line of base64, when it has lines
_RANDOM = r"(?=[^\s\"',:;{}\\]*\d)(?=[^\s\"',:;{}\\]*[A-Za-z])[^\s\"',:;{}\\]{16,}"
_CONFIGURATION = r"\s*[\"'{}\[\]#]|\s*[\w.\- ]+[:=](?:\s|$)"
_LETTERS = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f", "\v": "v", "\a": "a", "\0": "0"}
_ENTITIES = {'"': "quot", "'": "apos", "<": "lt", ">": "gt", "&": "amp"}
_BASE64 = str.maketrans({"+": "[+-]", "/": "[/_]"})


class KnownValues:
    """Secret values by the names under which they became known. The longest is removed first: it may hold others."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._secrets: list[_Secret] = []
        self._by_any_run: list[tuple[str, _Secret]] = []
        self._by_long_run: list[tuple[str, _Secret]] = []
        self._by_half: list[tuple[str, _Secret]] = []

    def add(self, names: Mapping[str, str]) -> bool:
        """Take in values and their names; return whether any of them is new."""
        new = {value: name for value, name in names.items() if value not in self._names}
        if not new or len(self._names) > _MOST_VALUES:
            return False
        self._names.update(new)
        secrets = {value: _Secret(value, name, is_whole=True) for value, name in self._names.items()}
        for value, name in self._names.items():
            for part in _parts(value):
                secrets.setdefault(part, _Secret(part, name, is_whole=False))
        self._secrets = sorted(secrets.values(), key=lambda secret: len(secret.value), reverse=True)
        runs = [(run, secret) for secret in self._secrets for run in secret.runs]
        self._by_any_run = [(run, secret) for run, secret in runs if len(run) < _LONG_RUN]
        self._by_long_run = [(run, secret) for run, secret in runs if len(run) >= _LONG_RUN]
        self._by_half = [(half, secret) for secret in self._secrets for half in secret.halves]
        return True

    def remove(self, text: str) -> tuple[str, list[str]]:
        """Return a text without the values, and the names of those that it contained."""
        suspects = {secret for run, secret in self._by_any_run if run in text}
        if self._by_long_run and _has_long_run(text):
            suspects.update(secret for run, secret in self._by_long_run if run in text)
        has_lines = 0 <= text.find("\n") < len(text) - 1
        broken = {secret for half, secret in self._by_half if half in text} if has_lines else set()
        if not suspects and not broken:
            return text, []
        names: dict[str, None] = {}
        for secret in self._secrets:
            if secret in suspects:
                text, count = secret.pattern.subn(REDACTED, text)
                if count:
                    names[secret.name] = None
            if secret in broken:
                text, count = secret.broken_pattern.subn(REDACTED, text)
                if count:
                    names[secret.name] = None
        return text, list(names)


def _has_long_run(text: str) -> bool:
    return _compiled_long_run().search(text) is not None


@cache
def _compiled_long_run() -> re.Pattern[str]:
    return re.compile(f"[A-Za-z0-9]{{{_LONG_RUN}}}")


class _Secret:
    """A value, or a part of one. A whole value is also looked for in base64 and as hexadecimal digits."""

    def __init__(self, value: str, name: str, *, is_whole: bool) -> None:
        self.value, self.name = value, name
        self._encoded = _encoded(value) if is_whole else []
        found = [_longest_run(text) for text in (value, *self._encoded)]
        # A run is at least as long as a text has to be to contain it. Without any, everything is searched.
        self.runs = [run if len(run) >= _SHORTEST_RUN else "" for run in found]
        if self._encoded:
            self.runs.append(self.runs[-1].upper())
        halved = found if is_whole and len(value) >= _SHORTEST_BROKEN else []
        self.halves = [
            half
            for run in halved
            for half in (run[: len(run) // 2], run[len(run) // 2 :])
            if len(half) >= _SHORTEST_RUN
        ]
        """Of which one is in a text that has the value, or its base64, broken once over two lines."""

    @cached_property
    def broken_pattern(self) -> re.Pattern[str]:
        """What matches the value, and its base64, broken over lines."""
        spellings = [_BREAK.join(map(_spelled, re.findall(r"\\+|.", self.value, re.DOTALL)))]
        for code in self._encoded[:-1]:
            core = r"(?:\r?\n)?".join(character.translate(_BASE64) for character in code)
            spellings.append(rf"[\w+/-]?{core}[\w+/-]?={{0,2}}")
        return re.compile("|".join(spellings))

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What matches the value in every spelling. It is rarely needed, and takes time to compile."""
        spellings = ["".join(map(_spelled, re.findall(r"\\+|.", self.value, re.DOTALL)))]
        if self._encoded:
            *base64, hexadecimal = self._encoded
            spellings += [rf"[\w+/-]?{code.translate(_BASE64)}[\w+/-]?={{0,2}}" for code in base64]
            spellings.append(f"(?i:{hexadecimal})")
        return re.compile("|".join(spellings))


def _longest_run(text: str) -> str:
    return max(re.findall("[A-Za-z0-9]+", text), key=len, default="")


def _encoded(value: str) -> list[str]:
    """Return what of a value's base64 is the same whatever stands before and after it, and its hexadecimal digits."""
    data = value.encode(errors="surrogatepass")
    cores = []
    for shift, depends_on_before in ((0, 0), (1, 2), (2, 3)):
        code = b64encode(b"\0" * shift + data).decode()
        cores.append(code[depends_on_before : (shift + len(data)) * 8 // 6])
    return [*cores, data.hex()]


def _parts(value: str) -> Iterator[str]:
    """Yield the lines of a value of several lines, and of its base64: they may be printed one by one.

    Of lines that look like configuration, only what could be a key: the rest may be everybody's.
    """
    for line in value.splitlines() if "\n" in value else ():
        if re.match(_CONFIGURATION, line):
            yield from re.findall(_RANDOM, line)
        elif len(line.strip()) >= 12:
            yield line.strip()
    data = value.encode(errors="surrogatepass")
    for start in range(0, len(data), _ENCODED_LINE) if len(data) > _ENCODED_LINE else ():
        line = b64encode(data[start : start + _ENCODED_LINE]).decode().rstrip("=")
        if len(line) >= 16:
            yield line


def _letter_and_accent(character: str) -> str:
    """Return a letter and its accent as two characters, as the file systems of macOS write them."""
    import unicodedata  # few values need it

    return unicodedata.normalize("NFD", character)


def _spelled(characters: str) -> str:
    """Return a pattern for every spelling of a character, or of several backslashes."""
    character, code = characters[0], ord(characters[0])
    if character.isascii() and character.isalnum():
        return character
    if character == "\\":
        one = r"%(?:25)*5c|\\+x5c|\\+u005c|\\+134|&(?:amp;)*#0*92;"
        return rf"(?i:\\{{{len(characters)},}}|(?:{one}){{{len(characters)}}})"
    utf8 = character.encode(errors="surrogatepass")
    forms = [
        rf"\\*{re.escape(character)}",
        rf"\\+u{code:04x}",
        rf"\\+U{code:08x}",
        rf"&(?:amp;)*#(?:0*{code}|x0*{code:x});",
    ]
    forms.append("".join(rf"[%=](?:25)*{byte:02x}" for byte in utf8))  # URLs, and mail
    forms.append("".join(rf"\\+x{byte:02x}" for byte in utf8))
    if code < 256:
        forms += [rf"\\+x{code:02x}", rf"\\+{code:03o}"]
    if code > 0xFFFF:
        high, low = 0xD800 + (code - 0x10000 >> 10), 0xDC00 + (code & 0x3FF)
        forms.append(rf"\\+u{high:04x}\\+u{low:04x}")
    if character in _LETTERS:
        forms.append(rf"\\+{_LETTERS[character]}")
    if character in _ENTITIES:
        forms.append(f"&(?:amp;)*{_ENTITIES[character]};")
    forms += {"\n": [r"\r\n"], " ": [r"\+"], "'": [r"'\"'\"'", r"'\\+''", "''"], '"': ['""']}.get(character, [])
    if not character.isascii() and (apart := _letter_and_accent(character)) != character:
        forms.append(re.escape(apart))
    return f"(?i:{'|'.join(forms)})"
