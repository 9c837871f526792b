"""The HTTP edge frames requests and replies, and keeps bad clients from hurting good ones."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from harness.standin.http_body import inflate
from harness.standin.http_edge import HttpServer
from harness.standin.http_poller import EpollPoller, SelectorPoller
from harness.standin.rest_handler import RestReply, RestRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

_WAIT_S = 10.0


def echo(request: RestRequest) -> RestReply:
    """Answer with what was asked; some paths do more."""
    if request.target == "/big":
        return RestReply(200, "text/plain", b"b" * 3_000_000)
    if request.target == "/fail":
        raise RuntimeError("the handler is broken")
    line = f"{request.method} {request.target} {request.origin} {len(request.body)} ".encode()
    return RestReply(200, "text/plain", line + bytes(request.take_body()[:50]))


def serve(**options: object) -> HttpServer:
    """Start a server on a free port."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    return HttpServer(listener, echo, num_threads=3, **options)  # type: ignore[arg-type]


@pytest.fixture(params=[EpollPoller, SelectorPoller], scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[HttpServer]:
    """A server on either poller."""
    running = serve(poller=request.param())
    yield running
    running.stop()


class Client(contextlib.AbstractContextManager["Client"]):
    """A raw connection."""

    def __init__(self, server: HttpServer) -> None:
        """Connect."""
        self.sock = socket.create_connection(("127.0.0.1", server.port), _WAIT_S)
        self._buffer = b""

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.sock.close()

    def send(self, text: bytes) -> None:
        """Send bytes as they are."""
        self.sock.sendall(text)

    def reply(self, *, head_only: bool = False) -> tuple[bytes, dict[bytes, bytes], bytes]:
        """Read one reply: status line, headers in lower case, body."""
        while b"\r\n\r\n" not in self._buffer:
            self._fill()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        line, *lines = head.split(b"\r\n")
        headers = {name.lower(): value for name, _, value in (item.partition(b": ") for item in lines)}
        length = 0 if head_only else int(headers.get(b"content-length", b"0"))
        while len(self._buffer) < length:
            self._fill()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return line, headers, body

    def _fill(self) -> None:
        data = self.sock.recv(1 << 16)
        assert data, "the server closed the connection"
        self._buffer += data

    def closed(self) -> bool:
        """Tell whether the server ended the connection and sent nothing more."""
        try:
            return not self._buffer and self.sock.recv(1) == b""
        except ConnectionResetError:
            return True


@pytest.fixture
def client(server: HttpServer) -> Iterator[Client]:
    """A connection to the server."""
    with Client(server) as connected:
        yield connected


def post(body: bytes, *headers: bytes, target: bytes = b"/x") -> bytes:
    """Return a POST."""
    lines = [b"POST " + target + b" HTTP/1.1", b"Host: h", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def test_a_connection_serves_one_request_after_the_other(client: Client) -> None:
    """Keep-alive is the rule, for heads seen before and new ones."""
    for number in (1, 1, 2, 1):
        client.send(post(b"x" * number))
        line, headers, body = client.reply()
        assert line == b"HTTP/1.1 200 OK"
        assert list(headers) == [b"content-type", b"date", b"content-length"]
        assert body == b"POST /x None %d " % number + b"x" * number


def test_known_and_new_heads_get_the_same_reply(server: HttpServer) -> None:
    """A head that is remembered is answered byte for byte as when it was new."""
    raw = []
    with Client(server) as client:
        for _ in range(3):
            client.send(post(b"abc", b"Origin: http://same"))
            line, headers, body = client.reply()
            raw.append((line, {name: value for name, value in headers.items() if name != b"date"}, body))
    assert raw[0] == raw[1] == raw[2]


def test_requests_in_one_packet_are_answered_in_order(client: Client) -> None:
    """Pipelined requests wait for each other."""
    client.send(post(b"1") + post(b"22") + post(b"333"))
    assert [client.reply()[2][-3:] for _ in range(3)] == [b"1 1", b" 22", b"333"]


def test_a_request_may_come_byte_by_byte(client: Client) -> None:
    """Framing does not depend on packets."""
    for byte in post(b"slow"):
        client.send(bytes([byte]))
    assert client.reply()[2] == b"POST /x None 4 slow"


def test_a_known_head_may_come_apart_from_its_body(client: Client) -> None:
    """Head and body in separate packets, or the body in several, are one request."""
    request = post(b"z" * 30)
    for parts in ((request,), (request[:-30], request[-30:]), (request[:-30], request[-30:-20], request[-20:])):
        for part in parts:
            client.send(part)
        assert client.reply()[2] == b"POST /x None 30 " + b"z" * 30


def test_chunked_bodies_are_joined(client: Client) -> None:
    """A body in chunks is one body."""
    client.send(b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert client.reply()[2] == b"POST /x None 5 abcde"


def test_expect_continue_is_answered_before_the_body(client: Client) -> None:
    """The client is told to go on."""
    request = post(b"body", b"Expect: 100-continue")
    client.send(request[:-4])
    assert client.reply()[0] == b"HTTP/1.1 100 Continue"
    client.send(b"body")
    assert client.reply()[2] == b"POST /x None 4 body"


@pytest.mark.parametrize("encoding", [b"gzip", b"x-gzip", b"identity, gzip"])
def test_gzip_bodies_are_inflated(client: Client, encoding: bytes) -> None:
    """Any encoding that contains gzip is taken for gzip."""
    client.send(post(gzip.compress(b"hello"), b"Content-Encoding: " + encoding))
    assert client.reply()[2] == b"POST /x None 5 hello"


def test_other_encodings_are_not_inflated(client: Client) -> None:
    """The match is case-sensitive."""
    body = gzip.compress(b"hello")
    client.send(post(body, b"Content-Encoding: GZIP"))
    assert client.reply()[2].startswith(b"POST /x None %d " % len(body))


@pytest.mark.parametrize(
    "body",
    [
        b"plain",
        gzip.compress(b"x" * 100)[:-1],
        gzip.compress(b"x") + b"y",
        gzip.compress(b"x") * 2,
        b"",
        gzip.compress(b"x" * 101),
    ],
    ids=["not gzip", "cut short", "surplus byte", "two members", "empty", "over the limit"],
)
def test_broken_or_excessive_gzip_is_an_empty_body(body: bytes) -> None:
    """What cannot be inflated within the limit counts as nothing."""
    assert inflate(body, limit_bytes=100) == b""


def test_gzip_up_to_the_limit_is_inflated() -> None:
    """The limit itself is allowed."""
    assert inflate(gzip.compress(b"x" * 100), limit_bytes=100) == b"x" * 100


def test_large_bodies_and_large_replies_pass(client: Client) -> None:
    """Megabytes go both ways."""
    client.send(post(b"y" * 5_000_000))
    assert client.reply()[2].startswith(b"POST /x None 5000000 ")
    client.send(b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n")
    assert client.reply()[2] == b"b" * 3_000_000


def test_a_reply_waits_for_a_client_that_does_not_read(server: HttpServer) -> None:
    """Clients that do not read their replies take no thread from others."""
    with contextlib.ExitStack() as stack:
        lazy = [stack.enter_context(Client(server)) for _ in range(6)]
        for client in lazy:
            client.send(b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n")
        with Client(server) as other:
            other.send(post(b"quick"))
            assert other.reply()[2] == b"POST /x None 5 quick"
        assert all(client.reply()[2] == b"b" * 3_000_000 for client in lazy)


def test_connection_close_is_obeyed(client: Client) -> None:
    """The server closes when it is asked to."""
    client.send(post(b"", b"Connection: close"))
    assert client.reply()[1][b"connection"] == b"close"
    assert client.closed()


@pytest.mark.parametrize("method", [b"TRACE", b"FOO", b"get", b"CONNECT"])
def test_unknown_methods_are_not_implemented(client: Client, method: bytes) -> None:
    """The page that libevent has for 501 comes, and the connection ends."""
    client.send(method + b" /x HTTP/1.1\r\nHost: h\r\n\r\n")
    line, headers, body = client.reply()
    assert line == b"HTTP/1.1 501 Not Implemented"
    assert headers[b"content-type"] == b"text/html"
    assert b"<H1>Not Implemented</H1>" in body
    assert client.closed()


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"PATCH"])
def test_other_expectations_are_refused(client: Client, method: bytes) -> None:
    """An expectation other than 100-continue gets libevent's page for 417, if the method may have a body."""
    client.send(method + b" /x HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\nContent-Length: 0\r\n\r\n")
    line, headers, body = client.reply()
    assert line == b"HTTP/1.1 417 Expectation Failed"
    assert headers[b"content-type"] == b"text/html"
    assert b"<H1>Expectation Failed</H1>" in body
    assert client.closed()


def test_expectations_of_requests_without_body_do_not_matter(client: Client) -> None:
    """Only where it is about to read a body does libevent look at Expect."""
    client.send(b"GET /x HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\n\r\n")
    assert client.reply()[0] == b"HTTP/1.1 200 OK"


def test_heads_have_no_body(client: Client) -> None:
    """A reply to HEAD is a head."""
    client.send(b"HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n" + post(b"next"))
    assert client.reply(head_only=True)[0] == b"HTTP/1.1 200 OK"
    assert client.reply()[2] == b"POST /x None 4 next"


@pytest.mark.parametrize(
    "garbage",
    [b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"GET /x HTTP/9.9\r\n\r\n", b"GET /\xff HTTP/1.1\r\nHost: h\r\n\r\n"],
)
def test_what_is_no_http_gets_a_400_page(client: Client, garbage: bytes) -> None:
    """The page that libevent has for 400 comes, and the connection ends."""
    client.send(garbage)
    line, _, body = client.reply()
    assert line == b"HTTP/1.1 400 Bad Request"
    assert b"<H1>Bad Request</H1>" in body
    assert client.closed()


def test_a_body_that_is_too_large_is_refused_before_it_comes(client: Client) -> None:
    """The announced length is enough to refuse."""
    client.send(b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n")
    assert client.reply()[0].startswith(b"HTTP/1.1 413 ")
    assert client.closed()


def test_a_broken_handler_costs_one_connection(server: HttpServer, capfd: pytest.CaptureFixture[str]) -> None:
    """The connection ends, the reason is in the log, the server goes on."""
    with Client(server) as client:
        client.send(b"GET /fail HTTP/1.1\r\nHost: h\r\n\r\n")
        assert client.closed()
    assert "the handler is broken" in capfd.readouterr().err
    with Client(server) as client:
        client.send(post(b"on"))
        assert client.reply()[2] == b"POST /x None 2 on"


def test_idle_and_silent_clients_do_not_hurt_others(server: HttpServer) -> None:
    """Connections that say nothing, or half a request, leave the threads free."""
    with contextlib.ExitStack() as stack:
        for number in range(60):
            idle = stack.enter_context(Client(server))
            if number % 2:
                idle.send(b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
        for _ in range(20):
            with Client(server) as client:
                client.send(post(b"ok"))
                assert client.reply()[2] == b"POST /x None 2 ok"


def test_clients_past_their_deadline_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that does nothing is let go."""
    monkeypatch.setattr("harness.standin.http_connection._SILENCE_S", 0.05)
    monkeypatch.setattr("harness.standin.http_edge._SWEEP_EVERY_S", 0.05)
    server = serve()
    try:
        with Client(server) as idle, Client(server) as half:
            half.send(b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
            assert idle.closed()
            assert half.closed()
    finally:
        server.stop()


def test_slow_work_goes_on_in_parallel() -> None:
    """Requests that wait for each other are all worked on at once."""
    barrier = threading.Barrier(3, timeout=_WAIT_S)

    def meet(request: RestRequest) -> RestReply:
        barrier.wait()
        return RestReply(200, "text/plain", request.target.encode())

    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    server = HttpServer(listener, meet, num_threads=3)
    try:
        with Client(server) as one, Client(server) as two, Client(server) as three:
            for client in (one, two, three):
                client.send(b"GET /met HTTP/1.1\r\nHost: h\r\n\r\n")
            assert [client.reply()[2] for client in (one, two, three)] == [b"/met"] * 3
    finally:
        server.stop()


def test_a_taken_port_is_an_os_error() -> None:
    """Starting on a port in use fails as documented, and leaves nothing open."""
    from harness.standin.http_edge import start_rest_server

    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match=r"[Aa]ddress"):
        start_rest_server(
            None,  # type: ignore[arg-type]
            port=taken.getsockname()[1],
            bind_address="127.0.0.1",
            timeout_s=1.0,
            cors=False,
            metrics=None,  # type: ignore[arg-type]
            metrics_path=None,
            num_threads=1,
        )


@pytest.mark.parametrize("address", ["127.0.0.1", "::", ""])
def test_any_address_can_be_listened_on(address: str) -> None:
    """One IPv4 address, or all addresses of both families."""
    from harness.standin.http_edge import start_rest_server

    server = start_rest_server(
        None,  # type: ignore[arg-type]
        port=0,
        bind_address=address,
        timeout_s=1.0,
        cors=False,
        metrics=None,  # type: ignore[arg-type]
        metrics_path=None,
        num_threads=1,
    )
    try:
        with Client(server) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            assert client.reply()[0] == b"HTTP/1.1 404 Not Found"
    finally:
        server.stop()
