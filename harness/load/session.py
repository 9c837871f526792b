"""Session: what of a run is warm-up, what counts, and when it ends. Pure: engines tell it times, it keeps no clock.

    warming --steady, or the bound--> measuring --its time is up--> ended
       +-----------------stop(reason)-----+----------------------------^

An engine sends while `running`, and gives every outcome to `add`, or many of them to `extend`. Only requests
*scheduled* while measuring become samples, and all of them do, however late they are answered: leaving out the ones
still in flight at the end would leave out the slow ones. In closed loop a request is scheduled when it is sent, and one
is sent for every one that completes, so the number sent in the measured time is also the number completed in it, and
their rate needs no correction for those in flight.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from harness.load.samples import Samples
from harness.load.status import status_name, succeeded
from harness.stats import is_steady

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Ended", "Phase", "Session", "Timing"]

_MOST_CHARACTERS = 1_000

Phase = Literal["warming", "measuring", "ended"]
Ended = Literal["completed", "server gone", "interrupted", "overrun"]


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long the parts of a run take, in nanoseconds.

    Attributes:
        duration_ns: the measured time.
        warmup_bound_ns: the longest warm-up; 0 measures from the first request on.
        window_ns: the shortest window of the warm-up.
        window_requests: the fewest answers in a window, so that slow models get longer ones.
        most_requests: end after so many measured requests if that comes first; None for no such end.
    """

    duration_ns: int
    warmup_bound_ns: int
    window_ns: int = 500_000_000
    window_requests: int = 16
    most_requests: int | None = None


class Session:
    """The state of one run."""

    def __init__(self, timing: Timing, *, on_phase: Callable[[Phase], None] = lambda _: None) -> None:
        """Prepare a run; `begin` starts it. `on_phase` is told every change of phase as it happens."""
        self.running = True
        self.steady = False
        self.ended: Ended = "completed"
        self.reason = ""
        self.messages: dict[str, str] = {}
        self.began_ns = self.start_ns = self.end_ns = 0
        self._timing = timing
        self._most = -1 if timing.most_requests is None else timing.most_requests
        self._on_phase = on_phase
        self._phase: Phase = "warming"
        self._rates: list[float] = []
        self._means: list[float] = []
        self._interrupted = False
        self._columns = (array("q"), array("q"), array("q"), array("h"), array("q"))
        self._appends = tuple(column.append for column in self._columns)
        self._open_window(0)

    @property
    def phase(self) -> Phase:
        """Where the run stands."""
        return self._phase

    def begin(self, now_ns: int) -> None:
        """Start the warm-up, or without one the measurement."""
        self.began_ns = now_ns
        self._open_window(now_ns)
        if self._timing.warmup_bound_ns > 0:
            self._enter("warming")
        else:
            self._start_measuring(now_ns)

    def add(
        self, *, scheduled_ns: int, sent_ns: int, done_ns: int, status: int, response_bytes: int, message: str = ""
    ) -> None:
        """Take the outcome of one request.

        Args:
            scheduled_ns: when it was to leave; in closed loop the same as `sent_ns`.
            sent_ns: when it left.
            done_ns: when its answer had arrived, or its failure was known.
            status: see `harness.load.status`.
            response_bytes: size of the answer.
            message: the error's text; the first one of each status is kept.
        """
        self._add(scheduled_ns, sent_ns, done_ns, status, response_bytes, message)

    def _add(
        self, scheduled_ns: int, sent_ns: int, done_ns: int, status: int, response_bytes: int, message: str
    ) -> None:
        if self._phase == "warming":
            self._warm(done_ns, done_ns - scheduled_ns, answered=succeeded(status))
            return
        if not self.start_ns <= scheduled_ns < self.end_ns or len(self._columns[0]) == self._most:
            return
        for column, value in zip(self._columns, (scheduled_ns, sent_ns, done_ns, status, response_bytes), strict=True):
            column.append(value)
        if message:
            self.messages.setdefault(status_name(status), message[:_MOST_CHARACTERS])
        self.tick(done_ns)

    def extend(self, rows: Sequence[tuple[int, int, int, int, int, str]]) -> None:
        """Take the outcomes of several requests at once: the arguments of `add`, in its order."""
        if self._phase != "measuring":
            for row in rows:
                self._add(*row)
            return
        start_ns, end_ns = self.start_ns, self.end_ns
        scheduled, sent, done, statuses, sizes = self._appends
        for scheduled_ns, sent_ns, done_ns, status, response_bytes, message in rows:
            if not start_ns <= scheduled_ns < end_ns or len(self._columns[0]) == self._most:
                continue
            scheduled(scheduled_ns)
            sent(sent_ns)
            done(done_ns)
            statuses(status)
            sizes(response_bytes)
            if message:
                self.messages.setdefault(status_name(status), message[:_MOST_CHARACTERS])
        self.tick(rows[-1][2])

    def tick(self, now_ns: int) -> None:
        """Notice that time is up, or an interruption, also while no answer comes; engines call it now and then."""
        if self._interrupted:
            self.stop("interrupted", "stopped before its end", now_ns)
        elif self._phase == "warming" and now_ns - self.began_ns >= self._timing.warmup_bound_ns:
            self._start_measuring(now_ns)
        elif self._phase == "measuring" and len(self._columns[0]) == self._most:
            self.end_ns = now_ns
            self._end()
        elif self._phase == "measuring" and now_ns >= self.end_ns:
            self._end()

    def interrupt(self) -> None:
        """Ask, from any thread, for an early end; the next `tick` brings it."""
        self._interrupted = True

    def stop(self, ended: Ended, reason: str, now_ns: int) -> None:
        """End the run early and keep what it has. Later calls change nothing."""
        if self._phase == "ended":
            return
        self.ended, self.reason = ended, reason
        self.end_ns = now_ns if self._phase == "measuring" else 0
        self.start_ns = self.start_ns if self._phase == "measuring" else 0
        self._end()

    def samples(self) -> Samples:
        """Return what was measured."""
        names = ("scheduled_ns", "sent_ns", "done_ns", "status", "response_bytes")
        return Samples(**{name: np.array(column) for name, column in zip(names, self._columns, strict=True)})

    def _warm(self, done_ns: int, latency_ns: int, *, answered: bool) -> None:
        if answered:
            self._count += 1
            self._latency_sum_ns += latency_ns
        elapsed_ns = done_ns - self._window_ns
        if elapsed_ns >= self._timing.window_ns and self._count >= self._timing.window_requests:
            self._rates.append(self._count / elapsed_ns)
            self._means.append(self._latency_sum_ns / self._count)
            self._open_window(done_ns)
            self.steady = is_steady(self._rates) and is_steady(self._means)
        if self.steady:
            self._start_measuring(done_ns)
        else:
            self.tick(done_ns)

    def _open_window(self, now_ns: int) -> None:
        self._window_ns, self._count, self._latency_sum_ns = now_ns, 0, 0

    def _start_measuring(self, now_ns: int) -> None:
        self.start_ns, self.end_ns = now_ns, now_ns + self._timing.duration_ns
        self._enter("measuring")

    def _end(self) -> None:
        self.running = False
        self._enter("ended")

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        self._on_phase(phase)
