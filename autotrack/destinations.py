"""The destinations of runs, as `to=` names them: a folder, `tensorboard`, and the URLs of tracking servers."""

import os
import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit, urlunsplit

Destination = str | os.PathLike[str]
To = Destination | Sequence[Destination]

TENSORBOARD = "tensorboard"


def checked(value: object) -> tuple[str, ...]:
    """Return the destinations that a setting names, as text. Raises `ValueError` for what is not a destination."""
    listed = list(value) if isinstance(value, (list, tuple)) else [value]
    destinations = tuple(map(_checked, listed))
    if not destinations:
        raise ValueError("expected a folder such as 'runs', 'tensorboard', the URL of a tracking server, or a list")
    folders = list(filter(_is_folder, destinations))
    if len(folders) > 1:
        raise ValueError(f"expected one folder to keep runs in, not {len(folders)}: {', '.join(folders)}")
    return destinations


def folder_among(destinations: Iterable[str]) -> str | None:
    """Return the folder among destinations; None when there is none."""
    return next(filter(_is_folder, destinations), None)


def is_remote(destination: str) -> bool:
    """Return whether a destination is a URL."""
    return "://" in destination


def split(text: str) -> list[str] | str:
    """Split the value of an environment variable at commas. A single folder may have commas in its name.

    >>> split("runs,http://127.0.0.1:5000"), split("a,b")
    (['runs', 'http://127.0.0.1:5000'], 'a,b')
    """
    parts = [part.strip() for part in text.split(",")]
    several = len(parts) > 1 and all(parts) and any(is_remote(part) or part == TENSORBOARD for part in parts)
    return parts if several else text


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
    return text
