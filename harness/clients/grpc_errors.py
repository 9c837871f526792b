"""grpc.RpcError -> the harness's errors, at one place.

UNAVAILABLE has two makers: the server (a full queue) and grpcio itself (nobody there, or no gRPC there). Only the
second one's texts are grpcio's, so they are told apart by those.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import grpc

from harness.clients.grpc_messages import code_name
from harness.errors import (
    CallError,
    ConnectionFailedError,
    DeadlineError,
    HarnessError,
    ResponseError,
    StatusError,
    TensorError,
    UsageError,
    WrongProtocolError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.clients.inputs import Target

__all__ = ["hint_for", "refuse_unless_ok", "translate"]

# What grpcio itself says, and what it means. In this order: the general texts come last.
_CHANNEL_FAULTS: tuple[tuple[re.Pattern[str], type[CallError], str], ...] = (
    (
        re.compile(r"http1\.x server|Missing :authority|invalid HTTP/2|Failed parsing HTTP/2", re.IGNORECASE),
        WrongProtocolError,
        "this port does not speak gRPC ({}); is it the REST port (8501 by convention)? gRPC has 8500",
    ),
    (
        re.compile(
            r"SSL_|(ssl|tls) handshake|wrong version number|certificate_verify|verification check|handshak",
            re.IGNORECASE,
        ),
        ConnectionFailedError,
        "the TLS handshake failed ({}); check that both sides use TLS, the CA and the server's name",
    ),
    (
        re.compile(r"errors? resolving|address lookup|dns resolution|name resolution", re.IGNORECASE),
        ConnectionFailedError,
        "the host cannot be found ({}); a gRPC address is HOST:PORT, without http://",
    ),
    (
        re.compile(r"failed to connect.*(socket closed|connection reset|broken pipe|end of tcp)", re.IGNORECASE),
        ConnectionFailedError,
        "it hangs up on plain text ({}); if it speaks TLS, give tls=Tls(...) (grpcs:// in --serving-endpoint)",
    ),
    (
        re.compile(
            r"failed to connect|connection refused|no such file|connection timed out|network is unreachable",
            re.IGNORECASE,
        ),
        ConnectionFailedError,
        "nothing answers there ({}); check that the server runs and that host and port are right",
    ),
    (
        re.compile(r"connection reset|socket closed|broken pipe|recvmsg|goaway|end of tcp stream", re.IGNORECASE),
        ConnectionFailedError,
        "the connection was lost before the answer came ({}); check whether the server ended, and its log",
    ),
)
_HINTS: tuple[tuple[re.Pattern[str], str], ...] = (
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
        re.compile(
            "signature (key|name): .* not found|[Ss]ignature key .* not found|[Ss]ignature was (not )?found|"
            "Requested signature not found"
        ),
        "client.signatures() lists the signatures that the model has",
    ),
    (
        re.compile(r"Expects arg\[\d+\] to be"),
        "the server casts nothing: convert the array to the signature's dtype, e.g. array.astype('float32')",
    ),
    (
        re.compile("Received message larger than max"),
        "channel_options set a limit of their own; without it the client takes answers of any size",
    ),
    (
        re.compile("Method not found|unknown (service|method)", re.IGNORECASE),
        "something speaks gRPC there, but not TensorFlow Serving's API; is it the right address?",
    ),
)


def hint_for(server_message: str) -> str:
    """Return advice for a server's text, or an empty string."""
    return next((hint for pattern, hint in _HINTS if pattern.search(server_message)), "")


def translate(error: Any, *, method: str, target: Target, address: str, timeout_s: float) -> HarnessError:
    """Return the harness's error for a failed RPC (``error`` is a ``grpc.RpcError`` that is also a ``grpc.Call``)."""
    code, details = error.code(), error.details() or ""
    where: dict[str, Any] = {"target": address, "api": "grpc", "request": target.describe(method)}
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineError(
            f"no answer within {timeout_s:g} s ({details}); raise timeout_s if the model needs longer", **where
        )
    if code is grpc.StatusCode.UNAVAILABLE:
        for pattern, kind, text in _CHANNEL_FAULTS:
            if pattern.search(details):
                return kind(text.format(details), **where)
    if code is grpc.StatusCode.INTERNAL and details in _LOCAL_FAULTS:
        return _LOCAL_FAULTS[details](where)
    return StatusError(details, code=code.name, hint=hint_for(details), **where)


def refuse_unless_ok(status: Any, *, method: str, target: Target, address: str) -> None:
    """Raise the StatusError of a StatusProto inside an answer, if it says anything but OK."""
    if status.error_code:
        raise StatusError(
            status.error_message,
            code=code_name(status.error_code),
            target=address,
            api="grpc",
            request=target.describe(method),
        )


# Texts of grpcio for what went wrong on this side of the wire.
_LOCAL_FAULTS: dict[str, Callable[[dict[str, Any]], HarnessError]] = {
    "Exception deserializing response!": lambda where: ResponseError(
        "the answer is not the expected message; does TensorFlow Serving answer there?", **where
    ),
    "Exception serializing request!": lambda where: TensorError(
        f"the request cannot be sent: protobuf messages end at 2 GiB; send fewer examples at once ({where['request']})"
    ),
    "Invalid metadata": lambda where: UsageError(
        "the client's headers cannot be sent as gRPC metadata: keys take a-z, 0-9, '-', '_' and '.', values printable"
        f" ASCII ({where['request']})"
    ),
}
