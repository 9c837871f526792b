"""Timeline: a load run in slices of its measured time, and what the server used meanwhile."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import numpy as np

from harness.results import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from harness.load import LoadResult, ServerUsage

__all__ = ["MOST_WINDOWS", "UsageWatch", "windows_of"]

MOST_WINDOWS = 60
_SLICES_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800)
_EVERY_S = 0.5
_SLOWEST_READING_S = 0.1

Reading = tuple[int, int]
"""When, by ``time.perf_counter_ns``, and the processor time used until then, in microseconds."""


class UsageWatch:
    """Asks now and then, while a run is measured, what the server has used; in a thread of its own.

    It stops where an answer takes long, for asking then costs the machine what is to be measured, and where none comes.
    """

    def __init__(self, usage: Callable[[], ServerUsage | None], *, every_s: float = _EVERY_S) -> None:
        """Ask nothing yet.

        Args:
            usage: tells what the server has used since its start, None if it cannot be known.
            every_s: how often to ask.
        """
        self._usage, self._every_s = usage, every_s
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self.readings: list[Reading] = []

    def usage(self) -> ServerUsage | None:
        """Ask now, and keep the answer."""
        found = self._usage()
        if found is not None:
            self.readings.append((time.perf_counter_ns(), found.cpu_us))
        return found

    def hear(self, phase: str) -> None:
        """Begin to ask when measuring begins, stop when it ends."""
        if phase == "measuring" and self.readings:
            self._thread = threading.Thread(target=self._watch, daemon=True)
            self._thread.start()
        elif phase == "ended":
            self.stop()

    def stop(self) -> None:
        """Ask no more."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self._every_s):
            began_s = time.perf_counter()
            if self.usage() is None or time.perf_counter() - began_s > _SLOWEST_READING_S:
                return


def windows_of(result: LoadResult, readings: Sequence[Reading] = ()) -> tuple[Window, ...]:
    """Return the measured time in slices of equal length, the last one shorter; none if nothing was measured.

    A request belongs to the slice in which it was scheduled.

    Args:
        result: the run.
        readings: what the server had used when, in order.
    """
    samples, duration_s = result.samples, result.duration_s
    if not duration_s or not len(samples):
        return ()
    length_s = next((each for each in _SLICES_S if each * MOST_WINDOWS >= duration_s), duration_s / MOST_WINDOWS)
    starts_s = np.arange(0, duration_s - 1e-9, length_s)
    ends_s = np.minimum(starts_s + length_s, duration_s)
    start_ns = int(samples.scheduled_ns.min())
    place = np.clip(((samples.scheduled_ns - start_ns) / (length_s * 1e9)).astype(int), 0, starts_s.size - 1)
    shares = _cpu_shares(start_ns + starts_s * 1e9, start_ns + ends_s * 1e9, sorted(readings))
    latency_ns = samples.done_ns - samples.scheduled_ns
    return tuple(
        _window(float(begin), float(end), latency_ns[place == index], samples.ok[place == index], shares[index])
        for index, (begin, end) in enumerate(zip(starts_s, ends_s, strict=True))
    )


def _window(
    begin_s: float, end_s: float, latency_ns: npt.NDArray[np.int64], ok: npt.NDArray[np.bool_], share: float | None
) -> Window:
    good = latency_ns[ok]
    return Window(
        start_s=begin_s,
        duration_s=end_s - begin_s,
        n=int(good.size),
        errors=int((~ok).sum()),
        p50_ns=float(np.median(good)) if good.size else None,
        max_ns=float(good.max()) if good.size else None,
        server_cpu_share=share,
    )


def _cpu_shares(
    begin_ns: npt.NDArray[np.float64], end_ns: npt.NDArray[np.float64], readings: Sequence[Reading]
) -> list[float | None]:
    """Return the share of a core used in each slice; None where less than half of it lies between two readings."""
    if len(readings) < 2:
        return [None] * begin_ns.size
    times_ns, used_us = (np.array(column, dtype=float) for column in zip(*readings, strict=True))
    first_ns = np.clip(begin_ns, times_ns[0], times_ns[-1])
    last_ns = np.clip(end_ns, times_ns[0], times_ns[-1])
    seen_ns = last_ns - first_ns
    spent_ns = (np.interp(last_ns, times_ns, used_us) - np.interp(first_ns, times_ns, used_us)) * 1e3
    known = seen_ns >= (end_ns - begin_ns) / 2
    return [float(spent / seen) if one else None for spent, seen, one in zip(spent_ns, seen_ns, known, strict=True)]
