"""Whose turn it is to wait for events: one thread at a time, the others rest.

Threads that all want Python's interpreter lock slow each other down, so quick requests are served by one thread,
without any hand-over. Requests that take long, in TensorFlow above all, are worth a thread each: then the turn is
passed on before the work. A watch passes it on too when a request that should have been quick is not.
"""

from __future__ import annotations

import math
import threading
import time

__all__ = ["Turns"]

_QUICK_S = 0.001
_OVERDUE_S = 0.004
_REST_AFTER_S = 1.0
_WINDOW = 16


class Turns:
    """The turn, and how it is passed on."""

    def __init__(self) -> None:
        """Nobody has the turn yet."""
        self._turn = threading.Lock()
        self._mutex = threading.Lock()
        self._holder: object = None
        self._working_since_s: float | None = None
        # Work is slow when even the fastest of some pieces was: a busy machine makes any piece slow at times.
        self._slow = False
        self._fastest_s = math.inf
        self._pieces = 0
        self._active = threading.Event()
        self._stopping = False
        self._watch = threading.Thread(target=self._watch_over, name="rest-watch", daemon=True)
        self._watch.start()

    def stop(self) -> None:
        """End the watch; let every thread that waits for its turn have it at once."""
        self._stopping = True
        self._active.set()
        self._watch.join()

    def take(self, me: object, timeout_s: float) -> bool:
        """Wait for the turn; False if it did not come in time."""
        if not self._turn.acquire(timeout=timeout_s):
            return False
        self._holder = me
        return True

    def give_up(self, me: object) -> None:
        """Pass the turn on, if it is still mine."""
        with self._mutex:
            if self._holder is me:
                self._pass_on()

    def begin_work(self, me: object) -> float:
        """Say that work begins; the turn is passed on at once if work has been slow. Returns the time."""
        now_s = time.monotonic()
        if self._slow:
            self.give_up(me)
        else:
            self._working_since_s = now_s
            if not self._active.is_set():
                self._active.set()
        return now_s

    def end_work(self, me: object, began_s: float) -> bool:
        """Say that work is done; True if I still have the turn."""
        took_s = time.monotonic() - began_s
        with self._mutex:
            self._judge(took_s)
            mine = self._holder is me
            if mine:
                self._working_since_s = None
            return mine

    def _judge(self, took_s: float) -> None:
        """Take a piece of work into account."""
        self._fastest_s = min(self._fastest_s, took_s)
        self._pieces += 1
        if self._pieces == _WINDOW:
            self._slow = self._fastest_s > _QUICK_S
            self._fastest_s, self._pieces = math.inf, 0

    def _pass_on(self) -> None:
        """Let another thread have the turn."""
        self._holder = self._working_since_s = None
        self._turn.release()

    def _watch_over(self) -> None:
        """Pass the turn on when its holder is at work for too long; sleep while nothing goes on."""
        seen_s = 0.0
        while not self._stopping:
            time.sleep(_OVERDUE_S)
            now_s = time.monotonic()
            with self._mutex:
                since_s = self._working_since_s
                if since_s is not None:
                    seen_s = now_s
                    if now_s - since_s > _OVERDUE_S:
                        self._pass_on()
            if now_s - seen_s > _REST_AFTER_S:
                self._active.clear()
                # Whoever began before that did not know that it had to wake the watch.
                if self._working_since_s is None and not self._stopping:
                    self._active.wait()
                seen_s = time.monotonic()
