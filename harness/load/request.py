"""EncodedRequest: one request as the bytes that go over the wire, so that encoding is never measured."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.errors import UsageError

__all__ = ["EncodedRequest"]


@dataclass(frozen=True, kw_only=True)
class EncodedRequest:
    """A request ready to send.

    Attributes:
        body: over gRPC the serialized message (e.g. a PredictRequest), over REST the body; may be empty.
        method: over gRPC the full method name, e.g. ``/tensorflow.serving.PredictionService/Predict``; over REST the
            path with its query, e.g. ``/v1/models/digits:predict``.
        verb: the HTTP method over REST; not used over gRPC.
        headers: further HTTP headers, or gRPC metadata, as pairs of strings.
    """

    body: bytes = field(repr=False)
    method: str
    verb: str = "POST"
    headers: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        """Refuse a method that neither protocol could send."""
        if not self.method.startswith("/"):
            raise UsageError(
                f"method must start with a slash, got {self.method!r}; "
                "e.g. /tensorflow.serving.PredictionService/Predict or /v1/models/digits:predict"
            )
