"""What servers, schedules, limits and clocks can do to a run of either engine; run in this process."""

from __future__ import annotations

import itertools
import resource
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.endpoint import Endpoint
from harness.errors import UsageError
from harness.load import Arrivals, run_load
from harness.load.engines import grpc_wire, rest_wire
from harness.load.engines.http2 import frames
from harness.load.engines.wire import driver, pacing, pool
from harness.load.limits import most_connections

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from harness.load.session import Session

    Run = Callable[..., Session]
    Serve = Callable[..., str]

APIS = ["grpc", "rest"]


@pytest.fixture
def started(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Start an echo server of an API and return its address."""

    def start(api: str) -> str:
        endpoint = request.getfixturevalue({"grpc": "grpc_server", "rest": "http_server"}[api])()
        return str(endpoint.grpc or endpoint.rest.removeprefix("http://"))

    return start


@pytest.mark.parametrize("api", APIS)
def test_a_server_that_closes_every_connection_at_once_ends_the_run(api: str, raw_server: Serve, run_here: Run) -> None:
    """Neither does the run go on without an answer, nor does it storm the server; it ends and says why."""
    numbers: list[int] = []
    address = raw_server(lambda _connection, number: numbers.append(number), silent_ones=True)
    session = run_here(api, address, duration_s=60, concurrency=4)
    assert session.ended == "server gone"
    assert address in session.reason
    assert len(numbers) <= 1 + 4 * 5


@pytest.mark.parametrize("api", APIS)
def test_a_server_that_speaks_another_language_ends_the_run(api: str, raw_server: Serve, run_here: Run) -> None:
    """Bytes of neither protocol end each connection; after some the run ends, with what was seen in its reason."""

    def serve(connection: socket.socket, _number: int) -> None:
        while connection.recv(1 << 16):
            connection.sendall(b"220 mail.example ESMTP ready\r\n\r\n")

    session = run_here(api, raw_server(serve), duration_s=60)
    assert session.ended == "server gone"
    assert ("rules of HTTP/2" if api == "grpc" else "220 mail.example") in session.reason
    assert session.samples().errors
    assert not session.samples().ok.any()


def test_one_bad_connection_among_good_ones_does_not_end_the_run(raw_server: Serve, run_here: Run) -> None:
    """A server that takes one connection and closes others still answers: what it closes are errors, not its end."""
    busy = threading.Lock()

    def serve(connection: socket.socket, _number: int) -> None:
        if busy.acquire(blocking=False):
            try:
                while connection.recv(1 << 16):
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            finally:
                busy.release()

    session = run_here("rest", raw_server(serve), duration_s=1.2, concurrency=2)
    assert session.ended == "completed"
    assert set(session.samples().errors) == {"CONNECTION_LOST"}
    assert session.samples().ok.any()


def _two_answers(connection: socket.socket, _number: int) -> None:
    while connection.recv(1 << 16):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" * 2)


def test_two_answers_to_one_request_are_a_bad_response(raw_server: Serve, run_here: Run) -> None:
    """An answer that nobody asked for is not taken for the next request's."""
    session = run_here("rest", raw_server(_two_answers), duration_s=60)
    assert set(session.samples().errors) == {"BAD_RESPONSE"}
    assert "after the answer there is more" in session.reason


def test_an_early_answer_ends_the_connection(raw_server: Serve, run_here: Run) -> None:
    """A server that answers before it has read the request gets the next one on another connection."""
    numbers: list[int] = []

    def serve(connection: socket.socket, number: int) -> None:
        numbers.append(number)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
        released.wait(30)

    released = threading.Event()
    session = run_here("rest", raw_server(serve), bodies=[bytes(30_000_000)], duration_s=0.3, concurrency=1)
    released.set()
    errors = session.samples().errors
    assert set(errors) == {"HTTP 413"}
    assert session.messages["HTTP 413"] == "big"
    assert len(numbers) >= errors["HTTP 413"]


def test_a_server_that_asks_for_acknowledgements_without_end_is_left(
    raw_server: Serve, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PING after PING, with nothing read: the connection is given up before what waits for it fills the memory."""
    pings = frames.settings({}) + frames.frame(frames.PING, 0, 0, bytes(8)) * 60_000

    def serve(connection: socket.socket, _number: int) -> None:
        while True:
            connection.sendall(pings)

    monkeypatch.setattr(grpc_wire, "_MOST_ACKNOWLEDGED_BYTES", 1 << 18)
    session = run_here("grpc", raw_server(serve), duration_s=2, concurrency=1)
    assert "asks for acknowledgements, and does not read them" in session.messages["UNAVAILABLE"]


@pytest.mark.parametrize("api", APIS)
def test_a_rate_beyond_capacity_ends_the_run_within_bounds(
    api: str, silent_address: str, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once too many requests have no answer the run ends as an overrun; each of them is accounted for, none twice."""
    for module in (driver, pacing):
        monkeypatch.setattr(module, "MOST_OUTSTANDING", 2_000)
    monkeypatch.setattr(rest_wire, "_OPEN_LOOP_CONNECTIONS", 16)
    monkeypatch.setattr(driver, "_GRACE_NS", 1)
    arrivals = Arrivals(rate_per_s=100_000, shape="constant")
    session = run_here(api, silent_address, arrivals=arrivals, duration_s=60, timeout_s=60.0)
    assert session.ended == "overrun"
    assert "requests have no answer: the rate is beyond" in session.reason
    samples = session.samples()
    assert set(samples.errors) <= {"UNFINISHED", "NOT_SENT"}
    assert 2_000 < len(samples) < 60_000
    assert set(np.diff(samples.scheduled_ns).tolist()) <= {9_999, 10_000, 10_001}
    assert api == "grpc" or samples.errors["NOT_SENT"] > 1_000


def test_what_was_due_and_never_sent_counts(
    silent_address: str, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no connection is free, requests that could not leave are errors of the run, not left out."""
    monkeypatch.setattr(rest_wire, "_OPEN_LOOP_CONNECTIONS", 2)
    monkeypatch.setattr(driver, "_GRACE_NS", 1)
    arrivals = Arrivals(rate_per_s=500, shape="constant")
    session = run_here("rest", silent_address, arrivals=arrivals, duration_s=0.2, timeout_s=0.3, concurrency=2)
    samples = session.samples()
    assert session.ended == "completed"
    assert len(samples) == 100
    assert {"TIMEOUT", "NOT_SENT"} <= set(samples.errors) <= {"TIMEOUT", "NOT_SENT", "UNFINISHED"}
    assert samples.errors["NOT_SENT"] >= 90


def test_an_open_loop_opens_connections_as_it_needs_them(http_server: Any, run_here: Run) -> None:
    """Over REST, a request that is due while all connections are busy gets another one, and does not wait."""
    six = threading.Event()

    def answer(number: int, _path: str, body: bytes) -> tuple[int, bytes]:
        if number == 6:
            six.set()
        assert six.wait(30)
        return 200, body

    address = http_server(answer).rest.removeprefix("http://")
    arrivals = Arrivals(rate_per_s=200, shape="constant")
    session = run_here("rest", address, arrivals=arrivals, concurrency=1, duration_s=0.15)
    assert (session.samples().errors, len(session.samples())) == ({}, 30)


@pytest.mark.parametrize("api", APIS)
def test_what_is_in_flight_at_an_early_end_counts(
    api: str, silent_address: str, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests without an answer when the run is stopped are told as UNFINISHED, what was just due as NOT_SENT."""
    monkeypatch.setattr(driver, "_GRACE_NS", 1)
    arrivals = Arrivals(rate_per_s=300, shape="constant")
    session = run_here(api, silent_address, arrivals=arrivals, duration_s=60, interrupt_after_s=0.2)
    assert session.ended == "interrupted"
    errors = session.samples().errors
    assert set(errors) <= {"UNFINISHED", "NOT_SENT"}
    assert errors["UNFINISHED"] > 10


@pytest.mark.parametrize("api", APIS)
def test_a_handshake_that_never_ends_is_no_connection(
    api: str, silent_address: str, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that accepts and leaves the TLS handshake open does not hold the run; it never begins."""
    from harness.tls import Tls

    monkeypatch.setattr(pool, "_CONNECT_NS", 50_000_000)
    session = run_here(api, silent_address, tls=Tls(), duration_s=60, concurrency=2)
    assert (session.ended, session.began_ns) == ("server gone", 0)
    assert "no connection in time" in session.reason


@pytest.mark.parametrize("api", APIS)
def test_steps_of_the_clock_do_not_matter(
    api: str, started: Callable[[str], str], run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A system clock that jumps by years at every look changes neither schedule nor latency."""
    address = started(api)
    jumps = itertools.cycle([0.0, 4e9, 1.0, 2e9])
    monkeypatch.setattr(time, "time", lambda: next(jumps))
    monkeypatch.setattr(time, "time_ns", lambda: int(next(jumps) * 1e9))
    session = run_here(api, address, arrivals=Arrivals(rate_per_s=200, shape="constant"), duration_s=0.2)
    samples = session.samples()
    assert (session.ended, samples.errors, len(samples)) == ("completed", {}, 40)
    assert (np.diff(samples.scheduled_ns) == 5_000_000).all()
    assert (samples.latency_ns < 60e9).all()


def test_more_connections_than_descriptors_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is started, with both numbers, and with what helps."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 1_024))
    endpoint = Endpoint(grpc=None, rest="http://127.0.0.1:1", model="m")
    with pytest.raises(
        UsageError, match=r"1,000 connections .* need 1,064 file descriptors, but 1,024 .*lower the conc"
    ):
        run_load(endpoint, [b"x"], api="rest", concurrency=1_000)
    with pytest.raises(UsageError, match="give more processes"):
        run_load(endpoint, [b"x"], api="rest", concurrency=2_000, processes=2)


def test_a_low_limit_of_descriptors_is_raised(started: Callable[[str], str], run_here: Run) -> None:
    """Where only the soft limit is too low, as many systems have it, 100 connections work all the same."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    address = started("rest")
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
    try:
        session = run_here("rest", address, concurrency=100, duration_s=0.2)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 164
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (session.ended, session.samples().errors) == ("completed", {})


def test_limits_are_kept_where_they_cannot_be_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """An open loop takes as many connections as it may have."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    assert most_connections(1_024) == 192
    assert most_connections(100) == 100
