"""HTTP/1.1 as a load generator needs it: reads one answer after the other from the bytes of a connection. Pure.

Nearly every answer arrives whole and has a length; ``receive`` is written for these. Everything else is read piece by
piece: nothing that has arrived is looked at twice, so an answer of many megabytes costs as much as its bytes. The head
of an answer is read with a few patterns, and its meaning remembered: servers send the same heads over and over, but for
the date and the length.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

__all__ = ["Answer", "AnswerReader", "BadAnswerError"]

_MOST_HEAD_BYTES = 64 * 1024
_MESSAGE_BYTES = 1_000
_MOST_REMEMBERED = 256
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9]\d\d)(?: |\Z)")
_LENGTH = re.compile(rb"\ncontent-length:[ \t]*([^\r\n]*?)[ \t]*\r", re.IGNORECASE)
_CODING = re.compile(rb"\ntransfer-encoding:[ \t]*([^\r\n]*?)[ \t]*\r", re.IGNORECASE)
_CONNECTION = re.compile(rb"\nconnection:([^\r\n]*)\r", re.IGNORECASE)
_BARE_NEWLINE = re.compile(rb"(?<!\r)\n")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r\n")
_NO_BODY = {204, 304}
_UNTIL_CLOSED = -1
_IN_CHUNKS = -2

_new: Any = tuple.__new__  # makes a named tuple at a third of its constructor's cost


class BadAnswerError(Exception):
    """What has arrived is no HTTP/1.1 answer."""


class Answer(NamedTuple):
    """A whole answer.

    Attributes:
        status: the HTTP status, from 200 on.
        size: bytes of the body.
        body: the body if it was to be kept; else its first 1,000 bytes if the status is none of 2xx, for messages.
        closes: whether the connection is of no more use.
    """

    status: int
    size: int
    body: bytes
    closes: bool


class _Head(NamedTuple):
    """What a head says of the body; ``length`` may be one of the two constants above."""

    status: int
    length: int
    closes: bool


class AnswerReader:
    """Reads the answers of one connection.

    Attributes:
        keeps: whether the next answer's body is wanted whole.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.keeps = False
        self._heads: dict[bytes, _Head] = {}
        self._rest = b""  # of a head, or of a line between chunks, that has not arrived whole
        self._head: _Head | None = None  # of the answer whose body is arriving
        self._body = _Body()

    def receive(self, data: bytes) -> Answer | None:
        """Take what has arrived and return the answer once it is whole.

        Raises:
            BadAnswerError: it is none, or there is more than one.
        """
        if self._head is not None:
            return self._continued(self._head, data)
        if self._rest:
            data, self._rest = self._rest + data, b""
        start = 0
        while True:
            end = data.find(b"\r\n\r\n", start)
            if end < 0:
                self._rest = _unfinished_head(data[start:])
                return None
            head = self._heads.get(data[start:end]) or self._read_head(data[start:end])
            start = end + 4
            if head[0] >= 200:  # else it is an interim answer; the answer proper follows
                break
        status, length, closes = head
        if len(data) - start == length:
            body = b""
            if self.keeps or not 200 <= status < 300:
                body = data[start:] if self.keeps else data[start : start + _MESSAGE_BYTES]
            answer: Answer = _new(Answer, (status, length, body, closes))
            return answer
        self._head = head
        self._body = _Body(length, most_bytes=2**62 if self.keeps else 0 if 200 <= status < 300 else _MESSAGE_BYTES)
        return self._continued(head, data[start:])

    def end(self) -> Answer | None:
        """Return the answer that ends with the connection, None if what has arrived is not a whole one."""
        head = self._head
        if head is None or head.length != _UNTIL_CLOSED:
            return None
        return self._answer(head)

    def _read_head(self, lines: bytes) -> _Head:
        head = _head(lines + b"\r")
        if len(self._heads) >= _MOST_REMEMBERED:
            self._heads.clear()
        self._heads[lines] = head
        return head

    def _continued(self, head: _Head, data: bytes) -> Answer | None:
        body = self._body
        if head.length != _IN_CHUNKS:
            rest = body.take(data)
            is_whole = not body.missing
        elif self._rest:
            data, self._rest = self._rest + data, b""
            is_whole, rest = body.take_chunks(data)
        else:
            is_whole, rest = body.take_chunks(data)
        if not is_whole:
            self._rest = rest
            return None
        if rest:
            raise BadAnswerError(f"after the answer there is more: {rest[:40]!r}")
        return self._answer(head)

    def _answer(self, head: _Head) -> Answer:
        self._head = None
        return Answer(head.status, self._body.size, b"".join(self._body.parts), head.closes)


class _Body:
    """A body that arrives in pieces."""

    def __init__(self, length: int = 0, *, most_bytes: int = 0) -> None:
        """Expect so many bytes, or see ``_Head``; keep at most so many."""
        self.size = 0
        self.missing = length if length >= 0 else 2**62 if length == _UNTIL_CLOSED else 0
        self.parts: list[bytes] = []
        self._room = most_bytes
        self._in_chunk = self._in_trailers = False

    def take(self, data: bytes) -> bytes:
        """Take what belongs to the body, and return what is left."""
        part = data[: self.missing]
        self.size += len(part)
        self.missing -= len(part)
        if self._room:
            self.parts.append(part[: self._room])
            self._room -= len(self.parts[-1])
        return data[len(part) :]

    def take_chunks(self, data: bytes) -> tuple[bool, bytes]:
        """Take chunks; return whether the body is whole, and what could not be read yet, or follows it."""
        place = 0
        while True:
            if self.missing:
                place += self._take_some(data, place)
            if self._in_chunk:
                if self.missing or len(data) - place < 2:
                    return False, data[place:]
                if data[place : place + 2] != b"\r\n":
                    raise BadAnswerError(f"a chunk ends with {data[place : place + 40]!r}")
                self._in_chunk, place = False, place + 2
            if self._in_trailers:
                return _after_trailers(data[place:])
            line = _CHUNK_SIZE.match(data, place)
            if line is None:
                return False, _unfinished_line(data[place:])
            self.missing, place = int(line[1], 16), line.end()
            self._in_chunk, self._in_trailers = bool(self.missing), not self.missing

    def _take_some(self, data: bytes, place: int) -> int:
        before = self.missing
        self.take(data[place : place + before])
        return before - self.missing


def _unfinished_head(data: bytes) -> bytes:
    """Return the beginning of a head, as long as it can still become one."""
    if len(data) > _MOST_HEAD_BYTES:
        raise BadAnswerError("a head of over 64 KiB")
    if not b"HTTP/1.".startswith(data[:7]) or _BARE_NEWLINE.search(data):
        raise BadAnswerError(f"it begins with {data[:40]!r}")
    return data


def _unfinished_line(data: bytes) -> bytes:
    """Return the beginning of a chunk's first line, as long as it can still become one."""
    if b"\n" in data or len(data) > _MOST_HEAD_BYTES:
        raise BadAnswerError(f"a chunk begins with {data[:40]!r}")
    return data


def _after_trailers(data: bytes) -> tuple[bool, bytes]:
    if data.startswith(b"\r\n"):
        return True, data[2:]
    end = data.find(b"\r\n\r\n")
    if end >= 0:
        return True, data[end + 4 :]
    if len(data) > _MOST_HEAD_BYTES:
        raise BadAnswerError("trailers of over 64 KiB")
    return False, data


def _head(lines: bytes) -> _Head:
    """Read a head's lines, each with its end."""
    status = _STATUS.match(lines.partition(b"\r")[0])
    if status is None or status[2] == b"101":
        raise BadAnswerError(f"it begins with {lines[:40]!r}")
    code = int(status[2])
    wishes = b",".join(_CONNECTION.findall(lines)).lower().replace(b" ", b"").replace(b"\t", b"").split(b",")
    closes = b"close" in wishes or (status[1] == b"0" and b"keep-alive" not in wishes)
    length = 0 if code < 200 or code in _NO_BODY else _length(lines)
    return _Head(code, length, closes or length == _UNTIL_CLOSED)


def _length(lines: bytes) -> int:
    codings = _CODING.findall(lines)
    if codings:
        if [coding.lower() for coding in codings] != [b"chunked"]:
            raise BadAnswerError(f"it has a transfer coding that nobody asked for: {b', '.join(codings)[:40]!r}")
        return _IN_CHUNKS
    lengths = {text.strip() for found in _LENGTH.findall(lines) for text in found.split(b",")}
    if not lengths:
        return _UNTIL_CLOSED
    text = lengths.pop()
    if lengths or not text.isdigit() or len(text) > 15:
        raise BadAnswerError(f"its length cannot be read: {text[:40]!r}")
    return int(text)
