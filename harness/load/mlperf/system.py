"""The system under test as LoadGen sees it: it issues queries, and is told when each sample is answered.

In every scenario but Server LoadGen waits for a query before it issues the next one; then the query is carried on
LoadGen's own thread, from sending to the last answer, and no thread wakes another. In the Server scenario queries
overlap: LoadGen's thread only puts them down and rings a bell, a thread of our own sends and reads.
"""

from __future__ import annotations

import os
import socket
import threading
from collections import Counter, deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from harness.load.status import status_name, succeeded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.load.engines.wire import Link, Row
    from harness.load.mlperf.traffic import Traffic

__all__ = ["Background", "Tally", "carry"]

_WAIT_NS = 50_000_000
_MOST_CHARACTERS = 1_000


class Tally:
    """Tells LoadGen which samples are over, and counts how they ended: LoadGen itself knows of no errors.

    Attributes:
        answered: samples answered well.
        errors: status name to count of the others.
        messages: status name to the first message that came with it.
    """

    def __init__(self, complete: Callable[[list[int]], None]) -> None:
        """Begin at zero; ``complete`` tells LoadGen of the samples with these ids."""
        self.answered = 0
        self.errors: Counter[str] = Counter()
        self.messages: dict[str, str] = {}
        self._complete = complete

    def over(self, rows: list[Row]) -> None:
        """Take how samples ended."""
        self._complete([row[0] for row in rows])
        for row in rows:
            if succeeded(row[3]):
                self.answered += 1
            else:
                name = status_name(row[3])
                self.errors[name] += 1
                self.messages.setdefault(name, row[5][:_MOST_CHARACTERS])


def carry(traffic: Traffic, samples: Sequence[Any]) -> None:
    """Send a query's samples and return when all are answered."""
    traffic.put([(sample.index, sample.id) for sample in samples])
    while traffic.outstanding:
        traffic.step(_WAIT_NS)


class Background:
    """A thread that carries what another one puts down."""

    def __init__(self, traffic: Traffic, *, failed: Callable[[], None]) -> None:
        """Start; ``failed`` is called where an exception ends the thread."""
        self._traffic, self._failed = traffic, failed
        self._put: deque[tuple[int, int]] = deque()
        self._bell = _Bell()
        self._ends = False
        traffic.waiter.watch(cast("Link", self._bell))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def issue(self, samples: Sequence[Any]) -> None:
        """Put a query's samples down and return at once."""
        self._put.extend([(sample.index, sample.id) for sample in samples])
        self._bell.ring()

    def end(self) -> None:
        """End the thread; nothing is outstanding any more."""
        self._ends = True
        self._bell.ring()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._ends:
                self._traffic.step(_WAIT_NS)
                if self._put:
                    self._traffic.put([self._put.popleft() for _ in range(len(self._put))])
        except BaseException:  # noqa: BLE001 - LoadGen would wait for ever
            self._failed()


class _Bell:
    """Wakes the thread that waits for links: itself a link without a peer, which says nothing."""

    returned: tuple[()] = ()
    takes_more = True
    wants_write = is_awaited = False

    def __init__(self) -> None:
        self._here, self._there = socket.socketpair()
        self._here.setblocking(False)
        self._there.setblocking(False)
        self.number = self._here.fileno()

    def ring(self) -> None:
        with suppress(BlockingIOError):  # it is ringing
            os.write(self._there.fileno(), b"!")

    def read(self) -> list[Row]:
        os.read(self.number, 4096)
        return []

    def flush(self) -> None:
        """Say nothing."""
