"""What is refused before the API sees it, with the pages that libevent has for that."""

from __future__ import annotations

from typing import Any

import pytest

from harness.standin.rest.handler import page


@pytest.mark.parametrize("method", [b"TRACE", b"FOO", b"get", b"CONNECT"])
def test_unknown_methods_are_not_implemented(client: Any, method: bytes) -> None:
    """The page that libevent has for 501 comes, and the connection ends."""
    client.send(method + b" /x HTTP/1.1\r\nHost: h\r\n\r\n")
    line, headers, body = client.reply()
    assert line == b"HTTP/1.1 501 Not Implemented"
    assert headers[b"content-type"] == b"text/html"
    assert b"<H1>Not Implemented</H1>" in body
    assert client.closed()


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"PATCH", b"GET"])
def test_other_expectations_are_refused(client: Any, method: bytes) -> None:
    """An expectation other than 100-continue gets libevent's page for 417, if a body is announced."""
    client.send(method + b" /x HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\n")
    line, headers, body = client.reply()
    assert line == b"HTTP/1.1 417 Expectation Failed"
    assert headers[b"content-type"] == b"text/html"
    assert b"<H1>Expectation Failed</H1>" in body
    assert client.closed()


def test_expectations_of_requests_without_body_do_not_matter(client: Any) -> None:
    """Only where it is about to read a body does libevent look at Expect."""
    client.post(b"", b"Expect: 200-ok")
    assert client.reply()[0] == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize(
    "garbage",
    [b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"GET /x HTTP/9.9\r\n\r\n", b"GET /\xff HTTP/1.1\r\nHost: h\r\n\r\n"],
)
def test_what_is_no_http_gets_a_400_page(client: Any, garbage: bytes) -> None:
    """The page that libevent has for 400 comes, and the connection ends."""
    client.send(garbage)
    line, _, body = client.reply()
    assert line == b"HTTP/1.1 400 Bad Request"
    assert b"<H1>Bad Request</H1>" in body
    assert client.closed()


def test_a_body_that_is_too_large_is_refused_before_it_comes(client: Any) -> None:
    """The announced length is enough to refuse."""
    client.send(b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n")
    assert client.reply()[0].startswith(b"HTTP/1.1 413 ")
    assert client.closed()


@pytest.mark.parametrize(
    "head",
    [
        b"POST /x HTTP/1.1\r\nContent-Length: 2\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: h\r\nHost: i\r\nContent-Length: 2\r\n\r\n",
        b"POST /x HTTP/1.1\nHost: h\nContent-Length: 2\n\n",
        b"POST /x HTTP/1.1 \r\nA name: 1\r\n: none\r\nX\xff: 1\r\n folded\r\nContent-Length: +2\r\n\r\n",
    ],
    ids=["no host", "two hosts", "bare line feeds", "odd headers"],
)
def test_what_libevent_takes_is_answered(client: Any, head: bytes) -> None:
    """A head that breaks rules which libevent does not know is served, and the connection goes on."""
    for _ in range(2):
        client.send(head + b"ab")
        assert client.reply()[2] == b"POST /x None 2 ab"


def test_a_page_ends_the_connection(start_http: Any, connect: Any) -> None:
    """After one of libevent's pages nothing more is read, also if its request's head was seen before."""
    server = start_http(lambda _: page(404))
    for _ in range(2):
        with connect(server) as client:
            client.send(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
            line, headers, _ = client.reply()
            assert (line, headers[b"connection"]) == (b"HTTP/1.1 404 Not Found", b"close")
            assert client.closed()
