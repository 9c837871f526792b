"""How a request ended, as one small number: a gRPC status code, an HTTP status, or a failure of the connection.

The three ranges do not overlap, so a column of them needs no second column that says which is which.
"""

from __future__ import annotations

__all__ = [
    "BAD_RESPONSE",
    "CONNECTION_FAILED",
    "CONNECTION_LOST",
    "DEADLINE_EXCEEDED",
    "NOT_SENT",
    "TIMEOUT",
    "UNAVAILABLE",
    "UNFINISHED",
    "status_name",
    "succeeded",
]

DEADLINE_EXCEEDED = 4
UNAVAILABLE = 14

CONNECTION_FAILED = 1001
CONNECTION_LOST = 1002
TIMEOUT = 1003
BAD_RESPONSE = 1004
NOT_SENT = 1005  # it was due, but the run ended before it could be sent
UNFINISHED = 1006  # it was sent, but the run ended before its answer came

_GRPC = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
_NAMES = {
    **dict(enumerate(_GRPC)),
    CONNECTION_FAILED: "CONNECTION_FAILED",
    CONNECTION_LOST: "CONNECTION_LOST",
    TIMEOUT: "TIMEOUT",
    BAD_RESPONSE: "BAD_RESPONSE",
    NOT_SENT: "NOT_SENT",
    UNFINISHED: "UNFINISHED",
}


def status_name(status: int) -> str:
    """Return ``NOT_FOUND`` for gRPC's 5, ``HTTP 404`` for an HTTP status, else e.g. ``CONNECTION_LOST``."""
    return _NAMES.get(status) or f"HTTP {status}"


def succeeded(status: int) -> bool:
    """Return whether a request with this status was answered well: gRPC's OK or an HTTP 2xx."""
    return status == 0 or 200 <= status < 300
