"""The destinations of runs, as `to=` names them: a folder, `tensorboard`, and the URLs of tracking servers."""

import os
import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit, urlunsplit

Destination = str | os.PathLike[str]
To = Destination | Sequence[Destination]

TENSORBOARD = "tensorboard"

_SCHEME = re.compile(r"(https?)(:|//)", re.IGNORECASE)
_HOST_AND_PORT = re.compile(r"([\w.-]+@)?([\w.-]{2,}|\[[\da-fA-F:]+\]):\d{1,5}(/.*)?")
"""One letter with a colon is a drive of Windows."""


def checked(value: object) -> tuple[str, ...]:
    """Return the destinations that a setting names, as text. Raises `ValueError` for what is not a destination."""
    listed = list(value) if isinstance(value, (list, tuple)) else [value]
    destinations = tuple(map(_checked, listed))
    if not destinations:
        raise ValueError("expected a folder such as 'runs', 'tensorboard', the URL of a tracking server, or a list")
    folders = list(filter(_is_folder, destinations))
    if len(folders) > 1:
        raise ValueError(
            f"expected one folder to keep runs in, not {len(folders)}: {', '.join(folders)}. A folder with a comma in "
            "its name can be given in pyproject.toml or as an argument"
        )
    return destinations


def folder_among(destinations: Iterable[str]) -> str | None:
    """Return the folder among destinations; None when there is none."""
    return next(filter(_is_folder, destinations), None)


def is_remote(destination: str) -> bool:
    """Return whether a destination is a URL."""
    return "://" in destination


def split(text: str) -> list[str] | str:
    """Split the value of an environment variable at commas.

    >>> split("runs,http://127.0.0.1:5000"), split("runs")
    (['runs', 'http://127.0.0.1:5000'], 'runs')
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    return parts if len(parts) > 1 else text


def without_credentials(url: str) -> str:
    """Return the URL of a server so that it can be stored and shown; also one that was copied from its web page.

    >>> without_credentials("https://me:secret@host:5000/mlflow/#/experiments/1")
    'https://host:5000/mlflow'
    """
    parts = urlsplit(url.strip())
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))


def without_credentials_in(text: str) -> str:
    """Return a text without the credentials of the URLs in it."""
    return re.sub(r"//[^/@\s]*@", "//", text)


def _is_folder(destination: str) -> bool:
    return not is_remote(destination) and destination != TENSORBOARD


def _checked(value: object) -> str:
    if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
        raise ValueError("expected a folder such as 'runs', 'tensorboard', the URL of a tracking server, or a list")
    text = str(os.fspath(value))
    if "\0" in text:
        raise ValueError("expected the path of a folder, which has no zero bytes")
    if is_remote(text):
        try:
            parts = urlsplit(text)
            is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            is_usable = False
        if not is_usable:
            raise ValueError(
                "expected the URL of a tracking server, such as http://127.0.0.1:5000 or https://host/path"
            )
        text = text.rstrip("/")
    elif isinstance(value, str) and (url := _meant_as_url(text)):
        raise ValueError(f"expected the URL of a tracking server, such as {url}, or for a folder ./{text}")
    return text


def _meant_as_url(text: str) -> str | None:
    """Return the URL that was probably meant by what looks like a folder of a strange name.

    >>> _meant_as_url("localhost:5000"), _meant_as_url("https//host/a"), _meant_as_url("C:/runs"), _meant_as_url("a:b")
    ('http://localhost:5000', 'https://host/a', None, None)
    """
    if scheme := _SCHEME.match(text):
        return f"{scheme[1].lower()}://{text[scheme.end() :].lstrip(':/') or 'host'}"
    return f"http://{text}" if _HOST_AND_PORT.fullmatch(text) else None
