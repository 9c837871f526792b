"""What frames hold: padding taken off, numbers read, wrong forms refused."""

from __future__ import annotations

from harness.load.engines.http2 import frames
from harness.load.engines.http2.errors import ProtocolError

__all__ = ["number", "unpadded"]


def unpadded(flags: int, payload: bytes) -> bytes:
    """Return what a DATA or HEADERS frame holds.

    Raises:
        ProtocolError: there is more padding than payload.
    """
    if not flags & frames.PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise ProtocolError("more padding than payload")
    return payload[1 : len(payload) - payload[0]]


def number(payload: bytes, size: int, name: str) -> int:
    """Return the number that is all of a frame's payload.

    Raises:
        ProtocolError: it is not of that size in bytes.
    """
    if len(payload) != size:
        raise ProtocolError(f"a {name} frame of {len(payload)} bytes", code=frames.FRAME_SIZE_ERROR)
    return int.from_bytes(payload, "big")
