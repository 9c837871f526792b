"""What pacers send when, with a pool that only notes it."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

import pytest

from harness.load.engines.wire import pacing
from harness.load.engines.wire.pacing import LONGEST_WAIT_NS, AtOnce, OnSchedule, Thinking
from harness.load.session import Session, Timing

if TYPE_CHECKING:
    from harness.load.engines.wire.link import Ticket

S = 1_000_000_000


class Slot:
    """A slot whose link takes one request at a time."""

    def __init__(self) -> None:
        """Be free."""
        self.link = self
        self.in_flight = 0
        self.waiting: list[Ticket] = []
        self.sent: list[Ticket] = []

    def send(self, ticket: Ticket) -> None:
        """Be busy."""
        self.sent.append(ticket)
        self.in_flight += 1


class Pool:
    """A pool of slots."""

    def __init__(self, number: int) -> None:
        """Begin with so many."""
        self.slots = [Slot() for _ in range(number)]

    def send(self, slot: Slot, ticket: Ticket) -> None:
        """Pass it on."""
        slot.send(ticket)

    def slot_of(self, link: Slot) -> Slot:
        """A slot is its own link here."""
        return link


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The time in nanoseconds, to be set."""
    now = [0]
    monkeypatch.setattr(time, "perf_counter_ns", lambda: now[0])
    return now


def _session(duration_s: float = 10.0) -> Session:
    session = Session(Timing(duration_ns=round(duration_s * S), warmup_bound_ns=0))
    session.begin(0)
    return session


def _on_schedule(session: Session, pool: Any, times_ns: list[int], **options: Any) -> OnSchedule:
    words: dict[str, Any] = {"lanes": 1, "more": lambda: None} | options
    pacer = OnSchedule(session, pool, itertools.count(), iter([*times_ns, 10**18]), **words)
    pacer.begin(0)
    return pacer


def test_at_once_every_answer_is_followed_by_a_request(clock: list[int]) -> None:
    """On the same link, with the next number, until the session has ended."""
    session, pool = _session(), Pool(2)
    pacer = AtOnce(session, pool, itertools.count(), pool.slots)  # type: ignore[arg-type]
    pacer.begin(0)
    clock[0] = 5
    pacer.over(pool.slots[1], 2)  # type: ignore[arg-type]
    assert [tuple(each) for each in pool.slots[1].sent] == [(1, 0, 0, 0), (2, 5, 5, 0), (3, 5, 5, 0)]
    session.stop("interrupted", "", 6)
    pacer.over(pool.slots[0], 1)  # type: ignore[arg-type]
    pacer.over_in(pool.slots[0], 1)  # type: ignore[arg-type]
    assert (len(pool.slots[0].sent), pacer.send_due(), list(pacer.due)) == (1, LONGEST_WAIT_NS, [])


def test_thinking_lanes_send_when_their_time_has_come(clock: list[int]) -> None:
    """The first requests leave at once; one answered at 1 s is followed at 1.5 s, and till then nothing is due."""
    session, pool = _session(), Pool(1)
    pacer = Thinking(session, pool, itertools.count(), pool.slots * 2, think_ns=S // 2)  # type: ignore[arg-type]
    pacer.begin(0)
    assert pacer.send_due() == LONGEST_WAIT_NS
    assert len(pool.slots[0].sent) == 2
    clock[0] = S
    pacer.over(pool.slots[0], 1)  # type: ignore[arg-type]
    clock[0] = 3 * S // 2 - 1_000
    assert (pacer.send_due(), len(pool.slots[0].sent)) == (1_000, 2)
    clock[0] = 3 * S // 2
    pacer.send_due()
    assert tuple(pool.slots[0].sent[-1]) == (2, 3 * S // 2, 3 * S // 2, 0)


def test_a_schedule_is_kept_whatever_is_in_flight(clock: list[int]) -> None:
    """Requests leave in turn over free links; what finds none stays due and leaves later, with its scheduled time."""
    session, pool = _session(), Pool(2)
    pacer = _on_schedule(session, pool, [10, 20, 30, 40])
    clock[0] = 25
    assert pacer.send_due() == 5
    assert [[one.scheduled_ns for one in slot.sent] for slot in pool.slots] == [[10], [20]]
    clock[0] = 35
    pacer.send_due()
    assert list(pacer.due) == [30]
    pool.slots[1].in_flight = 0
    clock[0] = 36
    pacer.send_due()
    assert tuple(pool.slots[1].sent[-1]) == (2, 30, 36, 0)


def test_where_all_links_are_busy_more_are_asked_for(clock: list[int]) -> None:
    """As long as there are more to be had, nothing stays due."""
    session, pool = _session(), Pool(1)

    def more() -> Slot | None:
        if len(pool.slots) == 3:
            return None
        pool.slots.append(Slot())
        return pool.slots[-1]

    pacer = _on_schedule(session, pool, [10, 10, 10, 10], more=more)
    clock[0] = 10
    pacer.send_due()
    assert ([len(slot.sent) for slot in pool.slots], list(pacer.due)) == ([1, 1, 1], [10])


def test_what_was_due_before_the_end_is_noted_after_it(clock: list[int]) -> None:
    """A loop that had no time to look between an arrival and the end does not leave it out; later ones are."""
    session, pool = _session(duration_s=1.0), Pool(1)
    pacer = _on_schedule(session, pool, [S - 20, S - 10, S, S + 10])
    session.tick(S + 50)
    assert not session.running
    clock[0] = S + 60
    pacer.send_due()
    assert ([one.scheduled_ns for one in pool.slots[0].sent], list(pacer.due)) == ([S - 20], [S - 10])


def test_what_is_overdue_is_noted_within_bounds(clock: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """However late the loop comes, it notes one more than is allowed, and takes the session's end from that."""
    monkeypatch.setattr(pacing, "MOST_OUTSTANDING", 100)
    session, pool = _session(), Pool(0)
    pacer = _on_schedule(session, pool, list(range(5_000)))
    clock[0] = S
    pacer.send_due()
    assert len(pacer.due) == 101
