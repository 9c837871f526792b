"""The reader of HTTP/1.1 answers, against the independent implementation ``h11``, on the same bytes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.load.engines.http1 import Answer, AnswerReader, BadAnswerError

if TYPE_CHECKING:
    from collections.abc import Sequence

OK = b"HTTP/1.1 200 OK\r\n"


def _h11(pieces: Sequence[bytes], *, closed: bool) -> tuple[int, bytes] | None:
    """Return status and body as h11 reads them; None for an answer that is not whole."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="POST", target="/", headers=[("Host", "h"), ("Content-Length", "0")]))
    connection.send(h11.EndOfMessage())
    status, body = 0, b""
    for piece in [*pieces, *([b""] if closed else [])]:
        connection.receive_data(piece)
        while (event := connection.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                if connection.trailing_data[0]:
                    raise BadAnswerError("more")
                return status, body
    return None


def _ours(pieces: Sequence[bytes], *, closed: bool, keeps: bool = True) -> Answer | None:
    reader = AnswerReader()
    reader.keeps = keeps
    for number, piece in enumerate(pieces):
        answer = reader.receive(piece)
        if answer is not None:
            assert number == len(pieces) - 1  # what follows is the next answer's, or nobody's
            return answer
    return reader.end() if closed else None


def _cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:stop] for start, stop in pairwise(edges)]


_NAMES = st.sampled_from([b"Date", b"X-Id", b"Server", b"content-type", b"Connection-Id", b"X-Content-Length"])
_TEXTS = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=12).map(str.encode)
_FIELDS = st.lists(st.tuples(_NAMES, _TEXTS), max_size=4)
_BODIES = st.one_of(st.binary(max_size=60), st.integers(0, 3_000).map(lambda size: b"z" * size))
_STATUSES = st.sampled_from([200, 201, 204, 304, 400, 404, 500, 503, 999])
_PLACES = st.lists(st.integers(0, 4_000), max_size=12)


def _lines(fields: Sequence[tuple[bytes, bytes]]) -> bytes:
    return b"".join(name + b": " + text + b"\r\n" for name, text in fields)


def _chunked(body: bytes, sizes: Sequence[int], extension: bytes, trailers: Sequence[tuple[bytes, bytes]]) -> bytes:
    parts, place = [], 0
    for size in [*sizes, len(body)]:
        part = body[place : place + max(1, size)]
        if part:
            parts.append(b"%x%s\r\n%s\r\n" % (len(part), extension, part))
        place += len(part)
    return b"".join(parts) + b"0\r\n" + _lines(trailers) + b"\r\n"


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, bool]:
    """Draw the bytes of an answer that a server may send, and whether it then closes the connection."""
    status, version = draw(_STATUSES), draw(st.sampled_from([b"1.1", b"1.0"]))
    interim = b"".join(
        b"HTTP/1.1 %d Wait\r\n%s\r\n" % (code, _lines(draw(_FIELDS)))
        for code in draw(st.lists(st.sampled_from([100, 102, 103]), max_size=3))
    )
    reason = draw(st.sampled_from([b" OK", b" Not Found", b" ", b""]))
    begin = interim + b"HTTP/%s %d%s\r\n" % (version, status, reason) + _lines(draw(_FIELDS))
    body, kind = draw(_BODIES), draw(st.sampled_from(["length", "lengths", "chunks", "close"]))
    if status in (204, 304):
        return begin + b"\r\n", False
    name = draw(st.sampled_from([b"Content-Length", b"content-length", b"CONTENT-LENGTH"]))
    if kind == "length":
        return begin + b"%s: %d\r\n\r\n" % (name, len(body)) + body, False
    if kind == "lengths":
        return begin + b"%s: %d, %d\r\n\r\n" % (name, len(body), len(body)) + body, False
    if kind == "close":
        return begin + b"\r\n" + body, True
    sizes = draw(st.lists(st.integers(1, 700), max_size=5))
    extension = draw(st.sampled_from([b"", b";x=1", b" ", b';a="b"']))
    chunks = _chunked(body, sizes, extension, draw(_FIELDS))
    return begin + b"Transfer-Encoding: chunked\r\n\r\n" + chunks, False


@given(answer=answers(), places=_PLACES)
def test_any_answer_in_any_pieces_is_read_as_h11_reads_it(answer: tuple[bytes, bool], places: list[int]) -> None:
    """Status, size and body agree, wherever the bytes are cut; without keeping, only messages of errors are kept."""
    data, closed = answer
    pieces = _cut(data, places)
    status, body = _h11(pieces, closed=closed) or (0, b"")
    ours = _ours(pieces, closed=closed)
    assert ours is not None
    assert ours[:3] == (status, len(body), body)
    lean = _ours(pieces, closed=closed, keeps=False)
    assert lean is not None
    assert lean[:3] == (status, len(body), b"" if 200 <= status < 300 else body[:1_000])


@given(answer=answers())
def test_byte_by_byte_is_as_whole(answer: tuple[bytes, bool]) -> None:
    """An answer that arrives one byte at a time is the answer that arrives at once."""
    data, closed = answer
    assert _ours(_cut(data, range(len(data))), closed=closed) == _ours([data], closed=closed)


@given(answer=answers(), stop=st.integers(0, 5_000), places=_PLACES)
def test_part_of_an_answer_is_no_answer(answer: tuple[bytes, bool], stop: int, places: list[int]) -> None:
    """Cut short, an answer is not whole, also when the connection closes; but for one that ends with it."""
    data, closed = answer
    if closed:
        return
    part = data[: stop % len(data)]
    assert _ours(_cut(part, places), closed=True) is None


@given(answers=st.lists(answers().filter(lambda one: not one[1]), min_size=1, max_size=4), places=_PLACES)
def test_answers_follow_one_another(answers: list[tuple[bytes, bool]], places: list[int]) -> None:
    """A connection's later answers are read as its first, whatever their kinds."""
    reader = AnswerReader()
    reader.keeps = True
    for data, _ in answers:
        pieces = _cut(data, places)
        *before, last = [reader.receive(piece) for piece in pieces]
        assert before == [None] * len(before)
        assert last is not None
        assert last[:3] == _ours([data], closed=False)[:3]  # type: ignore[index] # it is whole


@given(data=st.binary(max_size=300), places=_PLACES)
@example(data=b"0\r\n\r\n", places=[])
def test_no_bytes_end_in_another_error(data: bytes, places: list[int]) -> None:
    """Whatever arrives, it is an answer, part of one, or a BadAnswerError."""
    for begin in (
        b"",
        OK,
        b"HTTP/1.1 404 X\r\nContent-Length: ",
        OK + b"Transfer-Encoding: chunked\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
    ):
        reader = AnswerReader()
        try:
            for piece in _cut(begin + data, places):
                if reader.receive(piece) is not None:
                    break
        except BadAnswerError:
            pass


_CHUNKS = OK + b"Transfer-Encoding: chunked\r\n\r\n"
_BAD = {
    "another protocol": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
    "no version": b"HTTP 200 OK\r\n\r\n",
    "HTTP/2": b"HTTP/2.0 200 OK\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "a status below 100": b"HTTP/1.1 000 OK\r\n\r\n",
    "another protocol from now on": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "bare newlines": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "no length": OK + b"Content-Length: \r\n\r\n",
    "a negative length": OK + b"Content-Length: -1\r\n\r\n",
    "a length with a sign": OK + b"Content-Length: +1\r\n\r\nx",
    "a length in words": OK + b"Content-Length: many\r\n\r\n",
    "an astronomic length": OK + b"Content-Length: 9999999999999999\r\n\r\n",
    "two lengths": OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "more than its length": OK + b"Content-Length: 1\r\n\r\nxHTTP/1.1",
    "more after a body that cannot be": b"HTTP/1.1 204 No\r\n\r\nx",
    "another transfer coding": OK + b"Transfer-Encoding: gzip\r\n\r\n",
    "two transfer codings": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    "a chunk's size in words": _CHUNKS + b"many\r\n",
    "no chunk's size": _CHUNKS + b"\r\n",
    "a chunk longer than its size": _CHUNKS + b"2\r\nabc\r\n0\r\n\r\n",
    "more after the last chunk": _CHUNKS + b"0\r\n\r\nHTTP",
    "an endless head": OK + b"X: y\r\n" * 20_000,
    "an endless chunk's size": _CHUNKS + b"1;" + b"x" * 70_000,
    "endless trailers": _CHUNKS + b"0\r\n" + b"X: y\r\n" * 20_000,
}


@pytest.mark.parametrize("data", _BAD.values(), ids=_BAD.keys())
def test_what_is_no_answer_is_told(data: bytes) -> None:
    """Each breach is an error, at once and in pieces."""
    for step in (len(data), 1_000, 1 if len(data) < 1_000 else 999):
        reader = AnswerReader()
        with pytest.raises(BadAnswerError):
            _feed(reader, data, step)


def _feed(reader: AnswerReader, data: bytes, step: int) -> None:
    for start in range(0, len(data), step):
        answer = reader.receive(data[start : start + step])
        if answer is not None and start + step < len(data):
            raise BadAnswerError("the reader was done before its bytes were")


@pytest.mark.parametrize(
    ("head", "closes"),
    [
        (b"HTTP/1.1 200 OK\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n", False),
        (b"HTTP/1.1 200 OK\r\nconnection: Close\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: upgrade, close\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: x\r\nConnection: close\r\n", True),
        (b"HTTP/1.1 200 OK\r\nX-Connection: close\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: closed\r\n", False),
        (b"HTTP/1.0 200 OK\r\n", True),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: close\r\n", True),
    ],
)
def test_whether_the_connection_goes_on_is_read_from_the_head(head: bytes, closes: bool) -> None:  # noqa: FBT001
    """HTTP/1.1 goes on unless it says close; HTTP/1.0 does only if it says keep-alive; other headers say nothing."""
    answer = AnswerReader().receive(head + b"Content-Length: 2\r\n\r\nok")
    assert answer == (200, 2, b"", closes)


def test_thousands_of_interim_answers_are_passed_over() -> None:
    """A server may say "continue" as often as it likes."""
    data = b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000 + OK + b"Content-Length: 1\r\n\r\nx"
    assert AnswerReader().receive(data) == (200, 1, b"", False)


def test_a_long_answer_in_many_chunks_is_read_once() -> None:
    """What has arrived is not looked at again: of 2,000 chunks nothing is kept, and their sizes add up."""
    reader = AnswerReader()
    assert reader.receive(_CHUNKS) is None
    for _ in range(2_000):
        assert reader.receive(b"1000\r\n" + bytes(4096) + b"\r\n") is None
        assert reader._rest == b""
        assert reader._body.parts == []
    assert reader.receive(b"0\r\n\r\n") == (200, 2_000 * 4096, b"", False)
