"""Takes the secrets out of notebooks. Cells are read as code, and everything else stays the same, byte for byte."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from autotrack.redaction import Redactor

_STRING = r'"(?:[^"\\]++|\\.)*+"'


def clean_notebook(text: str, redactor: Redactor) -> str:
    """Return an `.ipynb` file without its secrets. What is not JSON, such as a part of a file, is treated as text."""
    try:
        notebook = json.loads(text, object_pairs_hook=_Entries)
    except (ValueError, RecursionError):
        return redactor.redact_text(text)[0]
    clean = _strings(notebook, redactor)  # as many strings as in the text, in the same order
    return re.sub(_STRING, lambda match: _as_json(match[0], next(clean)), text)


class _Entries(list[tuple[str, Any]]):
    """The entries of a JSON object, in order, even if a key occurs twice."""


def _strings(value: Any, redactor: Redactor, name: str = "") -> Iterator[str]:
    """Yield all strings in a part of a notebook, in order and without their secrets."""
    if isinstance(value, _Entries):
        is_code = ("cell_type", "code") in value
        for key, item in value:
            yield redactor.redact_text(key)[0]
            if key == "source" and is_code:
                yield from _lines(item, lambda code: redactor.redact_code(code)[0])
            else:
                yield from _strings(item, redactor, key)
    elif isinstance(value, list) and not _are_lines(value):
        for item in value:
            yield from _strings(item, redactor, name)
    elif isinstance(value, (str, list)):
        yield from _lines(value, lambda text: redactor.redact(text, name)[0])


def _are_lines(values: list[Any]) -> bool:
    """Whether these are the lines of one text: notebooks store texts so."""
    return all(isinstance(value, str) for value in values) and all(value.endswith("\n") for value in values[:-1])


def _lines(value: str | list[str], clean: Callable[[str], str]) -> list[str]:
    """Clean a text, or lines as one text. If that changes their number, the first line gets all of the text."""
    if isinstance(value, str):
        return [clean(value)]
    whole = clean("".join(value))
    lines: list[str] = re.findall(r"[^\n]*\n|[^\n]+", whole)
    return lines if len(lines) == len(value) else [whole, *[""] * (len(value) - 1)] if value else []


def _as_json(string: str, clean: str) -> str:
    """Return the clean string as JSON, or the original JSON if nothing was taken out of it."""
    return string if json.loads(string) == clean else json.dumps(clean, ensure_ascii=string.isascii())
