"""grpc.RpcError -> the harness's errors, at one place.

UNAVAILABLE has two makers: the server (a full queue) and grpcio itself (nobody there, or no gRPC there). Only the
second one's texts are grpcio's, so they are told apart by those.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import grpc

from harness.errors import (
    CallError,
    ConnectionFailedError,
    DeadlineError,
    ResponseError,
    StatusError,
    WrongProtocolError,
)

if TYPE_CHECKING:
    from harness.clients.inputs import Target

__all__ = ["translate"]

_NO_GRPC_HERE = re.compile(r"http1\.x server|Missing :authority|invalid HTTP/2|Failed parsing HTTP/2", re.IGNORECASE)
_NO_TLS_MATCH = re.compile(r"ssl handshake|wrong version number|CERTIFICATE_VERIFY|handshake failed", re.IGNORECASE)
_NOBODY_THERE = re.compile(
    r"failed to connect|connection refused|connection reset|dns resolution|socket closed|no such file|"
    r"broken pipe|recvmsg|connection timed out|name resolution|goaway|end of tcp stream|network is unreachable",
    re.IGNORECASE,
)
_HINTS = (
    (
        re.compile("Server Threadpool Exhausted"),
        "the server runs at most --grpc_max_threads (default 4 x its CPUs) calls at a time: send fewer, or raise it",
    ),
    (
        re.compile("Servable not found for request"),
        "ask client.model_status() which versions are loaded; the name must be the server's --model_name",
    ),
    (
        re.compile("Unrecognized servable version label"),
        "labels are set in the server's model config (version_labels) or by client.reload_config()",
    ),
    (
        re.compile("signature key .* not found|No signature was found"),
        "client.signatures() lists the signatures that the model has",
    ),
    (
        re.compile(r"Expects arg\[\d+\] to be"),
        "the server casts nothing: convert the array to the signature's dtype, e.g. array.astype('float32')",
    ),
)


def hint_for(server_message: str) -> str:
    """Return advice for a server's text, or an empty string."""
    return next((hint for pattern, hint in _HINTS if pattern.search(server_message)), "")


def translate(error: Any, *, method: str, target: Target, address: str, timeout_s: float) -> CallError:
    """Return the harness's error for a failed RPC (``error`` is a ``grpc.RpcError`` that is also a ``grpc.Call``)."""
    code, details = error.code(), error.details() or ""
    where: dict[str, Any] = {"target": address, "api": "grpc", "request": target.describe(method)}
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineError(
            f"no answer within {timeout_s:g} s ({details}); raise timeout_s if the model needs longer", **where
        )
    if code is grpc.StatusCode.UNAVAILABLE:
        if _NO_GRPC_HERE.search(details):
            return WrongProtocolError(
                f"this port does not speak gRPC ({details}); it looks like HTTP/1.1: is it the REST port"
                " (8501 by convention)? gRPC has 8500",
                **where,
            )
        if _NO_TLS_MATCH.search(details):
            return ConnectionFailedError(
                f"the TLS handshake failed ({details}); check that both sides use TLS, the CA and the server's name",
                **where,
            )
        if _NOBODY_THERE.search(details):
            return ConnectionFailedError(
                f"nothing answers there ({details}); check that the server runs and that host and port are right",
                **where,
            )
    if code is grpc.StatusCode.INTERNAL and "deserializ" in details:
        return ResponseError(f"the answer is not the expected message ({details})", **where)
    return StatusError(details, code=code.name, hint=hint_for(details), **where)
