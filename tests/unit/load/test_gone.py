"""What becomes of a run over several servers when one of them goes away; run in this process."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.endpoint import Endpoint
from harness.load import Arrivals, run_load
from harness.load.engines.wire import pool
from tests.unit.load.test_http2_connection import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.load.session import Session

    Run = Callable[..., Session]

APIS = ["grpc", "rest"]
LOOPS: list[dict[str, Any]] = [{"concurrency": 4}, {"arrivals": Arrivals(rate_per_s=200, shape="constant")}]
LOOP_IDS = ["closed", "open"]


class Mortal:
    """A server that answers so many requests, then is gone, its listener too; `revive` lets it listen again."""

    def __init__(self, api: str, lives: float) -> None:
        """Listen on a port of its own."""
        self.api, self.lives, self.answered = api, lives, 0
        self._lock = threading.Lock()
        self._connections: list[socket.socket] = []
        self._listen(0)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def _listen(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port), backlog=64)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._connections.append(listener.accept()[0])
                threading.Thread(target=self._talk, args=(self._connections[-1],), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            peer = _Http2(self) if self.api == "grpc" else _Http1(self)
            connection.sendall(peer.greeting)
            while data := connection.recv(1 << 16):
                connection.sendall(peer.take(data))

    def count(self) -> None:
        """Count an answer, or die."""
        with self._lock:
            self.answered += 1
            if self.answered > self.lives:
                self.stop()
                raise ConnectionAbortedError

    def stop(self) -> None:
        """Close the listener and every connection."""
        for one in (self._listener, *self._connections):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def revive(self) -> None:
        """Listen again at the same address, and answer without end."""
        self.lives = float("inf")
        self._listen(int(self.address.rpartition(":")[2]))


class _Http2:
    def __init__(self, mortal: Mortal) -> None:
        self._server = Server()
        self.greeting = self._server.h2.data_to_send()
        self._server.answer = self._answer
        self._mortal, self.take = mortal, self._server.take

    def _answer(self, stream: int) -> None:
        self._mortal.count()
        self._server.echo(stream)


class _Http1:
    greeting = b""

    def __init__(self, mortal: Mortal) -> None:
        self._mortal = mortal

    def take(self, data: bytes) -> bytes:
        if data.endswith(b"\r\n\r\nx"):
            self._mortal.count()
            return b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
        return b""


@pytest.fixture
def mortal() -> Iterator[Callable[..., Mortal]]:
    """Start servers that answer so many requests of an API."""
    servers: list[Mortal] = []

    def start(api: str, lives: float = float("inf")) -> Mortal:
        servers.append(Mortal(api, lives))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again soon, so that servers are gone soon."""
    monkeypatch.setattr(pool, "_BETWEEN_TRIES_NS", 10_000_000)


@pytest.mark.parametrize("loop", LOOPS, ids=LOOP_IDS)
@pytest.mark.parametrize("api", APIS)
def test_a_run_goes_on_with_the_servers_that_are_left(api: str, loop: Any, mortal: Any, run_here: Run) -> None:
    """What is asked of the one that is gone fails, at a bounded pace and by its name; the other answers to the end."""
    left, gone = mortal(api), mortal(api, 5)
    session = run_here(api, left.address, gone.address, duration_s=0.5, **loop)
    samples = session.samples()
    assert session.ended == "completed"
    assert "UNAVAILABLE" in samples.errors
    assert set(samples.errors) <= {"UNAVAILABLE", "CONNECTION_LOST"}
    assert samples.errors["UNAVAILABLE"] <= 120
    assert gone.address in "".join(session.messages)
    assert (samples.ok & (samples.scheduled_ns > samples.scheduled_ns[~samples.ok].min())).sum() > 20
    assert len(samples) == 100 or "arrivals" not in loop


@pytest.mark.parametrize(("api", "loop"), [("grpc", LOOPS[0]), ("rest", LOOPS[1])], ids=LOOP_IDS)
def test_a_run_ends_when_no_server_is_left(api: str, loop: Any, mortal: Any, run_here: Run) -> None:
    """Both go; the last one's loss is the run's end."""
    first, last = mortal(api, 5), mortal(api, 40)
    session = run_here(api, first.address, last.address, duration_s=30, **loop)
    assert session.ended == "server gone"
    assert any(each.address in session.reason for each in (first, last))
    assert session.samples().ok.any()


@pytest.mark.parametrize("loop", LOOPS, ids=LOOP_IDS)
@pytest.mark.parametrize("api", APIS)
def test_a_server_that_comes_back_is_asked_again(
    api: str, loop: Any, mortal: Any, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests of its turn fail while it is gone, and are answered from then on."""
    left, gone = mortal(api), mortal(api, 5)
    found = []

    def take_hopeless(self: pool.Pool) -> list[Any]:
        taken = plainly(self)
        if taken and not found:
            gone.revive()  # as soon as requests of its turn have failed
        found.extend(taken)
        return taken

    plainly = pool.Pool.take_hopeless
    monkeypatch.setattr(pool.Pool, "take_hopeless", take_hopeless)
    session = run_here(api, left.address, gone.address, duration_s=0.9, **loop)
    samples = session.samples()
    assert session.ended == "completed"
    assert "UNAVAILABLE" in samples.errors
    assert gone.answered > 15
    assert samples.ok[np.argsort(samples.scheduled_ns)[-10:]].all()


def test_the_result_names_the_server_that_was_gone(mortal: Any) -> None:
    """A warning says which, and why."""
    endpoints = [Endpoint(grpc=mortal("grpc", lives).address, rest=None, model="m") for lives in (1e9, 5)]
    result = run_load(endpoints, [b"x"], concurrency=2, duration_s=3, warmup_s=0)  # three tries take 0.4 s
    assert result.ended == "completed"
    assert any(f"loss of {endpoints[1].grpc}: cannot connect" in warning for warning in result.warnings)
