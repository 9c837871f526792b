"""Waiting for sockets with the precision that a schedule needs, at a cost that does not grow with their number.

``epoll`` is cheap, but counts in milliseconds. ``select`` counts in microseconds, but looks at every socket, and at
none above number 1,023. So long waits are epoll's, and the last bit of one is a ``select`` of the epoll object alone,
which can be read when any of its sockets is ready. The kernel wakes a sleeper as late as the process's timer slack
allows (50 us by default), which is made small here; and the very last bit is spent awake: so much can a sleeper be late
that a schedule of thousands a second would not be kept. How late sleepers are depends on the machine, a virtual one is
slow to wake up: so the bit that is spent awake is learnt, as long as nine of ten sleepers are late.
"""

from __future__ import annotations

import select
import selectors
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.load.engines.wire.link import Link

__all__ = ["Poller", "SelectorPoller", "Waiter", "sharpen_timers"]

_READ, _WRITE = 1, 4  # as poll(2) and epoll(7) number them
_AWAKE_NS = 50_000  # at first
_LEAST_AWAKE_NS, _MOST_AWAKE_NS = 10_000, 250_000
_LONGER_NS, _SHORTER_NS = 9_000, 1_000  # in balance if one of ten is later
_COARSE_NS = 2_000_000  # epoll rounds up to a whole millisecond, and wakes up a bit late as well


class Poller(Protocol):
    """What tells which sockets are ready: ``select.epoll``, or what does its work elsewhere."""

    def register(self, number: int, events: int, /) -> object:
        """Watch a socket for these events."""

    def modify(self, number: int, events: int, /) -> object:
        """Watch it for others."""

    def unregister(self, number: int, /) -> object:
        """Watch it no longer."""

    def poll(self, timeout_s: float, /) -> Sequence[tuple[int, int]]:
        """Return the numbers of the sockets that are ready within that time, each with its events."""

    def fileno(self) -> int:
        """Return a number that can itself be waited for."""

    def close(self) -> None:
        """Give the kernel's part back."""


class SelectorPoller:
    """The poller of systems without epoll."""

    def __init__(self) -> None:
        """Watch nothing yet."""
        self._selector = selectors.DefaultSelector()
        self.unregister, self.close = self._selector.unregister, self._selector.close

    def register(self, number: int, events: int) -> None:
        """See ``Poller``."""
        self._selector.register(number, _of_selectors(events))

    def modify(self, number: int, events: int) -> None:
        """See ``Poller``."""
        self._selector.modify(number, _of_selectors(events))

    def poll(self, timeout_s: float) -> list[tuple[int, int]]:
        """See ``Poller``."""
        return [(key.fd, events) for key, events in self._selector.select(timeout_s)]

    def fileno(self) -> int:
        """See ``Poller``."""
        return self._selector.fileno()


def _of_selectors(events: int) -> int:
    return selectors.EVENT_READ | (selectors.EVENT_WRITE if events & _WRITE else 0)


def sharpen_timers() -> None:
    """Ask the kernel to wake this process on time; without effect where it cannot be asked."""
    with suppress(OSError):
        Path("/proc/self/timerslack_ns").write_text("1")


class Waiter:
    """Waits until one of several links can be read, or written where it waits for that, or a time has come."""

    def __init__(self, poller: Poller | None = None) -> None:
        """Watch nothing yet."""
        self._links: dict[int, Link] = {}
        self._poller = poller or (select.epoll() if hasattr(select, "epoll") else SelectorPoller())
        self._poll = self._poller.poll
        self._itself = [self._poller.fileno()]
        self._awake_ns = _AWAKE_NS

    def watch(self, link: Link) -> None:
        """Watch a link; it need not be connected yet."""
        self._links[link.number] = link
        self._poller.register(link.number, _READ)
        self.update(link)

    def forget(self, link: Link) -> None:
        """Watch a link no longer; call it before the link is closed."""
        self._poller.unregister(link.number)
        del self._links[link.number]

    def update(self, link: Link) -> None:
        """Notice whether a link waits to be written."""
        if link.wants_write is not link.is_awaited:
            link.is_awaited = link.wants_write
            self._poller.modify(link.number, _READ | (_WRITE if link.wants_write else 0))

    def close(self) -> None:
        """Give the kernel's part back."""
        self._poller.close()

    def wait(self, timeout_ns: int) -> list[Link]:
        """Return the links that are ready within that time, none if it has passed; 0 only looks.

        May return earlier by what needs more precision, or is better spent awake: ask again then.
        """
        if timeout_ns >= _COARSE_NS:
            ready = self._poll((timeout_ns - _COARSE_NS) / 1e9)
        elif timeout_ns <= self._awake_ns or self._sleep(timeout_ns - self._awake_ns):
            ready = self._poll(0)
        else:
            return []
        links = self._links
        return [links[number] for number, _ in ready]

    def _sleep(self, time_ns: int) -> bool:
        """Return whether something is ready within that time; if not, learn how late a sleeper wakes up."""
        until_ns = time.perf_counter_ns() + time_ns
        if select.select(self._itself, (), (), time_ns / 1e9)[0]:
            return True
        is_late = time.perf_counter_ns() - until_ns > self._awake_ns
        longer_ns = self._awake_ns + (_LONGER_NS if is_late else -_SHORTER_NS)
        self._awake_ns = min(max(longer_ns, _LEAST_AWAKE_NS), _MOST_AWAKE_NS)
        return False
