"""The HTTP edge keeps bad clients from hurting good ones, and works on requests side by side."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from harness.standin.rest.handler import RestReply, RestRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.standin.http.edge import HttpServer

_WAIT_S = 10.0


def test_a_broken_handler_costs_one_connection(connect: Callable[..., Any], capfd: pytest.CaptureFixture[str]) -> None:
    """The connection ends, the reason is in the log, the server goes on."""
    with connect() as client:
        client.send(b"GET /fail HTTP/1.1\r\nHost: h\r\n\r\n")
        assert client.closed()
    assert "the handler is broken" in capfd.readouterr().err
    with connect() as client:
        client.post(b"on")
        assert client.reply()[2] == b"POST /x None 2 on"


def test_idle_and_silent_clients_do_not_hurt_others(connect: Callable[..., Any]) -> None:
    """Connections that say nothing, or half a request, leave the threads free."""
    with contextlib.ExitStack() as stack:
        for number in range(60):
            idle = stack.enter_context(connect())
            if number % 2:
                idle.send(b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
        for _ in range(20):
            with connect() as client:
                client.post(b"ok")
                assert client.reply()[2] == b"POST /x None 2 ok"


def test_clients_past_their_deadline_are_dropped(
    start_http: Callable[..., HttpServer], connect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that does nothing is let go."""
    monkeypatch.setattr("harness.standin.http.connection._SILENCE_S", 0.05)
    monkeypatch.setattr("harness.standin.http.edge._SWEEP_EVERY_S", 0.05)
    server = start_http()
    with connect(server) as idle, connect(server) as half:
        half.send(b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
        assert idle.closed()
        assert half.closed()


def test_slow_work_goes_on_in_parallel(start_http: Callable[..., HttpServer], connect: Callable[..., Any]) -> None:
    """Requests that wait for each other are all worked on at once."""
    barrier = threading.Barrier(3, timeout=_WAIT_S)

    def meet(request: RestRequest) -> RestReply:
        barrier.wait()
        return RestReply(200, "text/plain", request.target.encode())

    server = start_http(meet)
    with connect(server) as one, connect(server) as two, connect(server) as three:
        for client in (one, two, three):
            client.send(b"GET /met HTTP/1.1\r\nHost: h\r\n\r\n")
        assert [client.reply()[2] for client in (one, two, three)] == [b"/met"] * 3


def test_a_taken_port_is_an_os_error() -> None:
    """Starting on a port in use fails as documented, and leaves nothing open."""
    from harness.standin.http.edge import start_rest_server

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
def test_any_address_can_be_listened_on(address: str, connect: Callable[..., Any]) -> None:
    """One IPv4 address, or all addresses of both families."""
    from harness.standin.http.edge import start_rest_server

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
        with connect(server) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            assert client.reply()[0] == b"HTTP/1.1 404 Not Found"
    finally:
        server.stop()
