"""Heads are read by libevent's rules and put into words that h11 takes."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.standin.http.lenient import BadHeadError, rewrite_head


def rewritten(head: bytes) -> list[bytes]:
    """Return the lines that a head becomes, without the constant Host."""
    result = rewrite_head(head + b"body")
    assert result is not None
    assert result.size == len(head)
    lines = result.head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    assert lines.pop(1) == b"Host: any"
    return lines


@pytest.mark.parametrize(
    ("head", "lines"),
    [
        (b"GET /x HTTP/1.1\r\n\r\n", [b"GET /x HTTP/1.1"]),
        (b"GET /x HTTP/1.1  \n\n", [b"GET /x HTTP/1.1"]),
        (b"GET /x HTTP/01.10\r\n\r\n", [b"GET /x HTTP/1.1"]),
        (b"GET /x HTTP/0.9\r\n\r\n", [b"GET /x HTTP/1.0"]),
        (b"GET /x HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", [b"GET /x HTTP/1.0", b"Connection: keep-alive"]),
        (b"GET /x HTTP/1.1\r\nConnection: CLOSE\r\n\r\n", [b"GET /x HTTP/1.1", b"Connection: close"]),
        (b"GET /x HTTP/1.1\r\nConnection: close, x\r\n\r\n", [b"GET /x HTTP/1.1"]),
        (b"GET http://h/x HTTP/1.1\r\n\r\n", [b"GET http://h/x HTTP/1.1", b"Connection: close"]),
        (b"GET /x HTTP/1.1\r\nOrigin: a\r\n b\t\r\norigin: c\r\n\r\n", [b"GET /x HTTP/1.1", b"origin: a b"]),
        (b"GET /x HTTP/1.1\r\nContent-Encoding: gz\x0bip\r\n\r\n", [b"GET /x HTTP/1.1", b"content-encoding: gz?ip"]),
        (b"GET /x HTTP/1.1\r\nOrigin: a\0b\r\n\r\n", [b"GET /x HTTP/1.1", b"origin: a"]),
        (b"F@O /\xff HTTP/1.1\r\nContent-Length: x\r\n\r\n", [b"UNKNOWN / HTTP/1.1"]),
        (b"HEAD /x HTTP/1.1\r\nContent-Length: 5\r\n\r\n", [b"HEAD /x HTTP/1.1"]),
        (b"PUT /x HTTP/1.1\r\nContent-Length:  +05 \r\n\r\n", [b"PUT /x HTTP/1.1", b"Content-Length: 5"]),
        (b"PUT /x HTTP/1.1\r\nContent-Length: 0\r\nExpect: x\r\n\r\n", [b"PUT /x HTTP/1.1"]),
        (
            b"PUT /x HTTP/1.1\r\nTransfer-Encoding: Chunked\r\nContent-Length: x\r\n\r\n",
            [b"PUT /x HTTP/1.1", b"Transfer-Encoding: chunked"],
        ),
        (b"PUT /x HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", [b"PUT /x HTTP/1.1"]),
        (
            b"PUT /x HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\n",
            [b"PUT /x HTTP/1.1", b"Content-Length: 1", b"Expect: 100-continue"],
        ),
        (b"PUT /x HTTP/1.0\r\nContent-Length: 1\r\nExpect: x\r\n\r\n", [b"PUT /x HTTP/1.0", b"Content-Length: 1"]),
    ],
)
def test_a_head_becomes_what_it_means_to_libevent(head: bytes, lines: list[bytes]) -> None:
    """Only what the server looks at is kept, in the meaning that libevent gives it."""
    assert rewritten(head) == lines


@pytest.mark.parametrize(
    "head",
    [
        b"\r\n",
        b"GET /x\r\n",
        b"GET / HTTP/1\r\n",
        b"GET /x HTTP/2.0\r\n",
        b"get /x http/1.1\r\n",
        b"GET /a b HTTP/1.1\r\n",
        b"GET /x HTTP/1.1\r\nnothing\r\n\r\n",
        b"GET /x HTTP/1.1\r\n folded\r\n\r\n",
        b"GET /x HTTP/1.1\r\nA: b\rc\r\n\r\n",
        b"GET /x HTTP/1.1\r\nContent-Length: \r\n\r\n",
        b"GET /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET /x HTTP/1.1\r\nContent-Length: 0x1\r\n\r\n",
    ],
)
def test_what_libevent_refuses_is_refused(head: bytes) -> None:
    """A first line is judged as soon as it is there, headers once they are all there."""
    with pytest.raises(BadHeadError):
        rewrite_head(head)


@pytest.mark.parametrize(
    "head", [b"", b"GET /x", b"GET /x HTTP/1.1\r", b"GET /x HTTP/1.1\r\n", b"GET /x HTTP/1.1\r\nA"]
)
def test_a_part_of_a_head_is_waited_for(head: bytes) -> None:
    """Nothing is said of what is not complete."""
    assert rewrite_head(head) is None


@given(
    st.lists(st.sampled_from([b"POST /x HTTP/1.1", b"\r", b"\n", b"\r\n", b" ", b"\0", b"a:", b"\xff", b"9" * 30]))
    | st.just([b"POST /x HTTP/1.1\r\nContent-Length: ", b"9" * 5000, b"\r\n\r\n"]),
    st.binary(max_size=20),
)
def test_whatever_is_taken_h11_takes_too(parts: list[bytes], rest: bytes) -> None:
    """Any bytes are refused, waited for, or become a head without faults."""
    try:
        result = rewrite_head(b"".join(parts) + rest)
    except BadHeadError:
        return
    if result is not None:
        http = h11.Connection(h11.SERVER)
        http.receive_data(result.head)
        assert isinstance(http.next_event(), h11.Request)
