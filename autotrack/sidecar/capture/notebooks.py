"""Notebooks without their secrets: cells are read as code, and what is no secret stays byte for byte."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from autotrack.redaction import Redactor

_STRING = r'"(?:[^"\\]++|\\.)*+"'


def clean_notebook(text: str, redactor: Redactor) -> str:
    """An `.ipynb` file without its secrets; what is no JSON, such as a part of one, is taken for a text."""
    try:
        notebook = json.loads(text, object_pairs_hook=_Entries)
    except (ValueError, RecursionError):
        return redactor.redact_text(text)[0]
    clean = _strings(notebook, redactor)  # as many as there are in the text, and in the same order
    return re.sub(_STRING, lambda found: _written(found[0], next(clean)), text)


class _Entries(list[tuple[str, Any]]):
    """What is in a JSON object, in order, also where a key occurs twice."""


def _strings(value: Any, redactor: Redactor, name: str = "") -> Iterator[str]:
    """All strings in a part of a notebook without their secrets, in order."""
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
    """Whether these are the lines of one text, as notebooks hold them."""
    return all(isinstance(value, str) for value in values) and all(value.endswith("\n") for value in values[:-1])


def _lines(value: str | list[str], clean: Callable[[str], str]) -> list[str]:
    """A text, or its lines, cleaned as a whole; lines that a secret went over become one, and empty ones."""
    if isinstance(value, str):
        return [clean(value)]
    whole = clean("".join(value))
    lines: list[str] = re.findall(r"[^\n]*\n|[^\n]+", whole)
    return lines if len(lines) == len(value) else [whole, *[""] * (len(value) - 1)] if value else []


def _written(string: str, clean: str) -> str:
    """A string as JSON; as it was written where nothing was taken out of it."""
    return string if json.loads(string) == clean else json.dumps(clean, ensure_ascii=string.isascii())
