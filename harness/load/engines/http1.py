"""HTTP/1.1 as a load generator needs it: reads one answer after the other from the bytes of a connection. Pure.

The head of an answer is read with a few patterns, and its meaning remembered: servers send the same heads over and
over, but for the date and the length.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Answer", "AnswerReader", "BadAnswerError"]

_MOST_HEAD_BYTES = 64 * 1024
_MESSAGE_BYTES = 1_000
_MOST_REMEMBERED = 256
_STATUS = re.compile(rb"HTTP/1\.([01]) (\d{3})[ \r]")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:[ \t]*close[ \t]*\r\n", re.IGNORECASE)
_KEEP_ALIVE = re.compile(rb"\r\nconnection:[ \t]*keep-alive[ \t]*\r\n", re.IGNORECASE)
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")
_NO_BODY = {204, 304}


class BadAnswerError(Exception):
    """What has arrived is no HTTP/1.1 answer."""


class Answer(NamedTuple):
    """A whole answer.

    Attributes:
        status: the HTTP status.
        size: bytes of the body.
        beginning: the body's first bytes, for messages.
        closes: whether the connection is of no more use.
    """

    status: int
    size: int
    beginning: bytes
    closes: bool


class _Head(NamedTuple):
    """What a head says of the body: ``length`` is None for chunks, -1 for one that ends with the connection."""

    status: int
    length: int | None
    closes: bool


class AnswerReader:
    """Reads the answers of one connection; ``has_begun`` tells whether part of the next one has arrived."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._buffer = b""
        self._parts: list[bytes] = []  # of a long body, so that it is not joined again for each part
        self._missing = 0
        self._heads: dict[bytes, _Head] = {}

    @property
    def has_begun(self) -> bool:
        """Whether part of an answer has arrived."""
        return bool(self._buffer or self._parts)

    def receive(self, data: bytes) -> Answer | None:
        """Take what has arrived and return the answer once it is whole.

        Raises:
            BadAnswerError: it is none, or there is more than one.
        """
        if self._missing > len(data):
            self._parts.append(data)
            self._missing -= len(data)
            return None
        if self._parts:
            data = b"".join((*self._parts, data))
            self._parts, self._missing = [], 0
        elif self._buffer:
            data = self._buffer + data
        self._buffer = data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if len(data) > _MOST_HEAD_BYTES:
                raise BadAnswerError("a head of over 64 KiB")
            if not b"HTTP/1.".startswith(data[:7]):
                raise BadAnswerError(f"it begins with {data[:40]!r}")
            return None
        head = self._heads.get(data[:end]) or self._head(data[: end + 2])
        if head.status < 200:  # an interim answer; the answer proper follows
            self._buffer = b""
            return self.receive(data[end + 4 :])
        return self._body(head, data, end + 4)

    def end(self) -> Answer | None:
        """Return the answer that ends with the connection, None if what has arrived is not a whole one."""
        data = b"".join(self._parts) or self._buffer
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = self._head(data[: end + 2])
        if head.length != -1:
            return None
        return Answer(head.status, len(data) - end - 4, data[end + 4 : end + 4 + _MESSAGE_BYTES], closes=True)

    def _head(self, lines: bytes) -> _Head:
        status = _STATUS.match(lines)
        if status is None:
            raise BadAnswerError(f"it begins with {lines[:40]!r}")
        code = int(status[2])
        length = _LENGTH.search(lines)
        closes = bool(_CLOSE.search(lines)) or (status[1] == b"0" and not _KEEP_ALIVE.search(lines))
        if code < 200 or code in _NO_BODY:
            head = _Head(code, 0, closes)
        elif _CHUNKED.search(lines):
            head = _Head(code, None, closes)
        elif length is not None:
            head = _Head(code, int(length[1]), closes)
        else:
            head = _Head(code, -1, closes=True)
        if len(self._heads) >= _MOST_REMEMBERED:
            self._heads.clear()
        self._heads[lines[:-2]] = head
        return head

    def _body(self, head: _Head, data: bytes, start: int) -> Answer | None:
        if head.length is None:
            return self._chunks(head, data, start)
        if head.length < 0:
            self._wait_for(data, None)
            return None
        stop = start + head.length
        if len(data) < stop:
            self._wait_for(data, stop - len(data))
            return None
        return self._answer(head, data, head.length, data[start : start + min(head.length, _MESSAGE_BYTES)], stop)

    def _wait_for(self, data: bytes, missing: int | None) -> None:
        self._buffer = b""
        self._parts = [data]
        self._missing = 2**62 if missing is None else missing

    def _chunks(self, head: _Head, data: bytes, place: int) -> Answer | None:
        size, beginning = 0, b""
        while True:
            line = _CHUNK_SIZE.match(data, place)
            if line is None:
                if b"\r\n" in data[place : place + 200]:
                    raise BadAnswerError(f"a chunk begins with {data[place : place + 40]!r}")
                return None
            length = int(line[1], 16)
            start = line.end()
            if length == 0:
                break
            if len(data) < start + length + 2:
                return None
            size += length
            if len(beginning) < _MESSAGE_BYTES:
                beginning += data[start : start + min(length, _MESSAGE_BYTES)]
            place = start + length + 2
        if data[start : start + 2] == b"\r\n":
            return self._answer(head, data, size, beginning, start + 2)
        end = data.find(b"\r\n\r\n", start)  # of trailers
        return None if end < 0 else self._answer(head, data, size, beginning, end + 4)

    def _answer(self, head: _Head, data: bytes, size: int, beginning: bytes, stop: int) -> Answer:
        if len(data) > stop:
            raise BadAnswerError(f"after the answer there is more: {data[stop : stop + 40]!r}")
        self._buffer = b""
        return Answer(head.status, size, beginning, head.closes)
