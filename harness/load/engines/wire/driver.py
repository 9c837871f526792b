"""The loop of the wire-level engines: it waits for links, reads them, and accounts for what is over.

What is sent when is a pacer's affair, what takes the place of a lost link the pool's, and how bytes look the links'.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.load.engines.wire.errors import LinkLostError
from harness.load.engines.wire.pacing import LONGEST_WAIT_NS, MOST_OUTSTANDING, AtOnce, OnSchedule, Thinking
from harness.load.engines.wire.pool import Pool
from harness.load.engines.wire.waiting import Waiter, sharpen_timers
from harness.load.order import order
from harness.load.status import NOT_SENT, UNAVAILABLE, UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.load.engines.wire.link import Link, Row
    from harness.load.engines.wire.pacing import Pacer
    from harness.load.engines.wire.pool import Slot
    from harness.load.job import Job
    from harness.load.session import Session

__all__ = ["drive"]

_TICK_NS = 50_000_000
_GRACE_NS = 1_000_000_000


def drive(
    job: Job,
    session: Session,
    open_link: Callable[[int], Link],
    *,
    lanes: int | None,
    lost: int,
    most_links: int = 0,
) -> None:
    """Carry out a job.

    Args:
        job: what to send, and when.
        session: decides how long, and takes the outcomes.
        open_link: begins to connect to one of the job's targets, by its number.
        lanes: requests in flight on one link at most; None for no limit but the peer's.
        lost: the status of requests whose link was lost.
        most_links: with `lanes`, up to how many links an open loop may open where all are busy.
    """
    sharpen_timers()
    loop = _Loop(job, session, open_link, lanes=lanes, lost=lost, most_links=most_links)
    try:
        loop.run()
    finally:
        loop.close()


class _Loop:
    def __init__(
        self,
        job: Job,
        session: Session,
        open_link: Callable[[int], Link],
        *,
        lanes: int | None,
        lost: int,
        most_links: int,
    ) -> None:
        self._job, self._session = job, session
        self._lost, self._most_links = lost, most_links
        self._timeout_ns = round(job.timeout_s * 1e9)
        self._waiter = Waiter()
        self._pool = Pool(self._waiter, open_link, on_gone=self._gone)
        self._next_tick_ns = 0
        self._pacer = self._paced(lanes)
        self._over, self._extend = self._pacer.over, session.extend

    def run(self) -> None:
        """Open the links, send until the session ends, then wait for what is in flight."""
        session = self._session
        self._until(lambda: all(slot.was_open or (slot.link and slot.link.is_open) for slot in self._pool.slots))
        if session.running:
            session.ready(time.perf_counter_ns())
            self._until(lambda: session.phase != "ready")
        if session.running:
            self._pacer.begin(session.began_ns)
            self._flush()
            self._send()
        self._drain()

    def close(self) -> None:
        """Close every link."""
        self._pool.close()
        self._waiter.close()

    def _paced(self, lanes: int | None) -> Pacer:
        """Open a slot for each lane, or for each target, and return what fills them."""
        job, pool, session = self._job, self._pool, self._session
        numbers = order(len(job.requests), seed=job.shuffle_seed, part=job.part, parts=job.parts)
        if job.arrivals is not None:
            for target in job.lane_targets if lanes else range(len(job.targets)):
                pool.add(target)
            times_ns = job.arrivals.times_ns(part=job.part, parts=job.parts)
            return OnSchedule(session, pool, numbers, times_ns, lanes=lanes, more=self._more)
        if lanes:
            slots = [pool.add(target) for target in job.lane_targets]
        else:
            of_target = {target: pool.add(target) for target in dict.fromkeys(job.lane_targets)}
            slots = [of_target[target] for target in job.lane_targets]
        if job.think_s:
            return Thinking(session, pool, numbers, slots, think_ns=round(job.think_s * 1e9))
        return AtOnce(session, pool, numbers, slots)

    def _more(self) -> Slot | None:
        """Add a slot for an open loop whose links are all busy."""
        if len(self._pool.slots) >= self._most_links:
            return None
        there = [target for target in range(len(self._job.targets)) if target not in self._pool.gone]
        return self._pool.add(there[len(self._pool.slots) % len(there)]) if there else None

    def _until(self, done: Callable[[], bool]) -> None:
        """Look after the links, without sending requests, until that is so or the session has ended."""
        while self._session.running and not done():
            self._flush()
            for link in self._waiter.wait(1_000_000):
                self._serve(link)
            self._tick(time.perf_counter_ns())

    def _send(self) -> None:
        session, pool, serve = self._session, self._pool, self._serve
        wait, send_due = self._waiter.wait, self._pacer.send_due
        while session.running:
            timeout_ns = send_due()
            if pool.unflushed:
                self._flush()
            for link in wait(timeout_ns):
                serve(link)
            now_ns = time.perf_counter_ns()
            if now_ns >= self._next_tick_ns:
                self._tick(now_ns)

    def _drain(self) -> None:
        """Wait for what is in flight, and for what was due in time; tell of what is left after that."""
        session, pool, pacer = self._session, self._pool, self._pacer
        completed = session.ended == "completed"
        pacer.note_due(session.end_ns)  # of which the loop may have had no time to take notice
        until_ns = time.perf_counter_ns() + (self._timeout_ns + _GRACE_NS if completed else _GRACE_NS)
        while (pool.outstanding or (completed and pacer.due)) and time.perf_counter_ns() < until_ns:
            if completed:
                pacer.send_due()
            self._flush()
            for link in self._waiter.wait(LONGEST_WAIT_NS):
                self._serve(link)
            self._tick(time.perf_counter_ns())
        sent, waiting = pool.leftover()
        now_ns = time.perf_counter_ns()
        rows = [(one.scheduled_ns, one.sent_ns, now_ns, UNFINISHED, 0, "no answer when the run ended") for one in sent]
        due = [*(one.scheduled_ns for one in waiting), *pacer.due]
        rows += [(one, now_ns, now_ns, NOT_SENT, 0, "due, but not sent when the run ended") for one in due]
        if rows:
            session.extend(rows)

    def _serve(self, link: Link) -> None:
        """Read a link that is ready, send what follows, and hand over what is over: meanwhile the server works."""
        rows: list[Row] = []
        try:
            rows = link.read()
            if link.takes_more and not link.returned:
                if rows:
                    self._over(link, len(rows))
                link.flush()
                if link.wants_write is not link.is_awaited:
                    self._waiter.update(link)
                if rows:
                    self._extend(rows)
                return
        except LinkLostError as exc:
            if rows:
                self._extend(rows)
            self._lose(link, exc)
            return
        if rows:
            self._extend(rows)
        self._follow(link, len(rows))

    def _follow(self, link: Link, number: int) -> None:
        """Send what follows so many answers where it is not as simple as sending on the same link."""
        slot = self._pool.slot_of(link)
        if link.takes_more:
            again, link.returned = link.returned, []
            for ticket in again:
                link.send(ticket)
        else:
            self._pool.retire(link)
        self._pacer.over_in(slot, number)
        self._pool.touch(link)

    def _lose(self, link: Link, exc: LinkLostError) -> None:
        """Account for what a lost link had in flight."""
        slot = self._pool.slot_of(link)
        lost = self._pool.lose(link, str(exc))
        if lost:
            now_ns = time.perf_counter_ns()
            status = self._lost if exc.status is None else exc.status
            self._session.extend([(one.scheduled_ns, one.sent_ns, now_ns, status, 0, str(exc)) for one in lost])
            self._pacer.over_in(slot, len(lost))

    def _flush(self) -> None:
        for link, exc in self._pool.flush():
            self._lose(link, exc)

    def _tick(self, now_ns: int) -> None:
        """Do what need not be done for every request."""
        self._next_tick_ns = now_ns + _TICK_NS
        pool, session = self._pool, self._session
        session.tick(now_ns)
        for link in pool.links():
            rows = link.expire(now_ns, self._timeout_ns)
            if rows:
                session.extend(rows)
            if rows or not link.takes_more:
                self._follow(link, len(rows))
        for link in pool.late(now_ns):
            self._lose(link, LinkLostError("no connection in time"))
        self._fail_hopeless(now_ns)  # before new links are given what waits
        pool.fill(now_ns)
        outstanding = pool.outstanding + len(self._pacer.due)
        if outstanding > MOST_OUTSTANDING and session.running:
            reason = f"{outstanding:,} requests have no answer: the rate is beyond what server or generator can do"
            session.stop("overrun", reason, now_ns)

    def _fail_hopeless(self, now_ns: int) -> None:
        """Fail what waits for targets that are gone: at every tick, so that lanes do not ask for them without pause."""
        for slot, tickets, why in self._pool.take_hopeless():
            text = f"{self._job.targets[slot.target]} is gone: {why}"
            self._session.extend([(one.scheduled_ns, one.sent_ns, now_ns, UNAVAILABLE, 0, text) for one in tickets])
            self._pacer.over_in(slot, len(tickets))

    def _gone(self, target: int, why: str, since_ns: int) -> None:
        """Note that a target is gone; end the run if it is the last one, or if the run has not begun."""
        session, address = self._session, self._job.targets[target]
        if session.phase == "connecting" or len(self._pool.gone) == len(self._job.targets):
            session.stop("server gone", f"{address}: {why}", since_ns)
        else:
            session.messages.setdefault(f"loss of {address}", why)
