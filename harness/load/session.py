"""Session: what of a run is warm-up, what counts, and when it ends. Pure: engines tell it times, it keeps no clock.

    connecting --connected--> ready --> warming --steady, or the bound--> measuring --its time is up--> ended
        +-----------------------+----------+-----------stop(reason)-----------+--------------------------^

An engine sends while `running`, and gives every outcome to `add`, or many of them to `extend`. Only requests
*scheduled* while measuring become samples, and all of them do, however late they are answered: leaving out the ones
still in flight at the end would leave out the slow ones. In closed loop a request is scheduled when it is sent, and one
is sent for every one that completes, so the number sent in the measured time is also the number completed in it, and
their rate needs no correction for those in flight.

Several sessions of one run keep together: each waits, `ready`, for the time at which all begin, and goes on warming up,
once it is steady, until the time at which all begin to measure.
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

    from harness.load.answers import Keeper

__all__ = ["Ended", "Phase", "Session", "Timing"]

_MOST_CHARACTERS = 1_000
_NAMES = ("scheduled_ns", "sent_ns", "done_ns", "status", "response_bytes")

Phase = Literal["connecting", "ready", "warming", "warm", "measuring", "ended"]
Ended = Literal["completed", "server gone", "interrupted", "overrun"]


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long the parts of a run take, in nanoseconds.

    Attributes:
        duration_ns: the measured time.
        warmup_bound_ns: the longest warm-up; 0 measures from the first request on.
        window_ns: the shortest window of the warm-up.
        window_requests: the fewest answers in a window, so that slow models get longer ones.
        most_requests: end once so many requests of the measured time are answered, if that comes first; the samples are
            the first so many that were scheduled. None for no such end.
    """

    duration_ns: int
    warmup_bound_ns: int
    window_ns: int = 500_000_000
    window_requests: int = 16
    most_requests: int | None = None


class Session:
    """The state of one run.

    Attributes:
        running: whether to send.
        keeper: chooses the answers to keep, None to keep none.
    """

    def __init__(
        self,
        timing: Timing,
        *,
        on_phase: Callable[[Phase], None] = lambda _: None,
        together: bool = False,
        keeper: Keeper | None = None,
    ) -> None:
        """Prepare a run; `ready` or `begin` starts it. `on_phase` is told every change of phase as it happens."""
        self.running = True
        self.steady = False
        self.keeper = keeper
        self.ended: Ended = "completed"
        self.reason = ""
        self.messages: dict[str, str] = {}
        self.began_ns = self.start_ns = self.end_ns = 0
        self._timing = timing
        self._counts = timing.most_requests is not None
        self._together = together
        self._begin_at_ns: int | None = None
        self._measure_at_ns: int | None = None
        self._on_phase = on_phase
        self._phase: Phase = "connecting"
        self._rates: list[float] = []
        self._means: list[float] = []
        self._interrupted = False
        self._columns = (array("q"), array("q"), array("q"), array("h"), array("q"))
        self._appends = tuple(column.append for column in self._columns)
        self._samples: Samples | None = None
        self._open_window(0)

    @property
    def phase(self) -> Phase:
        """Where the run stands."""
        return self._phase

    def ready(self, now_ns: int) -> None:
        """Begin, or, together with others, wait for the time that `begin_at` gives; `tick` notices it."""
        if self._together:
            self._enter("ready")
            self.tick(now_ns)
        else:
            self.begin(now_ns)

    def begin(self, now_ns: int) -> None:
        """Start the warm-up, or without one the measurement; without effect if the run has been stopped already."""
        if self._phase == "ended":
            return
        self.began_ns = now_ns
        self._open_window(now_ns)
        if self._timing.warmup_bound_ns > 0:
            self._enter("warming")
        else:
            self._start_measuring(now_ns)

    def begin_at(self, time_ns: int) -> None:
        """Say, from any thread, when those that are together begin."""
        self._begin_at_ns = time_ns

    def measure_at(self, time_ns: int) -> None:
        """Say, from any thread, when those that are together begin to measure."""
        self._measure_at_ns = time_ns

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
        self.tick(done_ns)
        if self._phase in ("warming", "warm"):
            self._warm(done_ns, done_ns - scheduled_ns, answered=succeeded(status))
            return
        if not self.start_ns <= scheduled_ns < self.end_ns:
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
            if start_ns <= scheduled_ns < end_ns:
                scheduled(scheduled_ns)
                sent(sent_ns)
                done(done_ns)
                statuses(status)
                sizes(response_bytes)
                if message:
                    self.messages.setdefault(status_name(status), message[:_MOST_CHARACTERS])
        if done_ns >= end_ns or self._counts:
            self.tick(done_ns)

    def tick(self, now_ns: int) -> None:
        """Notice that time is up, or an interruption, also while no answer comes; engines call it now and then."""
        if self._interrupted:
            self.stop("interrupted", "stopped before its end", now_ns)
        elif self._phase == "measuring":
            self._tick_measuring(now_ns)
        elif self._phase == "warming" and now_ns - self.began_ns >= self._timing.warmup_bound_ns:
            self._end_warmup(now_ns)
        elif self._phase == "warm" and self._measure_at_ns is not None and now_ns >= self._measure_at_ns:
            self._start_measuring(self._measure_at_ns)
        elif self._phase == "ready" and self._begin_at_ns is not None and now_ns >= self._begin_at_ns:
            self.begin(self._begin_at_ns)

    def _tick_measuring(self, now_ns: int) -> None:
        if self._timing.most_requests is not None and len(self._columns[0]) >= self._timing.most_requests:
            self.end_ns = min(now_ns, self.end_ns)
            self._end()
        elif now_ns >= self.end_ns:
            self._end()

    def interrupt(self) -> None:
        """Ask, from any thread, for an early end; the next `tick` brings it."""
        self._interrupted = True

    def stop(self, ended: Ended, reason: str, now_ns: int) -> None:
        """End the run early and keep what it has; `now_ns` may lie back. Later calls change nothing."""
        if self._phase == "ended":
            return
        self.ended, self.reason = ended, reason
        self.start_ns = self.start_ns if self._phase == "measuring" else 0
        self.end_ns = max(now_ns, self.start_ns) if self._phase == "measuring" else 0
        self._end()

    def samples(self) -> Samples:
        """Return what was measured, in the order it was scheduled; once the run has ended, for good.

        A number of requests to end after cuts off what was scheduled later than these, and the measured time with it.
        """
        if self._samples is None or self.running:
            self._samples = self._cut()
        return self._samples

    def _cut(self) -> Samples:
        columns = [np.array(column) for column in self._columns]
        order = np.argsort(columns[0], kind="stable")
        order = order[columns[0][order] < self.end_ns]  # the end may have been set back
        most = self._timing.most_requests
        if most is not None and len(order) > most:
            self.end_ns = max(int(columns[0][order[most]]), self.start_ns + 1)
            order = order[:most]
        return Samples(**{name: column[order] for name, column in zip(_NAMES, columns, strict=True)})

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
            if self.steady and self._phase == "warming":
                self._end_warmup(done_ns)

    def _open_window(self, now_ns: int) -> None:
        self._window_ns, self._count, self._latency_sum_ns = now_ns, 0, 0

    def _end_warmup(self, now_ns: int) -> None:
        if self._together:
            self._enter("warm")
        else:
            self._start_measuring(now_ns)

    def _start_measuring(self, now_ns: int) -> None:
        self.start_ns, self.end_ns = now_ns, now_ns + self._timing.duration_ns
        self._enter("measuring")

    def _end(self) -> None:
        self.running = False
        self._enter("ended")

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        self._on_phase(phase)
