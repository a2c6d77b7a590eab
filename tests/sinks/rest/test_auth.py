"""Credentials: where they are found, where they are sent, and that nobody sees them."""

import base64
import traceback
from pathlib import Path

import pytest

from autotrack.errors import AutotrackError, SettingsError
from autotrack.sinks.base import Unreachable
from autotrack.sinks.rest.auth import Access, access, is_loopback
from autotrack.sinks.rest.client import Client, Refused
from tests.support.canned_server import Answer, canned_server

HERE = "http://127.0.0.1:5000"


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment whose home has credentials."""
    (tmp_path / ".mlflow").mkdir()
    (tmp_path / ".mlflow" / "credentials").write_text(
        "[mlflow]\nmlflow_tracking_username = filed\nmlflow_tracking_password = 100%%pure\n"
    )
    return {"HOME": str(tmp_path)}


def authorization(environ: dict[str, str], url: str = HERE) -> str | None:
    return access(url, environ).authorization


def test_without_credentials_none_are_sent(tmp_path: Path) -> None:
    assert authorization({"HOME": str(tmp_path)}) is None


def test_those_in_the_url_come_first(home: dict[str, str]) -> None:
    environ = {**home, "MLFLOW_TRACKING_USERNAME": "a", "MLFLOW_TRACKING_PASSWORD": "b"}
    assert authorization(environ, "http://me%40home:p%2Fw@127.0.0.1:5000") == basic("me@home", "p/w")


def test_user_and_password_come_before_a_token(home: dict[str, str]) -> None:
    environ = {**home, "MLFLOW_TRACKING_TOKEN": "t"}
    assert authorization(environ) == "Bearer t"
    environ |= {"MLFLOW_TRACKING_USERNAME": "ä", "MLFLOW_TRACKING_PASSWORD": "ß"}
    assert authorization(environ) == basic("ä", "ß")


def test_the_file_gives_what_the_environment_lacks(home: dict[str, str]) -> None:
    assert authorization(home) == basic("filed", "100%pure")
    assert authorization({**home, "MLFLOW_TRACKING_USERNAME": "other"}) == basic("other", "100%pure")


def test_a_file_that_cannot_be_read_is_a_mistake_that_is_named(home: dict[str, str]) -> None:
    (Path(home["HOME"]) / ".mlflow" / "credentials").write_text("password = secret")
    with pytest.raises(SettingsError, match="credentials cannot be read") as raised:
        authorization(home)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("url", ["http://me:secret@example.com", "http://me:secret@10.0.0.1:5000/x"])
def test_plain_http_to_another_machine_needs_to_be_allowed(url: str) -> None:
    with pytest.raises(SettingsError, match="plain text; use https, or set AUTOTRACK_ALLOW_INSECURE=1") as raised:
        access(url, {})
    assert "secret" not in str(raised.value)
    assert access(url, {"AUTOTRACK_ALLOW_INSECURE": "1"}).authorization == basic("me", "secret")
    assert access(url.replace("http:", "https:"), {}).authorization == basic("me", "secret")


def test_this_machine_is_known_by_its_names() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.8.9.1", "::1", "a.localhost")))
    assert not any(map(is_loopback, ("example.com", "10.0.0.1", "localhost.example.com", "127.0.0.1.example.com", "")))


@pytest.mark.parametrize("url", ["ftp://host", "host:5000", "http://", "http://host:port", "runs"])
def test_what_is_no_url_of_a_server_is_a_mistake(url: str) -> None:
    with pytest.raises(SettingsError):
        access(url, {})


@pytest.mark.parametrize("name", ["MLFLOW_TRACKING_AUTH", "MLFLOW_TRACKING_AWS_SIGV4"])
def test_what_only_mlflow_can_do_is_said_rather_than_ignored(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        access(HERE, {name: "true"})


def test_certificates_and_workspace_are_those_of_mlflow() -> None:
    found = access(
        "https://host/",
        {
            "MLFLOW_TRACKING_CLIENT_CERT_PATH": "client.pem",
            "MLFLOW_TRACKING_SERVER_CERT_PATH": "ca.pem",
            "MLFLOW_WORKSPACE": "vision",
        },
    )
    assert (found.cert, found.verify, found.headers) == ("client.pem", "ca.pem", {"X-MLFLOW-WORKSPACE": "vision"})
    assert access("https://host/", {"MLFLOW_TRACKING_INSECURE_TLS": "true"}).verify is False


def test_only_the_very_server_is_the_server() -> None:
    own = Access("https://host/mlflow")
    assert own.is_for("https://host/mlflow/api")
    assert own.is_for("https://host:443/other")
    assert not any(map(own.is_for, ("http://host/mlflow", "https://host:8443/", "https://host.example.com/mlflow")))


def test_they_are_sent_to_the_server_and_to_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login net password rc\n")
    environ = {"MLFLOW_TRACKING_TOKEN": "t0ken", "MLFLOW_WORKSPACE": "vision"}
    with canned_server() as server, canned_server() as storage:
        client = Client(server.url, environ=environ)
        client.get("runs/get", run_id="1")
        client.send("PUT", f"{storage.url}/bucket/part?X-Amz-Signature=1", data=b"content")
        assert server.asked[0].headers["Authorization"] == "Bearer t0ken"
        assert server.asked[0].headers["X-MLFLOW-WORKSPACE"] == "vision"
        assert not {"Authorization", "X-MLFLOW-WORKSPACE"} & set(storage.asked[0].headers)
        client.close()


def test_a_redirect_is_not_followed_and_takes_none_along() -> None:
    with canned_server() as other:
        elsewhere = Answer(302, headers={"Location": f"{other.url}/login?token=abc"})
        with (
            canned_server(elsewhere) as server,
            pytest.raises(Refused, match=f"redirects to {other.url}/login: give"),
        ):
            Client(server.url, environ={"MLFLOW_TRACKING_TOKEN": "t0ken"}).get("runs/get")
        assert other.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        Answer(401, "no"),
        Answer(403, "no"),
        Answer(400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "Bearer s3cr3t is not allowed, s3cr3t!"}),
        Answer(503, "s3cr3t"),
        Answer(None),
    ],
)
def test_no_message_and_no_traceback_shows_them(answer: Answer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with canned_server(answer) as server:
        url = server.url.replace("//", "//me:s3cr3t@")
        client = Client(url, environ={}, patience=0.1)
        with pytest.raises(AutotrackError) as raised:
            client.post("runs/log-batch", {"run_id": "1"})
        assert isinstance(raised.value, (Refused, Unreachable))
        shown = "".join(traceback.format_exception(raised.value)) + repr(client) + client.url + caplog.text
        assert "s3cr3t" not in shown
        assert base64.b64encode(b"me:s3cr3t").decode() not in shown
