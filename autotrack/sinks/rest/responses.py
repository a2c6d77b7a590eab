"""What the response of a tracking server means: whether to ask again, and what to tell the user."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
import requests

_TRANSIENT = {408, 429}
_PERMANENT_ERRORS = {"INVALID_STATE", "NOT_IMPLEMENTED"}
_PASSING_ERRORS = {"TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "DEADLINE_EXCEEDED"}
_LONGEST_MESSAGE = 500
_LONGEST_PAUSE_SECONDS = 600.0


def as_object(response: requests.Response) -> dict[str, Any] | None:
    """Return the JSON object in a response; None for anything else, such as a page of HTML.

    Some servers answer with nothing where all is well. Of an answer that was cut off within its headers, nothing is
    left either.
    """
    if not response.content and not any(name in response.headers for name in ("Content-Length", "Transfer-Encoding")):
        return None
    try:
        content = msgspec.json.decode(response.content or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # the last for one that is nested without end
        return None
    return content if isinstance(content, dict) else None


def error_in(response: requests.Response) -> tuple[str, str]:
    """Return the code and message of an error. The code is empty when no tracking server has answered."""
    content = as_object(response) if response.content else None
    if content is not None and "error_code" in content:
        return str(content["error_code"]), str(content.get("message", ""))[:_LONGEST_MESSAGE]
    return "", _readable(response)


def may_pass(response: requests.Response) -> bool:
    """Return whether the same request may succeed later."""
    if response.status_code in _TRANSIENT:
        return True
    return 500 <= response.status_code != 501 and error_in(response)[0] not in _PERMANENT_ERRORS


def is_foreign(response: requests.Response) -> bool:
    """Return whether an answer to a request of the protocol comes from somebody who does not speak it."""
    return response.status_code in (200, 404) and not error_in(response)[0]


def is_busy(response: requests.Response) -> bool:
    """Return whether the server is there, only too slow at present."""
    return response.status_code in _TRANSIENT or bool(error_in(response)[0]) or "Retry-After" in response.headers


def is_error(response: requests.Response) -> bool:
    """Return whether the server failed at the request, and does not say that this will pass."""
    says_it_passes = error_in(response)[0] in _PASSING_ERRORS or "Retry-After" in response.headers
    return response.status_code >= 500 and not says_it_passes


def pause_asked_for(response: requests.Response) -> float | None:
    """Return how many seconds the header `Retry-After` asks to wait. It holds seconds or a date (RFC 9110).

    urllib3's `Retry` reads it too, but only whole seconds, and some servers send fractions.
    """
    text = response.headers.get("Retry-After", "").strip()
    try:
        seconds = float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else _seconds_until(text)
    except (ValueError, TypeError):
        return None
    return min(max(seconds, 0.0), _LONGEST_PAUSE_SECONDS)


def explain(response: requests.Response, url: str) -> str:
    """Return what a refusal means and what can be done about it, in a sentence or two."""
    code, message = error_in(response)
    status = response.status_code
    if status == 401:
        return (
            f"{url} does not let us in (401): set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, "
            f"or MLFLOW_TRACKING_TOKEN, or check them"
        )
    if status == 403:
        return f"{url} does not allow this (403 {message}): the account lacks the right"
    if 300 <= status < 400:
        return f"{url} redirects to {_elsewhere(response)}: give the URL of the tracking server itself"
    if code == "ENDPOINT_NOT_FOUND" or status in (405, 501):
        return f"{url} does not offer {_endpoint(response)} ({status}): it is older than what this needs"
    return f"{url} refused {_endpoint(response)} ({status} {code or 'without a reason'}): {message}"


def explain_foreign(response: requests.Response, url: str) -> str:
    """Return why a response cannot come from a tracking server."""
    if response.status_code == 404:
        return f"there is no tracking server at {url} (404 for {_endpoint(response)}): check the URL"
    kind = response.headers.get("Content-Type", "no type").partition(";")[0]
    return (
        f"{url} answers {_endpoint(response)} with {kind} instead of JSON, which no tracking server does: check the "
        f"URL, and whether a login page or a proxy is in between. It begins: {_readable(response)[:80]!r}"
    )


def reason_of(fault: BaseException) -> str:
    """Return why a request got no response, without wrapping errors, and without the query of a URL."""
    inner = fault
    while deeper := _wrapped_error(inner):
        inner = deeper
    text = re.sub(r"^\w+\(host=[^)]*\): |^<[^>]*>: ", "", str(inner)) or type(inner).__name__
    return re.sub(r"\?[^\s'\")]*", "?…", text) if "://" in text or "/" in text else text


def explain_fault(fault: requests.RequestException) -> str:
    """Return why a request cannot be sent, and what to do about it."""
    match fault:
        case requests.exceptions.InvalidHeader():  # its text quotes the header
            return (
                "MLFLOW_TRACKING_TOKEN or MLFLOW_WORKSPACE has a line break or another character that is not allowed"
            )
        case requests.exceptions.SSLError() if "CERTIFICATE_VERIFY_FAILED" in str(fault):
            return (
                f"{reason_of(fault)}. If the certificate is self-signed or your company's, name its file in "
                f"MLFLOW_TRACKING_SERVER_CERT_PATH or REQUESTS_CA_BUNDLE; MLFLOW_TRACKING_INSECURE_TLS=1 accepts any"
            )
    return reason_of(fault)


def encode(body: Mapping[str, Any]) -> bytes:
    """Encode a request. NaN and infinities have to be strings already: JSON has no word for them."""
    return msgspec.json.encode(body)


def _readable(response: requests.Response) -> str:
    text = re.sub(r"(?is)<(script|style).*?</\1>|<[^>]*>", " ", response.content[:20_000].decode(errors="replace"))
    return " ".join(text.split())[:_LONGEST_MESSAGE]


def _endpoint(response: requests.Response) -> str:
    """Return what of the server was asked. The names of artifacts are left out, so that refusals of many are alike."""
    path = (response.request.path_url or "").partition("?")[0]
    before, artifacts, _ = path.partition("/mlflow-artifacts/artifacts")
    return artifacts.strip("/") if artifacts else before.partition("/api/2.0/mlflow/")[2] or path


def _elsewhere(response: requests.Response) -> str:
    return response.headers.get("Location", "elsewhere").partition("?")[0]


def _wrapped_error(fault: BaseException) -> BaseException | None:
    """Return the error that another one wraps: urllib3's `reason`, or the last one among its arguments."""
    parts = [getattr(fault, "reason", None), *reversed(fault.args)]
    return next((part for part in parts if isinstance(part, BaseException)), None)


def _seconds_until(text: str) -> float:
    moment = parsedate_to_datetime(text)
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
