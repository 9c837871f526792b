"""Compressed request bodies (behaviour item 126)."""

from __future__ import annotations

import zlib

__all__ = ["MAX_INFLATED_BYTES", "inflate"]

MAX_INFLATED_BYTES = 100 * 1024 * 1024
_GZIP = 16 + zlib.MAX_WBITS


def inflate(body: bytes | bytearray, *, limit_bytes: int = MAX_INFLATED_BYTES) -> bytes:
    """Return a gzip body inflated; empty if it is broken, cut short, followed by anything, or over the limit."""
    inflater = zlib.decompressobj(_GZIP)
    try:
        inflated = inflater.decompress(body, limit_bytes + 1)
    except zlib.error:
        return b""
    if not inflater.eof or inflater.unused_data or len(inflated) > limit_bytes:
        return b""
    return inflated
