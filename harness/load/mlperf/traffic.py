"""Traffic: carries requests over the links of the wire engines, in the order they are put, and tells how each ended.

It has no schedule of its own: LoadGen says what is due. A request's tag takes the place of its scheduled time, which
only LoadGen knows.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from harness.load.engines import grpc_wire, rest_wire
from harness.load.engines.wire import LinkLostError, Row, Ticket
from harness.load.engines.wire.pool import Pool
from harness.load.engines.wire.waiting import Waiter
from harness.load.limits import most_connections
from harness.load.status import CONNECTION_LOST, UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from harness.load.engines.wire import Link
    from harness.load.engines.wire.pool import Slot
    from harness.load.job import Job

__all__ = ["Traffic"]

_TICK_NS = 50_000_000
_MOST_LINKS = 1_024


class Traffic:
    """The requests of one job on their way."""

    def __init__(
        self, job: Job, *, grows: bool, over: Callable[[list[Row]], None], gone: Callable[[str], None]
    ) -> None:
        """Begin to connect.

        Args:
            job: where to, and what; ``concurrency`` is the most requests in flight.
            grows: whether more than these may be in flight when they are due: no limit over gRPC but the peer's, up to
                1,024 connections over REST.
            over: told how requests ended; the first number of a row is the tag.
            gone: told why, once the server is gone.

        Raises:
            LinkLostError: nothing accepts a connection.
        """
        is_grpc = job.engine == "http2"
        self._over, self._lost = over, UNAVAILABLE if is_grpc else CONNECTION_LOST
        self._timeout_ns = round(job.timeout_s * 1e9)
        open_link = (grpc_wire if is_grpc else rest_wire).opener(job)
        self.waiter = Waiter()
        self._pool = Pool(self.waiter, open_link, on_gone=lambda _target, why, _since_ns: gone(why))
        self._one_link, self._grows = is_grpc, grows
        self._most_links = most_connections(max(job.concurrency, _MOST_LINKS)) if grows else job.concurrency
        self._due: deque[tuple[int, int]] = deque()
        # A slot is in here once for each request that it may be given.
        self._free = (
            [self._pool.add(0)] * job.concurrency if is_grpc else [self._pool.add(0) for _ in range(job.concurrency)]
        )
        self._next_tick_ns = 0
        self.outstanding = 0

    def connect(self) -> None:
        """Return once all connections are made; ``gone`` is told if that cannot be."""
        while not all(slot.link is not None and slot.link.is_open for slot in self._pool.slots):
            self.step(1_000_000)

    def put(self, requests: Iterable[tuple[int, int]]) -> None:
        """Take requests to be sent, each as its number among the job's and its tag; ``step`` sends them."""
        before = len(self._due)
        self._due.extend(requests)
        self.outstanding += len(self._due) - before

    def step(self, timeout_ns: int) -> None:
        """Send what may be sent, wait up to that long for answers, and tell of those that came."""
        if self._due:
            self._send()
        if self._pool.unflushed:
            self._flush()
        for link in self.waiter.wait(timeout_ns):
            self._serve(link)
        now_ns = time.perf_counter_ns()
        if now_ns >= self._next_tick_ns:
            self._tick(now_ns)

    def close(self) -> None:
        """Close every link."""
        self._pool.close()
        self.waiter.close()

    def _send(self) -> None:
        now_ns = time.perf_counter_ns()
        while self._due:
            slot = self._free.pop() if self._free else self._more()
            if slot is None:
                return
            number, tag = self._due.popleft()
            self._pool.send(slot, Ticket(number, tag, now_ns))

    def _more(self) -> Slot | None:
        """Return where a request may go although all places are taken."""
        if self._one_link:
            return self._pool.slots[0] if self._grows else None
        return self._pool.add(0) if len(self._pool.slots) < self._most_links else None

    def _serve(self, link: Link) -> None:
        try:
            rows = link.read()
            self._ended(link, rows)
            if link.returned or not link.takes_more:
                self._follow(link)
                return
            if self._due:
                self._send()
            link.flush()
            if link.wants_write is not link.is_awaited:
                self.waiter.update(link)
        except LinkLostError as exc:
            self._lose(link, exc)

    def _ended(self, link: Link, rows: list[Row]) -> None:
        if rows:
            self._free += [self._pool.slot_of(link)] * len(rows)
            self._told(rows)

    def _told(self, rows: list[Row]) -> None:
        self.outstanding -= len(rows)
        self._over(rows)

    def _follow(self, link: Link) -> None:
        """Send again what the peer has not looked at, and let a link go that takes no more."""
        if link.takes_more:
            again, link.returned = link.returned, []
            for ticket in again:
                link.send(ticket)
        else:
            self._pool.retire(link)
        self._pool.touch(link)

    def _lose(self, link: Link, exc: LinkLostError) -> None:
        slot = self._pool.slot_of(link)
        lost = self._pool.lose(link, str(exc))
        if lost:
            now_ns = time.perf_counter_ns()
            status = self._lost if exc.status is None else exc.status
            self._free += [slot] * len(lost)
            self._told([(one.scheduled_ns, one.sent_ns, now_ns, status, 0, str(exc)) for one in lost])

    def _flush(self) -> None:
        for link, exc in self._pool.flush():
            self._lose(link, exc)

    def _tick(self, now_ns: int) -> None:
        self._next_tick_ns = now_ns + _TICK_NS
        for link in self._pool.links():
            rows = link.expire(now_ns, self._timeout_ns)
            self._ended(link, rows)
            if rows or not link.takes_more:
                self._follow(link)
        for link in self._pool.late(now_ns):
            self._lose(link, LinkLostError("no connection in time"))
        self._pool.fill(now_ns)
