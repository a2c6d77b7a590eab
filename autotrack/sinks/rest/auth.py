"""Credentials and certificates for a tracking server, and where they may be sent."""

import base64
import configparser
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from requests import PreparedRequest
from requests.auth import AuthBase

from autotrack.destinations import without_credentials
from autotrack.errors import SettingsError
from autotrack.redaction.known_values import KnownValues

_YES = {"1", "true", "yes", "on"}
_UNSUPPORTED = ("MLFLOW_TRACKING_AUTH", "MLFLOW_TRACKING_AWS_SIGV4")


@dataclass(frozen=True)
class Access:
    """The `url` of a server without credentials, and what the server needs to let us in.

    `authorization` is the value of the header of that name. `secrets` are the texts that must never be shown. `verify`
    and `cert` have the meaning that they have in requests.
    """

    url: str
    authorization: str | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    verify: bool | str = True
    cert: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def scrub(self, text: str) -> str:
        """Return a text without credentials, so that it can be shown."""
        known = KnownValues()
        known.add(dict.fromkeys(self.secrets, "credentials"))
        return known.remove(text)[0]

    def is_for(self, url: str) -> bool:
        """Return whether a URL belongs to this very server. Its credentials are sent nowhere else."""
        own, other = urlsplit(self.url), urlsplit(url)
        return (own.scheme, own.hostname, _port(own)) == (other.scheme, other.hostname, _port(other))


class ServerAuth(AuthBase):
    """Adds the credentials of one server to requests. Even without any it keeps requests from reading `~/.netrc`."""

    def __init__(self, authorization: str | None = None) -> None:
        self._authorization = authorization

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the credentials to one request."""
        if self._authorization is not None:
            request.headers["Authorization"] = self._authorization
        return request


def access(url: str, environ: Mapping[str, str]) -> Access:
    """Return how to access the server at `url`.

    Credentials are those in the URL, else `MLFLOW_TRACKING_USERNAME` and `MLFLOW_TRACKING_PASSWORD`, else
    `MLFLOW_TRACKING_TOKEN`, else those in `~/.mlflow/credentials`. If the environment has only the user or only the
    password, the other is taken from the file. `MLFLOW_TRACKING_CLIENT_CERT_PATH`, `MLFLOW_TRACKING_SERVER_CERT_PATH`,
    `MLFLOW_TRACKING_INSECURE_TLS` and `MLFLOW_WORKSPACE` have the meaning that they have in MLflow.

    Raises `SettingsError` for what is not the URL of a server, and for credentials that would go over plain http to
    another machine, unless `AUTOTRACK_ALLOW_INSECURE=1` allows that.
    """
    parts = _server(url)
    bare = without_credentials(url)
    for name in _UNSUPPORTED:
        if environ.get(name, "").lower() not in ("", "0", "false"):
            raise SettingsError(
                f"{name} is set, which needs the mlflow package; use a token or a user and password", setting=name
            )
    authorization, secrets = _credentials(parts, environ)
    is_allowed = environ.get("AUTOTRACK_ALLOW_INSECURE", "").lower() in _YES
    if authorization and parts.scheme == "http" and not is_loopback(parts.hostname or "") and not is_allowed:
        raise SettingsError(
            f"credentials would be sent to {bare} in plain text; use https, or set AUTOTRACK_ALLOW_INSECURE=1",
            setting="to",
            value=bare,
        )
    insecure_tls = environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in _YES
    workspace = environ.get("MLFLOW_WORKSPACE", "").strip()
    certificate = environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH", "").strip()
    if certificate and not Path(certificate).exists():
        raise SettingsError(
            f"MLFLOW_TRACKING_SERVER_CERT_PATH is {certificate!r}, and there is no such file",
            setting="MLFLOW_TRACKING_SERVER_CERT_PATH",
            value=certificate,
        )
    return Access(
        url=bare,
        authorization=authorization,
        secrets=secrets,
        verify=False if insecure_tls else certificate or True,
        cert=environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH", "").strip() or None,
        headers={"X-MLFLOW-WORKSPACE": workspace} if workspace else {},
    )


def is_loopback(host: str) -> bool:
    """Return whether what is sent to a host stays on this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return False


def _server(url: str) -> SplitResult:
    shown = without_credentials(url)
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
    except ValueError:
        raise SettingsError(f"{shown} has a port that is not a number", setting="to", value=shown) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(
            f"{shown!r} is not the URL of a tracking server, such as https://mlflow.example.com",
            setting="to",
            value=shown,
        )
    return parts


def _credentials(parts: SplitResult, environ: Mapping[str, str]) -> tuple[str | None, tuple[str, ...]]:
    """Return the value of the header, and the texts that must not be shown.

    White space around credentials is not part of them: it comes from files and secret stores that end in a line break.
    """
    if parts.username:
        return _basic(unquote(parts.username).strip(), unquote(parts.password or "").strip())
    user, password, token = (
        environ.get(f"MLFLOW_TRACKING_{name}", "").strip() for name in ("USERNAME", "PASSWORD", "TOKEN")
    )
    if not (user and password) and (user or password or not token):  # otherwise the file has no say
        from_file = _read_file(environ, is_needed=not token)
        user = user or from_file.get("mlflow_tracking_username", "").strip()
        password = password or from_file.get("mlflow_tracking_password", "").strip()
    if user and password:
        return _basic(user, password)
    return _bearer(token) if token else (None, ())


def _bearer(token: str) -> tuple[str, tuple[str, ...]]:
    if not re.fullmatch(r"[!-~]+", token):
        raise SettingsError(
            "MLFLOW_TRACKING_TOKEN is not a token: it has white space, a line break or a letter that no token has; "
            "set it again",
            setting="MLFLOW_TRACKING_TOKEN",
        )
    return f"Bearer {token}", (token,)


def _basic(user: str, password: str) -> tuple[str, tuple[str, ...]]:
    encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
    return f"Basic {encoded}", tuple(secret for secret in (encoded, password) if secret)


def _read_file(environ: Mapping[str, str], *, is_needed: bool) -> dict[str, str]:
    """Return what is in `~/.mlflow/credentials`. One that cannot be read is an error only where it `is_needed`."""
    try:
        path = Path(environ.get("HOME") or Path.home()) / ".mlflow" / "credentials"
    except RuntimeError:  # no HOME, and an account that the system does not know, as in containers
        return {}
    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError) as error:
        if not is_needed:
            return {}
        raise SettingsError(f"{path} cannot be read as credentials: {type(error).__name__}", setting="to") from None
    values = dict(parser["mlflow"]) if "mlflow" in parser else {}
    return {name: value.replace("%%", "%") for name, value in values.items()}  # as MLflow's parser does


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)
