"""The loop of the wire-level engines: it decides what is sent when, the links say how.

Closed loop: every answer is replaced by a request at once, on the link it came from. Open loop: requests leave when the
schedule says so, whatever is in flight; where no link can take one it waits, and its latency counts from the schedule.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from typing import TYPE_CHECKING

from harness.load.engines.wire.link import Link, LinkLostError, Row, Ticket
from harness.load.engines.wire.waiting import Waiter, sharpen_timers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from harness.load.job import Job
    from harness.load.session import Session

__all__ = ["drive"]

_TICK_NS = 50_000_000
_GRACE_NS = 1_000_000_000
_GONE_AFTER_TRIES = 3
_BETWEEN_TRIES_S = 0.2
_MOST_OVERDUE = 100_000


def drive(
    job: Job, session: Session, open_link: Callable[[], Link], *, links: int, lanes: int | None, lost: int
) -> None:
    """Carry out a job.

    Args:
        job: what to send, and when.
        session: decides how long, and takes the outcomes.
        open_link: connects, in turn to each of the job's targets.
        links: how many links to keep.
        lanes: requests in flight on one link at most; None for no limit but the peer's.
        lost: the status of requests whose link was lost.
    """
    sharpen_timers()
    loop = _Loop(job, session, open_link, lanes=lanes, lost=lost)
    try:
        loop.run(links)
    finally:
        loop.close()


class _Loop:
    def __init__(
        self, job: Job, session: Session, open_link: Callable[[], Link], *, lanes: int | None, lost: int
    ) -> None:
        self._job, self._session, self._open_link = job, session, open_link
        self._lanes, self._lost = lanes, lost
        self._timeout_ns = round(job.timeout_s * 1e9)
        self._indices = itertools.cycle(range(len(job.requests)))
        self._waiter = Waiter()
        self._links: list[Link] = []
        self._ending: dict[Link, Link] = {}  # links that take no more, with those in their place
        self._due: deque[int] = deque()  # scheduled, but no link could take it yet
        self._turn = 0
        self._next_tick_ns = 0

    def run(self, links: int) -> None:
        """Open the links, send until the session ends, then wait for what is in flight."""
        for _ in range(links):
            self._opened("")
        began_ns = time.perf_counter_ns()
        self._session.begin(began_ns)
        if self._job.arrivals is None:
            self._closed(began_ns)
        else:
            self._open(began_ns, self._job.arrivals.times_ns())
        self._drain()

    def close(self) -> None:
        """Close every link."""
        for link in [*self._links, *self._ending]:
            link.close()
        self._waiter.close()

    def _closed(self, now_ns: int) -> None:
        links = list(self._links)
        for lane in range(self._job.concurrency if links else 0):
            self._send(links[lane % len(links)], now_ns, now_ns)
        self._flush(links)
        session, replace = self._session, self._replace_answers
        while session.running:
            for link in self._waiter.wait(_TICK_NS):
                self._serve(link, replace)
            self._tick()

    def _replace_answers(self, link: Link, rows: list[Row]) -> None:
        if not self._session.running:
            return
        now_ns = time.perf_counter_ns()
        for _ in rows:
            link.send(Ticket(next(self._indices), now_ns, now_ns))

    def _open(self, began_ns: int, times_ns: Iterator[int]) -> None:
        session, due = self._session, self._due
        next_ns = began_ns + next(times_ns)
        while session.running:
            now_ns = time.perf_counter_ns()
            while next_ns <= now_ns:
                due.append(next_ns)
                next_ns = began_ns + next(times_ns)
            if due:
                self._send_due()
            for link in self._waiter.wait(min(next_ns - time.perf_counter_ns(), _TICK_NS)):
                self._serve(link, None)
            self._tick()

    def _send_due(self) -> None:
        if len(self._due) > _MOST_OVERDUE:
            reason = f"{len(self._due):,} requests are overdue: the rate is beyond what server or generator can do"
            self._session.stop("overrun", reason, time.perf_counter_ns())
            return
        used: dict[int, Link] = {}
        while self._due:
            link = self._free_link()
            if link is None:
                break
            self._send(link, self._due.popleft(), time.perf_counter_ns())
            used[id(link)] = link
        self._flush(used.values())

    def _free_link(self) -> Link | None:
        """Return the next link in turn that takes another request."""
        for _ in range(len(self._links)):
            self._turn = (self._turn + 1) % len(self._links)
            link = self._links[self._turn]
            if self._lanes is None or link.in_flight < self._lanes:
                return link
        return None

    def _send(self, link: Link, scheduled_ns: int, sent_ns: int) -> None:
        link.send(Ticket(next(self._indices), scheduled_ns, sent_ns))

    def _flush(self, links: Iterable[Link]) -> None:
        for link in list(links):
            try:
                link.flush()
                self._waiter.update(link)
            except LinkLostError as exc:
                self._lose(link, str(exc))

    def _serve(self, link: Link, answered: Callable[[Link, list[Row]], None] | None) -> None:
        """Read a link that is ready, hand over what is done, and send what follows."""
        try:
            rows = link.read()
            if rows:
                self._session.extend(rows)
            if rows or link.returned:
                self._follow(link, rows, answered)
            link.flush()
            self._waiter.update(link)
        except LinkLostError as exc:
            self._lose(link, str(exc))

    def _follow(self, link: Link, rows: list[Row], answered: Callable[[Link, list[Row]], None] | None) -> None:
        """Send what follows answers: on the same link, or, if it takes no more, on the one that takes its place."""
        target: Link | None = link
        if not link.takes_more:
            target = self._successor(link)
        if target is None:
            return
        if answered is not None:
            answered(target, rows)
        elif self._due:
            self._send_due()
        for ticket in link.returned:
            target.send(ticket._replace(retries=ticket.retries + 1))
        link.returned.clear()
        if target is not link:
            self._flush([target])

    def _successor(self, link: Link) -> Link | None:
        """Return the link in the place of one that takes no more; opens it at the first call. A spent one is closed."""
        if link in self._links:
            self._links.remove(link)
            opened = self._opened("")
            if opened is None:
                self._forget(link)
                return None
            self._ending[link] = opened
        fresh = self._ending[link]
        if not link.in_flight:
            self._forget(link)
        return fresh

    def _forget(self, link: Link) -> None:
        self._waiter.forget(link)
        link.close()
        self._ending.pop(link, None)

    def _tick(self) -> None:
        """Do what need not be done for every request."""
        now_ns = time.perf_counter_ns()
        if now_ns < self._next_tick_ns:
            return
        self._next_tick_ns = now_ns + _TICK_NS
        self._session.tick(now_ns)
        answered = self._replace_answers if self._job.arrivals is None else None
        for link in [*self._links, *self._ending]:
            rows = link.expire(now_ns, self._timeout_ns)
            if rows:
                self._session.extend(rows)
                self._follow(link, rows, answered)
                self._flush([link] if link.takes_more else [])

    def _lose(self, link: Link, why: str) -> None:
        """Account for what a lost link had in flight, and open another one; without a server the run ends."""
        lost = link.tickets()
        now_ns = time.perf_counter_ns()
        if lost:
            self._session.extend([Row(one.scheduled_ns, one.sent_ns, now_ns, self._lost, 0, why) for one in lost])
        was_ending = link not in self._links
        fresh = self._ending.get(link) if was_ending else None
        if not was_ending:
            self._links.remove(link)
            fresh = self._opened(why)
        self._forget(link)
        if fresh is not None and lost and self._session.running and self._job.arrivals is None:
            now_ns = time.perf_counter_ns()
            for _ in lost:
                self._send(fresh, now_ns, now_ns)
            self._flush([fresh])

    def _opened(self, why: str) -> Link | None:
        """Open a link and keep it."""
        link = self._connected(why)
        if link is not None:
            self._links.append(link)
            self._waiter.watch(link)
            self._flush([link])
        return link

    def _connected(self, why: str) -> Link | None:
        failed_ns = time.perf_counter_ns()
        for attempt in range(_GONE_AFTER_TRIES):
            try:
                return self._open_link()
            except LinkLostError as exc:
                why = why or str(exc)
            if not self._session.running:
                return None
            if attempt + 1 < _GONE_AFTER_TRIES:
                time.sleep(_BETWEEN_TRIES_S)
        self._session.stop("server gone", why, failed_ns)
        return None

    @property
    def _in_flight(self) -> int:
        return sum(link.in_flight for link in [*self._links, *self._ending])

    def _drain(self) -> None:
        """Wait for what is in flight; what was due and never sent counts as unanswered."""
        session = self._session
        patience_ns = self._timeout_ns + _GRACE_NS if session.ended == "completed" else _GRACE_NS
        until_ns = time.perf_counter_ns() + patience_ns
        while self._in_flight and time.perf_counter_ns() < until_ns:
            for link in self._waiter.wait(_TICK_NS):
                self._serve(link, None)
            self._tick()
