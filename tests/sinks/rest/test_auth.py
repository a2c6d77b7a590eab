"""Credentials: where they are found, where they are sent, and that nobody sees them."""

import base64
import json
import socket
import ssl
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from autotrack.errors import AutotrackError, SettingsError
from autotrack.sinks.base import Unreachable
from autotrack.sinks.rest.auth import Access, access, is_loopback
from autotrack.sinks.rest.client import Client, Refused
from tests.support.canned_server import Answer, CannedServer, canned_server

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
            "MLFLOW_TRACKING_SERVER_CERT_PATH": __file__,
            "MLFLOW_WORKSPACE": "vision",
        },
    )
    assert (found.cert, found.verify, found.headers) == ("client.pem", __file__, {"X-MLFLOW-WORKSPACE": "vision"})
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


@pytest.mark.parametrize("end", ["\n", "\r\n", " \t"], ids=ascii)
def test_white_space_around_them_is_not_part_of_them(end: str, tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    assert authorization({**home, "MLFLOW_TRACKING_TOKEN": f"{end}t0ken{end}"}) == "Bearer t0ken"
    environ = {**home, "MLFLOW_TRACKING_USERNAME": f"me{end}", "MLFLOW_TRACKING_PASSWORD": f"pa ss{end}"}
    assert authorization(environ) == basic("me", "pa ss")
    assert authorization({**home, "MLFLOW_TRACKING_TOKEN": end}) is None


@pytest.mark.parametrize("token", ["s3cr3t\nvalue", "s3cr3t value", "s3cr3t-é", "s3cr3t\x00"], ids=ascii)
def test_what_can_be_no_token_is_a_mistake_that_is_named_without_it(token: str) -> None:
    with pytest.raises(SettingsError, match="MLFLOW_TRACKING_TOKEN is not a token") as raised:
        Client(HERE, environ={"HOME": "/", "MLFLOW_TRACKING_TOKEN": token})
    assert "s3cr3t" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("workspace", ["vi\nsion", "vi\rsion"], ids=ascii)
def test_a_header_that_cannot_be_sent_is_not_quoted(workspace: str) -> None:
    client = Client(HERE, environ={"MLFLOW_TRACKING_TOKEN": "s3cr3t", "MLFLOW_WORKSPACE": workspace})
    with pytest.raises(Refused, match="MLFLOW_WORKSPACE has a line break") as raised:
        client.get("runs/get")
    assert "sion" not in str(raised.value)


@pytest.mark.parametrize("show", [repr, json.dumps, quote, quote_plus, str])
def test_they_are_taken_out_of_messages_however_they_are_spelled(show: Callable[[str], str]) -> None:
    password = 'qu"o\\te/ é+'
    shown = Access(HERE, secrets=(password,)).scrub(f"a message with {show(password)} in it")
    assert shown.replace("'", "").replace('"', "") == "a message with [redacted] in it"


def test_a_broken_file_matters_only_where_its_credentials_are_needed(home: dict[str, str]) -> None:
    (Path(home["HOME"]) / ".mlflow" / "credentials").write_text("password = secret")
    assert authorization({**home, "MLFLOW_TRACKING_TOKEN": "t0ken"}) == "Bearer t0ken"
    named = {**home, "MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": "pw"}
    assert authorization(named) == basic("me", "pw")
    assert (
        authorization({**home, "MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_TOKEN": "t0ken"}) == "Bearer t0ken"
    )
    with pytest.raises(SettingsError):
        authorization({**home, "MLFLOW_TRACKING_USERNAME": "me"})


def test_without_a_home_there_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert authorization({}) is None
    assert authorization({"MLFLOW_TRACKING_TOKEN": "t0ken"}) == "Bearer t0ken"


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_of_a_certificate_that_nobody_vouches_for_the_variables_that_help_are_said_and_do_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    class TlsServer(CannedServer):
        def get_request(self) -> tuple[socket.socket, Any]:
            connection, address = super().get_request()
            return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

        def handle_error(self, *_: object) -> None:
            pass  # whoever does not trust the certificate hangs up

    def ask(**environ: str) -> dict[str, Any]:
        client = Client(server.url.replace("http:", "https:"), environ={"HOME": str(tmp_path), **environ})
        try:
            return client.get("runs/get")
        finally:
            client.close()

    with canned_server(Answer(200, {"it": "worked"}), kind=TlsServer) as server:
        with pytest.raises(Refused, match="self-signed certificate") as raised:
            ask()
        for name in ("MLFLOW_TRACKING_SERVER_CERT_PATH", "MLFLOW_TRACKING_INSECURE_TLS", "REQUESTS_CA_BUNDLE"):
            assert name in str(raised.value)
        assert ask(MLFLOW_TRACKING_SERVER_CERT_PATH=str(certificate)) == {"it": "worked"}
        assert ask(MLFLOW_TRACKING_INSECURE_TLS="true") == {"it": "worked"}
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        assert ask() == {"it": "worked"}
        with pytest.raises(SettingsError, match="MLFLOW_TRACKING_SERVER_CERT_PATH"):
            ask(MLFLOW_TRACKING_SERVER_CERT_PATH="nowhere.pem")


def self_signed(folder: Path) -> Path:
    """Make a certificate for this machine, in a file with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    return path
