"""One HTTP connection: requests in any number of pieces go in, replies come out in order."""

from __future__ import annotations

import contextlib
import gzip
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_connection_serves_one_request_after_the_other(client: Any) -> None:
    """Keep-alive is the rule, for heads seen before and new ones."""
    for number in (1, 1, 2, 1):
        client.post(b"x" * number)
        line, headers, body = client.reply()
        assert line == b"HTTP/1.1 200 OK"
        assert list(headers) == [b"content-type", b"date", b"content-length"]
        assert body == b"POST /x None %d " % number + b"x" * number


def test_known_and_new_heads_get_the_same_reply(connect: Callable[..., Any]) -> None:
    """A head that is remembered is answered byte for byte as when it was new."""
    raw = []
    with connect() as client:
        for _ in range(3):
            client.post(b"abc", b"Origin: http://same")
            line, headers, body = client.reply()
            raw.append((line, {name: value for name, value in headers.items() if name != b"date"}, body))
    assert raw[0] == raw[1] == raw[2]


def test_requests_in_one_packet_are_answered_in_order(client: Any) -> None:
    """Pipelined requests wait for each other."""
    client.send(client.post_bytes(b"1") + client.post_bytes(b"22") + client.post_bytes(b"333"))
    assert [client.reply()[2][-3:] for _ in range(3)] == [b"1 1", b" 22", b"333"]


def test_a_request_may_come_byte_by_byte(client: Any) -> None:
    """Framing does not depend on packets."""
    for byte in client.post_bytes(b"slow"):
        client.send(bytes([byte]))
    assert client.reply()[2] == b"POST /x None 4 slow"


def test_a_known_head_may_come_apart_from_its_body(client: Any) -> None:
    """Head and body in separate packets, or the body in several, are one request."""
    request = client.post_bytes(b"z" * 30)
    for parts in ((request,), (request[:-30], request[-30:]), (request[:-30], request[-30:-20], request[-20:])):
        for part in parts:
            client.send(part)
        assert client.reply()[2] == b"POST /x None 30 " + b"z" * 30


def test_chunked_bodies_are_joined(client: Any) -> None:
    """A body in chunks is one body."""
    client.send(b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert client.reply()[2] == b"POST /x None 5 abcde"


def test_expect_continue_is_answered_before_the_body(client: Any) -> None:
    """The client is told to go on."""
    request = client.post_bytes(b"body", b"Expect: 100-continue")
    client.send(request[:-4])
    assert client.reply()[0] == b"HTTP/1.1 100 Continue"
    client.send(b"body")
    assert client.reply()[2] == b"POST /x None 4 body"


@pytest.mark.parametrize("encoding", [b"gzip", b"x-gzip", b"identity, gzip"])
def test_gzip_bodies_are_inflated(client: Any, encoding: bytes) -> None:
    """Any encoding that contains gzip is taken for gzip."""
    client.post(gzip.compress(b"hello"), b"Content-Encoding: " + encoding)
    assert client.reply()[2] == b"POST /x None 5 hello"


def test_other_encodings_are_not_inflated(client: Any) -> None:
    """The match is case-sensitive."""
    body = gzip.compress(b"hello")
    client.post(body, b"Content-Encoding: GZIP")
    assert client.reply()[2].startswith(b"POST /x None %d " % len(body))


def test_large_bodies_and_large_replies_pass(client: Any) -> None:
    """Megabytes go both ways."""
    client.post(b"y" * 5_000_000)
    assert client.reply()[2].startswith(b"POST /x None 5000000 ")
    client.send(b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n")
    assert client.reply()[2] == b"b" * 3_000_000


def test_a_reply_waits_for_a_client_that_does_not_read(connect: Callable[..., Any]) -> None:
    """Clients that do not read their replies take no thread from others."""
    with contextlib.ExitStack() as stack:
        lazy = [stack.enter_context(connect()) for _ in range(6)]
        for client in lazy:
            client.send(b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n")
        with connect() as other:
            other.post(b"quick")
            assert other.reply()[2] == b"POST /x None 5 quick"
        assert all(client.reply()[2] == b"b" * 3_000_000 for client in lazy)


def test_connection_close_is_obeyed(client: Any) -> None:
    """The server closes when it is asked to."""
    client.post(b"", b"Connection: close")
    assert client.reply()[1][b"connection"] == b"close"
    assert client.closed()


def test_heads_have_no_body(client: Any) -> None:
    """A reply to HEAD is a head."""
    client.send(b"HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n" + client.post_bytes(b"next"))
    assert client.reply(head_only=True)[0] == b"HTTP/1.1 200 OK"
    assert client.reply()[2] == b"POST /x None 4 next"
