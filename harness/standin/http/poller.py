"""Waiting for sockets, by several threads at once, one event for one thread.

An armed socket is reported once to one of the waiting threads and is then disarmed, until that thread arms it
again. So no two threads ever work on one connection, and none has to hand work to another.
"""

from __future__ import annotations

import contextlib
import select
import selectors
import threading
from typing import Protocol

__all__ = ["EpollPoller", "Poller", "SelectorPoller", "make_poller"]


class Poller(Protocol):
    """One-shot readiness of file descriptors."""

    def add(self, fd: int) -> None:
        """Take a descriptor on and arm it for reading."""

    def arm(self, fd: int, *, write: bool) -> None:
        """Report the descriptor once more: when it can be read, or written."""

    def remove(self, fd: int) -> None:
        """Forget a descriptor, which must still be open."""

    def wait(self, timeout_s: float) -> int | None:
        """Return a ready descriptor, now disarmed, or None when the time is over."""

    def close(self) -> None:
        """Free what the poller holds."""


class EpollPoller:
    """Linux: epoll does all of this by itself."""

    def __init__(self) -> None:
        """Open an epoll set."""
        self._epoll = select.epoll()

    def add(self, fd: int) -> None:
        """Take a descriptor on and arm it for reading."""
        self._epoll.register(fd, select.EPOLLIN | select.EPOLLONESHOT)

    def arm(self, fd: int, *, write: bool) -> None:
        """Report the descriptor once more."""
        self._epoll.modify(fd, (select.EPOLLOUT if write else select.EPOLLIN) | select.EPOLLONESHOT)

    def remove(self, fd: int) -> None:
        """Forget a descriptor."""
        with contextlib.suppress(OSError):
            self._epoll.unregister(fd)

    def wait(self, timeout_s: float) -> int | None:
        """Return a ready descriptor."""
        events = self._epoll.poll(timeout_s, 1)
        return events[0][0] if events else None

    def close(self) -> None:
        """Close the epoll set."""
        self._epoll.close()


class SelectorPoller:
    """Elsewhere: one thread at a time waits in a selector, the others wait for their turn."""

    _SLICE_S = 0.05  # how soon a descriptor armed meanwhile is looked at, where the system does not do so at once

    def __init__(self) -> None:
        """Open a selector."""
        self._selector = selectors.DefaultSelector()
        self._turn = threading.Lock()

    def add(self, fd: int) -> None:
        """Take a descriptor on and arm it for reading."""
        self.arm(fd, write=False)

    def arm(self, fd: int, *, write: bool) -> None:
        """Report the descriptor once more."""
        self._selector.register(fd, selectors.EVENT_WRITE if write else selectors.EVENT_READ)

    def remove(self, fd: int) -> None:
        """Forget a descriptor, if it is armed."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(fd)

    def wait(self, timeout_s: float) -> int | None:
        """Return a ready descriptor."""
        if not self._turn.acquire(timeout=timeout_s):
            return None
        try:
            for key, _ in self._selector.select(min(timeout_s, self._SLICE_S)):
                with contextlib.suppress(KeyError):
                    self._selector.unregister(key.fd)
                    return key.fd
            return None
        finally:
            self._turn.release()

    def close(self) -> None:
        """Close the selector."""
        self._selector.close()


def make_poller() -> Poller:
    """Return the best poller of this system."""
    return EpollPoller() if hasattr(select, "epoll") else SelectorPoller()
