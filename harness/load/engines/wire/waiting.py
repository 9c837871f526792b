"""Waiting for sockets with the precision that a schedule needs.

``epoll`` counts in milliseconds. ``select`` counts in microseconds, and the kernel wakes it as late as the process's
timer slack allows (50 us by default), which is made small here; it is for few sockets. The last bit of each wait is
spent awake: so much can a sleeper be late that a schedule of thousands a second would not be kept.
"""

from __future__ import annotations

import select
import selectors
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.load.engines.wire.link import Link

__all__ = ["Waiter", "sharpen_timers"]

_AWAKE_NS = 50_000
_AWAKE_AMONG_MANY_NS = 1_000_000
_FEW = 64
_LARGEST_NUMBER = 1024  # select's own limit


def sharpen_timers() -> None:
    """Ask the kernel to wake this process on time; without effect where it cannot be asked."""
    with suppress(OSError):
        Path("/proc/self/timerslack_ns").write_text("1")


class Waiter:
    """Waits until one of several links can be read, or written where it waits for that, or a time has come."""

    def __init__(self) -> None:
        """Watch nothing yet."""
        self._links: dict[int, Link] = {}
        self._writers: set[int] = set()
        self._selector = selectors.DefaultSelector()

    def watch(self, link: Link) -> None:
        """Watch a link."""
        self._links[link.fileno()] = link
        self._selector.register(link.fileno(), selectors.EVENT_READ, link)

    def forget(self, link: Link) -> None:
        """Watch a link no longer; call it before the link is closed."""
        self._selector.unregister(link.fileno())
        self._writers.discard(link.fileno())
        del self._links[link.fileno()]

    def update(self, link: Link) -> None:
        """Notice whether a link waits to be written."""
        number = link.fileno()
        if link.wants_write == (number in self._writers):
            return
        self._writers ^= {number}
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if link.wants_write else 0)
        self._selector.modify(number, events, link)

    def close(self) -> None:
        """Give the kernel's part back."""
        self._selector.close()

    def wait(self, timeout_ns: int) -> Sequence[Link]:
        """Return the links that are ready within that time, none if it has passed; 0 only looks.

        May return earlier by what is better spent awake: ask again then.
        """
        if len(self._links) <= _FEW and max(self._links, default=0) < _LARGEST_NUMBER:
            timeout_s = (timeout_ns - _AWAKE_NS) / 1e9 if timeout_ns > _AWAKE_NS else 0
            readable, writable, _ = select.select(self._links, self._writers, (), timeout_s)
            numbers = dict.fromkeys(readable + writable) if writable else readable
            return [self._links[number] for number in numbers]
        timeout_s = (timeout_ns - _AWAKE_AMONG_MANY_NS) / 1e9 if timeout_ns > _AWAKE_AMONG_MANY_NS else 0
        return [key.data for key, _ in self._selector.select(timeout_s)]
