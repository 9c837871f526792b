"""Ended: what a connection says of a request that is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from harness.load.engines.http2.headers import Head

__all__ = ["Ended"]


class Ended(NamedTuple):
    """A request that is over.

    Attributes:
        tag: the caller's own, as given to ``request``.
        head: the last header block of the answer; None if the stream was reset, or refused.
        http_status: the answer's ``:status``, 0 without one.
        size: bytes of the answer's body.
        body: the body, if it was to be kept.
        error: the error code of a reset stream, None if the answer came to its end.
        refused: whether the peer has surely not looked at it, so that it may be sent again.
        first: the first five bytes of the body, or a few more.
    """

    tag: Any
    head: Head | None
    http_status: int
    size: int
    body: bytes
    error: int | None = None
    refused: bool = False
    first: bytes = b""
