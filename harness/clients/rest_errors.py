"""requests' exceptions and HTTP error answers -> the harness's errors, at one place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson
import requests

from harness.clients.grpc_errors import hint_for
from harness.errors import CallError, ConnectionFailedError, DeadlineError, StatusError, UsageError, WrongProtocolError

if TYPE_CHECKING:
    from harness.clients.inputs import Target

__all__ = ["translate_answer", "translate_exception"]

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

# What an HTTP/2 server's first bytes look like to an HTTP/1.1 client.
_HTTP2_BYTES = re.compile(r"BadStatusLine|RemoteDisconnected.*HTTP/2|HTTP/2|illegal status line", re.IGNORECASE)


def translate_exception(
    error: Exception, *, method: str, target: Target, address: str, timeout_s: float
) -> CallError | UsageError:
    """Return the harness's error for a call that brought no HTTP answer."""
    where: dict[str, Any] = {"target": address, "api": "rest", "request": target.describe(method)}
    if isinstance(error, requests.exceptions.Timeout):
        return DeadlineError(
            f"no answer within {timeout_s:g} s ({error}); raise timeout_s if the model needs longer", **where
        )
    if isinstance(
        error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema | requests.exceptions.MissingSchema
    ):
        return UsageError(f"{address!r} is not an address for REST calls ({error}); give http://HOST:PORT")
    if isinstance(error, requests.exceptions.SSLError):
        return ConnectionFailedError(
            f"the TLS handshake failed ({error}); TensorFlow Serving's own REST port speaks plain HTTP only: check the"
            " scheme, the CA and the server's name",
            **where,
        )
    if _HTTP2_BYTES.search(repr(error)):
        return WrongProtocolError(
            f"this port does not speak HTTP/1.1 ({_innermost(error)}); is it the gRPC port (8500 by convention)?"
            " REST has 8501",
            **where,
        )
    return ConnectionFailedError(
        f"nothing answers there ({_innermost(error)}); check that the server runs with --rest_api_port, and that host"
        " and port are right",
        **where,
    )


def _innermost(error: BaseException) -> str:
    """Return the text of the error at the bottom, without the library's wrappings."""
    seen = error
    while True:
        reason = getattr(seen, "reason", None)
        inner = seen.__cause__ or seen.__context__ or (reason if isinstance(reason, BaseException) else None)
        if inner is None:
            return f"{type(seen).__name__}: {seen}"
        seen = inner


def translate_answer(
    status: int, body: bytes, *, method: str, target: Target, address: str
) -> StatusError | DeadlineError:
    """Return the harness's error for an answer whose HTTP status is not 200."""
    where: dict[str, Any] = {"target": address, "api": "rest", "request": target.describe(method)}
    message, is_serving = _server_message(body)
    if status == _GATEWAY_TIMEOUT:
        return DeadlineError(f"the server gave up: {message}; see its --rest_api_timeout_in_ms", **where)
    hint = hint_for(message)
    if not is_serving:
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
