"""The places that runs go to, as `to=` names them: a folder, `tensorboard`, the URLs of tracking servers."""

import os
import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit, urlunsplit

Place = str | os.PathLike[str]
To = Place | Sequence[Place]

TENSORBOARD = "tensorboard"


def checked(value: object) -> tuple[str, ...]:
    """Return the places that a setting names, each as text. Raises `ValueError` for what is none."""
    listed = list(value) if isinstance(value, (list, tuple)) else [value]
    places = tuple(_checked(one) for one in listed)
    if not places:
        raise ValueError("expected a folder such as 'runs', 'tensorboard', the URL of a tracking server, or a list")
    folders = [place for place in places if not is_remote(place) and place != TENSORBOARD]
    if len(folders) > 1:
        raise ValueError(f"expected one folder to keep runs in, and these are {len(folders)}: {', '.join(folders)}")
    return places


def folder_among(places: Iterable[str]) -> str | None:
    """Return the one that is a folder."""
    return next((place for place in places if not is_remote(place) and place != TENSORBOARD), None)


def is_remote(place: str) -> bool:
    """Whether a place is a URL."""
    return "://" in place


def split(text: str) -> list[str] | str:
    """Split what an environment variable says, at commas; a lone folder may have commas in its name.

    >>> split("runs,http://127.0.0.1:5000"), split("a,b")
    (['runs', 'http://127.0.0.1:5000'], 'a,b')
    """
    parts = [part.strip() for part in text.split(",")]
    several = len(parts) > 1 and all(parts) and any(is_remote(part) or part == TENSORBOARD for part in parts)
    return parts if several else text


def without_credentials(url: str) -> str:
    """Return a URL as it may be written down and shown; also one that was copied from a server's web page.

    >>> without_credentials("https://me:secret@host:5000/mlflow/#/experiments/1")
    'https://host:5000/mlflow'
    """
    parts = urlsplit(url.strip())
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))


def without_credentials_in(text: str) -> str:
    """Return a text without the credentials of the URLs in it."""
    return re.sub(r"//[^/@\s]*@", "//", text)


def _checked(value: object) -> str:
    if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
        raise ValueError("expected a folder such as 'runs', 'tensorboard', the URL of a tracking server, or a list")
    text = str(os.fspath(value))
    if is_remote(text):
        try:
            parts = urlsplit(text)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            usable = False
        if not usable:
            raise ValueError(
                "expected the URL of a tracking server, such as http://127.0.0.1:5000 or https://host/path"
            )
        text = text.rstrip("/")
    return text
