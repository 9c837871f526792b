"""Status: a canonical code and a text, as every part of the stand-in reports an error."""

from __future__ import annotations

__all__ = ["HTTP_STATUS", "StatusError"]

# HTTP status of each canonical code, as tensorflow_model_server answers (behaviour item 121).
HTTP_STATUS = {
    "OK": 200,
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INTERNAL": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


class StatusError(Exception):
    """A request or a load that ended with a status other than OK.

    Attributes:
        code: canonical name, e.g. ``INVALID_ARGUMENT``.
        message: the text that the client or the log shows; bytes that are not UTF-8 are kept by surrogateescape.
    """

    def __init__(self, code: str, message: str) -> None:
        """Keep the code and the message."""
        self.code = code
        self.message = message
        super().__init__(f"{code}: {message}")
