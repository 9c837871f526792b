"""Waiting for sockets, few or many, with each of the pollers."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from harness.load.engines.wire.waiting import Poller, SelectorPoller, Waiter

if TYPE_CHECKING:
    from collections.abc import Iterator

MS = 1_000_000


class Pair:
    """One end for the waiter, the other for the test."""

    def __init__(self) -> None:
        """Open both."""
        self.end, self.other = socket.socketpair()
        self.end.setblocking(False)
        self.number = self.end.fileno()
        self.wants_write = self.is_awaited = False


@pytest.fixture(params=["the system's", "selectors"])
def poller(request: pytest.FixtureRequest) -> Poller | None:
    """A poller; None for the one that the waiter takes by itself."""
    return None if request.param == "the system's" else SelectorPoller()


@contextlib.contextmanager
def _watched(waiter: Waiter, number: int) -> Iterator[list[Any]]:
    pairs = [Pair() for _ in range(number)]
    try:
        for pair in pairs:
            waiter.watch(pair)  # type: ignore[arg-type]
        yield pairs
    finally:
        waiter.close()
        for pair in pairs:
            pair.end.close()
            pair.other.close()


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """A process that may have 3,000 descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 3_000:
        pytest.skip(f"this system allows {hard} descriptors only")
    if soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 3_000), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_descriptors")
@pytest.mark.parametrize("number", [1, 70, 1_200])
def test_ready_links_are_returned_however_many_there_are(poller: Poller | None, number: int) -> None:
    """Those with something to read come back, whether looked at, waited for briefly, or for long; no others do."""
    waiter = Waiter(poller)
    with _watched(waiter, number) as pairs:
        assert waiter.wait(0) == []
        chosen = {pairs[0], pairs[-1], pairs[number // 2]}
        for pair in chosen:
            pair.other.send(b"x")
        for timeout_ns in (0, -5, MS, 10_000 * MS):
            assert set(waiter.wait(timeout_ns)) == chosen
        assert max(pair.number for pair in pairs) > number


def test_a_wait_ends_without_a_link_when_its_time_has_passed(poller: Poller | None) -> None:
    """Asked again and again until a time, with long and short bits of it left, it returns, with nothing."""
    waiter = Waiter(poller)
    with _watched(waiter, 3):
        until_ns = time.perf_counter_ns() + 5 * MS
        while (left_ns := until_ns - time.perf_counter_ns()) > 0:
            assert waiter.wait(left_ns) == []


def test_links_are_watched_for_writing_while_they_want_that(poller: Poller | None) -> None:
    """A full socket is not ready; once the other end reads it is; and it is not told when nobody wants to write."""
    waiter = Waiter(poller)
    with _watched(waiter, 2) as pairs:
        pair = pairs[0]
        with contextlib.suppress(BlockingIOError):
            while True:
                pair.end.send(bytes(1 << 16))
        pair.wants_write = True
        waiter.update(pair)
        assert waiter.wait(0) == []
        pair.other.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                pair.other.recv(1 << 20)
        assert waiter.wait(10_000 * MS) == [pair]
        pair.wants_write = False
        waiter.update(pair)
        waiter.update(pair)
        assert waiter.wait(0) == []


def test_a_link_that_is_forgotten_is_not_returned(poller: Poller | None) -> None:
    """After forgetting, its number may be another link's."""
    waiter = Waiter(poller)
    with _watched(waiter, 2) as pairs:
        pairs[0].other.send(b"x")
        waiter.forget(pairs[0])
        assert waiter.wait(0) == []
        number = pairs[0].number
        pairs[0].end.close()
        again = Pair()
        if again.number != number:
            os.dup2(again.end.fileno(), number)
            again.end.close()
            again.end = socket.socket(fileno=number)
            again.number = number
        pairs.append(again)
        waiter.watch(again)  # type: ignore[arg-type]
        again.other.send(b"x")
        assert waiter.wait(0) == [again]


@pytest.mark.parametrize(("late_us", "at_last_us"), [(3, 10), (120, 125), (5_000, 250)])
def test_how_long_to_be_awake_is_learnt_from_late_sleepers(
    late_us: int, at_last_us: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where sleepers are this late, the last so many microseconds of a wait are spent awake, within bounds."""
    now_ns = 0

    def sleep(_read: Any, _write: Any, _other: Any, time_s: float) -> tuple[list[int], list[int], list[int]]:
        nonlocal now_ns
        now_ns += round(time_s * 1e9) + late_us * 1_000
        return [], [], []

    monkeypatch.setattr("harness.load.engines.wire.waiting.select.select", sleep)
    monkeypatch.setattr("harness.load.engines.wire.waiting.time.perf_counter_ns", lambda: now_ns)
    waiter = Waiter()
    try:
        for _ in range(200):
            assert waiter.wait(MS) == []
        assert waiter._awake_ns / 1_000 == pytest.approx(at_last_us, abs=10)
    finally:
        waiter.close()
