"""The pool: the links of an engine, each in a slot, and what takes the place of one that ends.

A slot belongs to one target. A link that takes no more requests leaves its slot to the next one at once, and ends when
all it has in flight is answered. A link that is lost is replaced; but if it was never made, or went within a second
without having answered anything, the next one is tried a moment later, so that a server that is gone, or that closes
every connection, is not stormed. After three such tries in a row the target is gone, unless it answers elsewhere; it is
tried all the same, and is gone no longer once it answers.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.load.engines.wire.errors import LinkLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.load.engines.wire.link import Link, Ticket
    from harness.load.engines.wire.waiting import Waiter

__all__ = ["Pool", "Slot"]

_SOON_NS = 1_000_000_000
_CONNECT_NS = 10_000_000_000
_BETWEEN_TRIES_NS = 200_000_000
_GONE_AFTER_TRIES = 3


class Slot:
    """A place for one link after the other to the same target.

    Attributes:
        target: the target's number.
        link: the link that takes requests, None until the next try to connect.
        waiting: requests that wait for it.
        was_open: whether there has been a connection.
    """

    def __init__(self, target: int) -> None:
        """Begin without a link."""
        self.target = target
        self.link: Link | None = None
        self.waiting: list[Ticket] = []
        self.was_open = False
        self.failures = 0
        self.failing_since_ns = 0
        self.try_at_ns = 0


class Pool:
    """The links of an engine.

    Attributes:
        slots: where requests go.
        unflushed: links that were given something to send since the last ``flush``.
        gone: the targets that are gone, and why.
    """

    def __init__(
        self, waiter: Waiter, open_link: Callable[[int], Link], *, on_gone: Callable[[int, str, int], None]
    ) -> None:
        """Begin with nothing.

        Args:
            waiter: is told of every link.
            open_link: begins to connect to a target, by its number.
            on_gone: told which target counts as gone, why, and since when.
        """
        self.slots: list[Slot] = []
        self._waiter, self._open_link, self._on_gone = waiter, open_link, on_gone
        self._slot_of: dict[Link, Slot] = {}  # also of the links that take no more
        self.unflushed: dict[Link, None] = {}
        self._empty: set[Slot] = set()
        self._heard_ns: dict[int, int] = {}
        self.gone: dict[int, str] = {}
        self._gone_since_ns: dict[int, int] = {}

    def add(self, target: int) -> Slot:
        """Add a slot and begin to connect."""
        slot = Slot(target)
        self.slots.append(slot)
        self._fill(slot)
        return slot

    def links(self) -> list[Link]:
        """Return all links, those that take no more included."""
        return list(self._slot_of)

    def slot_of(self, link: Link) -> Slot:
        """Return the slot that a link is in, or has left to another."""
        return self._slot_of[link]

    @property
    def outstanding(self) -> int:
        """Requests that were given to the pool and are not over."""
        return sum(link.in_flight for link in self._slot_of) + sum(len(slot.waiting) for slot in self.slots)

    def send(self, slot: Slot, ticket: Ticket) -> None:
        """Give a request to a slot's link, or let it wait for the next one; ``flush`` sends it."""
        link = slot.link
        if link is None:
            slot.waiting.append(ticket)
        else:
            link.send(ticket)
            self.unflushed[link] = None

    def touch(self, link: Link) -> None:
        """Note that a link may have something to send, if it is still there."""
        if link in self._slot_of:
            self.unflushed[link] = None

    def flush(self) -> Iterator[tuple[Link, LinkLostError]]:
        """Send what was given to links; yields those that are lost."""
        while self.unflushed:
            link, _ = self.unflushed.popitem()
            try:
                link.flush()
            except LinkLostError as exc:
                yield link, exc
            else:
                self._waiter.update(link)

    def retire(self, link: Link) -> None:
        """Let a link that takes no more leave its slot, and close it once it has nothing in flight."""
        slot = self._slot_of[link]
        returned, link.returned = link.returned, []
        if slot.link is link:
            self._leave(slot, link, link.why, is_sound=not link.why)
        for ticket in returned:
            self.send(slot, ticket)
        if not link.in_flight:
            self._forget(link)

    def lose(self, link: Link, why: str) -> list[Ticket]:
        """Let go of a lost link; return what it had in flight, but for what was never sent, which waits again."""
        slot = self._slot_of[link]
        tickets = link.tickets()
        again = link.returned if link.is_open else link.returned + tickets
        self._forget(link)
        if slot.link is link:
            self._leave(slot, link, why if tickets or not link.is_open else "", is_sound=False)
        for ticket in again:
            self.send(slot, ticket)
        return tickets if link.is_open else []

    def fill(self, now_ns: int) -> None:
        """Connect where it is time to try again."""
        for slot in [each for each in self._empty if each.try_at_ns <= now_ns]:
            self._fill(slot)

    def take_hopeless(self) -> list[tuple[Slot, list[Ticket], str]]:
        """Return what waits for targets that are gone, slot by slot, with the reason; and forget it."""
        for target in [each for each in self.gone if self._heard_of(each) >= self._gone_since_ns[each]]:
            del self.gone[target]
        found = []
        for slot in self.slots if self.gone else ():
            if slot.waiting and slot.target in self.gone:
                found.append((slot, slot.waiting, self.gone[slot.target]))
                slot.waiting = []
        return found

    def late(self, now_ns: int) -> list[Link]:
        """Return the links that have been connecting for too long."""
        return [one for one in self._slot_of if not one.is_open and now_ns - one.began_ns > _CONNECT_NS]

    def leftover(self) -> tuple[list[Ticket], list[Ticket]]:
        """Return what was sent and not answered, and what waits to be sent; and forget both."""
        sent = [ticket for link in self._slot_of for ticket in link.tickets()]
        waiting = [ticket for slot in self.slots for ticket in slot.waiting]
        for slot in self.slots:
            slot.waiting.clear()
        return sent, waiting

    def close(self) -> None:
        """Close every link."""
        for link in self._slot_of:
            link.close()

    def _fill(self, slot: Slot) -> None:
        self._empty.discard(slot)
        began_ns = time.perf_counter_ns()
        try:
            link = self._open_link(slot.target)
        except LinkLostError as exc:
            self._failed(slot, str(exc), began_ns)
            return
        slot.link = link
        self._slot_of[link] = slot
        self._waiter.watch(link)
        waiting, slot.waiting = slot.waiting, []
        for ticket in waiting:
            link.send(ticket)
        self.unflushed[link] = None  # there may be a greeting to send

    def _forget(self, link: Link) -> None:
        slot = self._slot_of.pop(link)
        slot.was_open = slot.was_open or link.is_open
        self._heard_ns[slot.target] = max(self._heard_ns.get(slot.target, 0), link.heard_ns)
        self.unflushed.pop(link, None)
        self._waiter.forget(link)
        link.close()

    def _leave(self, slot: Slot, link: Link, why: str, *, is_sound: bool) -> None:
        """Fill the slot of a link that has ended, or decide when; `why` is empty if no request suffers from it."""
        slot.link = None
        now_ns = time.perf_counter_ns()
        if is_sound or link.heard_ns or (link.is_open and now_ns - link.began_ns > _SOON_NS):
            slot.failures = 0
            self._fill(slot)
        elif why:
            self._failed(slot, why, now_ns)
        else:
            self._try_later(slot, now_ns)

    def _failed(self, slot: Slot, why: str, now_ns: int) -> None:
        if not slot.failures or self._heard_of(slot.target) >= slot.failing_since_ns:
            slot.failures, slot.failing_since_ns = 0, now_ns
        slot.failures += 1
        self._try_later(slot, now_ns)
        if slot.failures >= _GONE_AFTER_TRIES:
            self.gone[slot.target] = why
            self._gone_since_ns[slot.target] = now_ns
            self._on_gone(slot.target, why, slot.failing_since_ns)

    def _try_later(self, slot: Slot, now_ns: int) -> None:
        slot.try_at_ns = now_ns + _BETWEEN_TRIES_NS
        self._empty.add(slot)

    def _heard_of(self, target: int) -> int:
        """Return when a target last answered a request, 0 for never."""
        heard = (link.heard_ns for link, slot in self._slot_of.items() if slot.target == target)
        return max(self._heard_ns.get(target, 0), *heard, 0)
