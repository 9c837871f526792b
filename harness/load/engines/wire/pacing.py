"""Pacers: what is sent when. A loop tells its pacer what is over, and asks it now and then to send what is due.

Closed loop: every answer is replaced by a request at once, on the link it came from, or after a time to think. Open
loop: requests leave when the schedule says so, whatever is in flight; where no link can take one it waits, and its
latency counts from the schedule.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from harness.load.engines.wire.link import Ticket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.load.engines.wire.link import Link
    from harness.load.engines.wire.pool import Pool, Slot
    from harness.load.session import Session

__all__ = ["LONGEST_WAIT_NS", "MOST_OUTSTANDING", "AtOnce", "OnSchedule", "Pacer", "Thinking"]

LONGEST_WAIT_NS = 50_000_000
MOST_OUTSTANDING = 100_000

_new: Any = tuple.__new__  # makes a named tuple at a third of its constructor's cost


class Pacer(Protocol):
    """What a loop asks.

    Attributes:
        due: when requests were due that have not been given to a link.
    """

    @property
    def due(self) -> Sequence[int]:
        """See the class."""

    def begin(self, began_ns: int) -> None:
        """Send the first requests."""

    def over(self, link: Link, number: int) -> None:
        """Send what follows so many answers, if it goes to the link they came from; ``flush`` is the loop's."""

    def over_in(self, slot: Slot, number: int) -> None:
        """Send what follows so many requests of a slot, whose link has changed."""

    def note_due(self, now_ns: int) -> None:
        """Put into ``due`` what has become due by now, and before the session's end."""

    def send_due(self) -> int:
        """Send what is due, and return how long nothing will be, in nanoseconds."""


class AtOnce:
    """A closed loop: so many lanes, each with a request in flight."""

    due: Sequence[int] = ()

    def __init__(self, session: Session, pool: Pool, numbers: Iterator[int], lanes: list[Slot]) -> None:
        """Prepare lanes in these slots; `numbers` says which request is sent next."""
        self._session, self._pool, self._numbers, self._lanes = session, pool, numbers, lanes

    def begin(self, began_ns: int) -> None:  # noqa: ARG002 - of the seam
        """See ``Pacer``."""
        for slot in self._lanes:
            self.over_in(slot, 1)

    def over(self, link: Link, number: int) -> None:
        """See ``Pacer``."""
        if self._session.running:
            now_ns, numbers, send = time.perf_counter_ns(), self._numbers, link.send
            for _ in range(number):
                send(_new(Ticket, (next(numbers), now_ns, now_ns, 0)))

    def over_in(self, slot: Slot, number: int) -> None:
        """See ``Pacer``."""
        if self._session.running:
            now_ns = time.perf_counter_ns()
            for _ in range(number):
                self._pool.send(slot, Ticket(next(self._numbers), now_ns, now_ns))

    def note_due(self, now_ns: int) -> None:
        """See ``Pacer``: there is no schedule."""

    def send_due(self) -> int:
        """See ``Pacer``."""
        return LONGEST_WAIT_NS


class Thinking(AtOnce):
    """A closed loop whose lanes think between an answer and the next request."""

    def __init__(
        self, session: Session, pool: Pool, numbers: Iterator[int], lanes: list[Slot], *, think_ns: int
    ) -> None:
        """Prepare lanes that think for so long."""
        super().__init__(session, pool, numbers, lanes)
        self._think_ns = think_ns
        self._thinks: deque[tuple[int, Slot]] = deque()  # until when, and where the next request goes

    def begin(self, began_ns: int) -> None:
        """See ``Pacer``: the first requests need no thought."""
        self._thinks.extend((began_ns, slot) for slot in self._lanes)

    def over(self, link: Link, number: int) -> None:
        """See ``Pacer``."""
        self.over_in(self._pool.slot_of(link), number)

    def over_in(self, slot: Slot, number: int) -> None:
        """See ``Pacer``."""
        until_ns = time.perf_counter_ns() + self._think_ns
        self._thinks.extend((until_ns, slot) for _ in range(number))

    def send_due(self) -> int:
        """See ``Pacer``."""
        now_ns, thinks = time.perf_counter_ns(), self._thinks
        while thinks and thinks[0][0] <= now_ns and self._session.running:
            _, slot = thinks.popleft()
            self._pool.send(slot, Ticket(next(self._numbers), now_ns, now_ns))
        return min(thinks[0][0] - now_ns, LONGEST_WAIT_NS) if thinks else LONGEST_WAIT_NS


class OnSchedule:
    """An open loop.

    A link takes any number of requests, or with `lanes` that many; where all are busy `more` is asked for another slot.
    """

    def __init__(
        self,
        session: Session,
        pool: Pool,
        numbers: Iterator[int],
        times_ns: Iterator[int],
        *,
        lanes: int | None,
        more: Callable[[], Slot | None],
    ) -> None:
        """Prepare a schedule of times from its beginning."""
        self._session, self._pool, self._numbers, self._times_ns = session, pool, numbers, times_ns
        self._lanes, self._more = lanes, more
        self.due: deque[int] = deque()
        self._began_ns = self._next_ns = 0
        self._turn = -1

    def begin(self, began_ns: int) -> None:
        """See ``Pacer``."""
        self._began_ns = began_ns
        self._next_ns = began_ns + next(self._times_ns)

    def over(self, link: Link, number: int) -> None:
        """See ``Pacer``: requests leave on schedule, not after answers."""

    def over_in(self, slot: Slot, number: int) -> None:
        """See ``Pacer``."""

    def note_due(self, now_ns: int) -> None:
        """See ``Pacer``; what is overdue without bounds is not even noted, for the loop to end the session."""
        session, due = self._session, self.due
        while self._next_ns <= now_ns and len(due) <= MOST_OUTSTANDING:
            if not session.running and self._next_ns >= session.end_ns:
                return
            due.append(self._next_ns)
            self._next_ns = self._began_ns + next(self._times_ns)

    def send_due(self) -> int:
        """See ``Pacer``."""
        due = self.due
        self.note_due(time.perf_counter_ns())
        while due:
            slot = self._free_slot()
            if slot is None:
                break
            self._pool.send(slot, _new(Ticket, (next(self._numbers), due.popleft(), time.perf_counter_ns(), 0)))
        return min(self._next_ns - time.perf_counter_ns(), LONGEST_WAIT_NS)

    def _free_slot(self) -> Slot | None:
        """Return the next slot in turn that takes another request."""
        slots, lanes = self._pool.slots, self._lanes
        for _ in range(len(slots)):
            self._turn = (self._turn + 1) % len(slots)
            slot = slots[self._turn]
            if slot.link is None:
                is_free = lanes is None or slot.target in self._pool.gone  # which fails its share of the requests
            else:
                is_free = lanes is None or (slot.link.in_flight < lanes and not slot.waiting)
            if is_free:
                return slot
        return self._more()
