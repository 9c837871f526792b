"""Waiting: commands that go on until Ctrl-C, which for them is the way to end and so a success."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.servers import Server

__all__ = ["told_to_stop", "wait_until_told"]

_POLL_S = 0.5


@contextmanager
def told_to_stop() -> Iterator[threading.Event]:
    """Turn Ctrl-C into an event, so that it cannot cut short the look at the server, nor the stop that follows."""
    told = threading.Event()
    previous = signal.signal(signal.SIGINT, lambda *_: told.set())
    try:
        yield told
    finally:
        signal.signal(signal.SIGINT, previous)


def wait_until_told(server: Server, told: threading.Event) -> None:
    """Return at Ctrl-C.

    Raises:
        ServerError: the server ended by itself.
    """
    while server.is_running:
        if told.wait(_POLL_S):
            return
    raise ServerError("the server ended by itself", log_tail=server.log_tail())
