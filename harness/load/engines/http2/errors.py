"""What is wrong with a peer that breaks the rules."""

from __future__ import annotations

from harness.load.engines.http2 import frames

__all__ = ["ProtocolError"]


class ProtocolError(Exception):
    """The peer broke the rules of HTTP/2: this connection is of no more use."""

    def __init__(self, message: str, *, code: int = frames.PROTOCOL_ERROR) -> None:
        """Keep the error code that RFC 9113 has for it."""
        super().__init__(message)
        self.code = code
