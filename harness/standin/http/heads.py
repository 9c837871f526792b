"""Request heads that came before: the parse of one is remembered by its bytes.

A client sends the same head again and again. Each head is read once, by way of h11; if it is a plain one (a body of
known length, nothing to negotiate), what came of it is kept, and the same bytes later need no second reading.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from harness.standin.http.lenient import METHODS

if TYPE_CHECKING:
    from harness.standin.rest.handler import RestReply

__all__ = ["HeadMemo", "RequestHead", "read_head", "reason", "refusal", "reply_headers", "reply_parts"]

_MAX_HEADS = 512
_MAX_HEAD_BYTES = 4096
_MAX_BODY_BYTES = 1 << 18
_NEGOTIATING = frozenset((b"transfer-encoding", b"expect", b"connection", b"upgrade"))
_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus} | {499: b"Client Closed Request"}


@dataclass(frozen=True)
class RequestHead:
    """What the server needs of a request's head.

    Attributes:
        method: e.g. ``POST``.
        target: the request target.
        origin: the Origin header, or None.
        gzip: whether the body is to be inflated (behaviour item 126).
        length: the Content-Length, 0 if there is none.
        plain: whether nothing in it needs h11 while the body is read and answered.
    """

    method: str
    target: str
    origin: str | None
    gzip: bool
    length: int
    plain: bool


def read_head(event: Any) -> RequestHead:
    """Return the head of an ``h11.Request``; of headers given twice the first counts."""
    headers: dict[bytes, bytes] = {}
    for name, value in event.headers:
        headers.setdefault(name, value)
    origin = headers.get(b"origin")
    length = int(headers.get(b"content-length", b"0"))
    return RequestHead(
        method=event.method.decode(),
        target=event.target.decode(),
        origin=None if origin is None else origin.decode("latin-1"),
        gzip=b"gzip" in headers.get(b"content-encoding", b""),
        length=length,
        plain=(
            event.http_version == b"1.1"
            and event.method in (b"GET", b"POST")
            and length <= _MAX_BODY_BYTES
            and _NEGOTIATING.isdisjoint(headers)
        ),
    )


def refusal(event: Any) -> int | None:
    """Return the HTTP status with which libevent refuses an ``h11.Request`` on sight; None if it goes on reading."""
    if event.method not in METHODS:
        return HTTPStatus.NOT_IMPLEMENTED
    expected = [value for name, value in event.headers if name == b"expect"]
    return HTTPStatus.EXPECTATION_FAILED if expected and expected[0] != b"100-continue" else None


class HeadMemo:
    """The heads seen before, by their bytes; the oldest go first."""

    def __init__(self) -> None:
        """Start empty."""
        self._heads: dict[bytes, RequestHead] = {}

    def find(self, data: bytes) -> tuple[RequestHead, int] | None:
        """Return the head that ``data`` starts with and its length in bytes, if it is known."""
        end = data.find(b"\r\n\r\n") + 4
        head = self._heads.get(data[:end]) if end <= _MAX_HEAD_BYTES else None
        return None if head is None else (head, end)

    def remember(self, data: bytes, head: RequestHead) -> None:
        """Keep what the bytes of a head stand for."""
        if not head.plain or len(data) > _MAX_HEAD_BYTES or not data.endswith(b"\r\n\r\n"):
            return
        while len(self._heads) >= _MAX_HEADS:
            self._heads.pop(next(iter(self._heads)), None)
        self._heads[data] = head


def reason(status: int) -> bytes:
    """Return the phrase of a status line."""
    return _REASONS.get(status, b"Unknown")


def reply_headers(reply: RestReply) -> list[tuple[str, str]]:
    """Return the headers of a reply in the genuine order (behaviour item 124)."""
    return [
        ("Content-Type", reply.content_type),
        *reply.headers,
        ("Date", _date_of(int(time.time()))),
        ("Content-Length", str(len(reply.body))),
    ]


def reply_parts(reply: RestReply) -> tuple[bytes, bytes | bytearray]:
    """Return head and body of a reply to a plain request, as h11 would write them."""
    headers = "".join(f"{name}: {value}\r\n" for name, value in reply_headers(reply)).encode("latin-1")
    return b"HTTP/1.1 %d %s\r\n%s\r\n" % (reply.status, reason(reply.status), headers), reply.body


@lru_cache(maxsize=2)
def _date_of(second: int) -> str:
    return formatdate(second, usegmt=True)
