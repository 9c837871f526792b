"""requests' exceptions and HTTP error answers -> the harness's errors, at one place."""

from __future__ import annotations

import http.client
import re
from typing import TYPE_CHECKING, Any

import orjson
import requests
import urllib3

from harness.clients.grpc_errors import hint_for
from harness.errors import (
    CallError,
    ConnectionFailedError,
    DeadlineError,
    ResponseError,
    StatusError,
    UsageError,
    WrongProtocolError,
)

if TYPE_CHECKING:
    from harness.clients.inputs import Target

__all__ = ["innermost_error", "translate_answer", "translate_exception"]

# The canonical code an HTTP status stands for; 400, 409 and 500 stand for several (behaviour item 121).
_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}
_GATEWAY_TIMEOUT = 504
_SHOWN_CHARACTERS = 500

_UNUSABLE_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    urllib3.exceptions.LocationValueError,
)
_UNUSABLE_HEADER = (requests.exceptions.InvalidHeader, UnicodeError)
_BROKEN_ANSWER = (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)
_LOST = (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected)


def translate_exception(
    error: Exception, *, method: str, target: Target, address: str, timeout_s: float
) -> CallError | UsageError:
    """Return the harness's error for a call that brought no HTTP answer."""
    where: dict[str, Any] = {"target": address, "api": "rest", "request": target.describe(method)}
    innermost = innermost_error(error)
    said = str(innermost)
    seen = f"{type(innermost).__name__}: {said if said.isprintable() else ascii(said)}"
    if isinstance(error, _UNUSABLE_ADDRESS):
        return UsageError(f"{address!r} is not an address for REST calls ({error}); give http://HOST:PORT")
    if isinstance(error, _UNUSABLE_HEADER):
        return UsageError(f"the client's headers cannot be sent over HTTP ({error}); names and values are Latin-1 text")
    kind, text = _fault(error, innermost)
    return kind(text.format(seen=seen, timeout_s=timeout_s), **where)


def _fault(error: Exception, innermost: BaseException) -> tuple[type[CallError], str]:
    """Return the kind of a network fault and the words for it."""
    if isinstance(error, requests.exceptions.Timeout) or isinstance(innermost, TimeoutError):
        return DeadlineError, "no answer within {timeout_s:g} s ({seen}); raise timeout_s if the model needs longer"
    if isinstance(error, requests.exceptions.SSLError):
        return ConnectionFailedError, (
            "the TLS handshake failed ({seen}); TensorFlow Serving's own REST port speaks plain HTTP only: check the"
            " scheme, the CA and the server's name"
        )
    if isinstance(error, _BROKEN_ANSWER):
        return ResponseError, "the answer broke off or cannot be unpacked ({seen}); check the server's log"
    if isinstance(innermost, http.client.BadStatusLine) and not isinstance(innermost, _LOST):
        return WrongProtocolError, (
            "this port does not speak HTTP/1.1 ({seen}); is it the gRPC port (8500 by convention)? REST has 8501"
        )
    if isinstance(innermost, _LOST):
        return ConnectionFailedError, (
            "the connection was closed before an answer came ({seen}); check that this is the REST port, that it"
            " does not speak TLS (https://), and the server's log"
        )
    return ConnectionFailedError, (
        "nothing answers there ({seen}); check that the server runs with --rest_api_port, and that host and port are"
        " right"
    )


def innermost_error(error: BaseException) -> BaseException:
    """Return the error at the bottom, without the library's wrappings."""
    seen = error
    while True:
        reason = getattr(seen, "reason", None)
        inner = seen.__cause__ or seen.__context__ or (reason if isinstance(reason, BaseException) else None)
        if inner is None:
            return seen
        seen = inner


def translate_answer(
    status: int, body: bytes, *, method: str, target: Target, address: str, location: str | None = None
) -> StatusError | DeadlineError:
    """Return the harness's error for an answer whose HTTP status is not 200; ``location`` is where a redirect leads."""
    where: dict[str, Any] = {"target": address, "api": "rest", "request": target.describe(method)}
    message, is_serving = _server_message(body)
    if status == _GATEWAY_TIMEOUT:
        return DeadlineError(f"the server gave up: {message}; see its --rest_api_timeout_in_ms", **where)
    hint = hint_for(message)
    if location is not None:
        hint = f"the server redirects to {location}; give the address that answers itself"
    elif not is_serving:
        hint = "this is not TensorFlow Serving's form of an error; does something else answer at this address?"
    return StatusError(message, code=_CODES.get(status, "UNKNOWN"), http_status=status, hint=hint, **where)


def _server_message(body: bytes) -> tuple[str, bool]:
    """Return the server's text, and whether it had TensorFlow Serving's form ``{"error": ...}`` or was empty."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if isinstance(document, dict) and isinstance(document.get("error"), str):
        return document["error"], True
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body.decode("utf-8", "replace"))).strip()
    return text[:_SHOWN_CHARACTERS] or "(no text)", not body
