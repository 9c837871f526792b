"""MemoryWatch: what memory a server uses, asked now and then in a thread; and whether it grows. The verdict is pure."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from typing_extensions import Self

__all__ = ["DEFAULT_TOLERANCE", "Growth", "MemoryWatch", "growth"]

DEFAULT_TOLERANCE = 0.05
"""Share of its memory by which a server may grow in an hour."""

_IGNORED = 0.2
_LEAST_READINGS = 8
_LEAST_SHARE = 0.01
_S_PER_HOUR = 3600.0


class MemoryWatch:
    """Asks every so often how much memory is used, from the beginning of a ``with`` block to its end."""

    def __init__(self, memory: Callable[[], int | None], *, every_s: float) -> None:
        """Ask nothing yet.

        Args:
            memory: tells it; None if it cannot be known (any more).
            every_s: how often to ask.
        """
        self._memory, self._every_s = memory, every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._began_s = 0.0
        self._readings: list[tuple[float, int]] = []

    def __enter__(self) -> Self:
        """Begin to ask."""
        self._began_s = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ask no more."""
        self._over.set()
        self._thread.join()

    def begin_again(self, ago_s: float) -> None:
        """Forget what was told until so many seconds ago."""
        self._began_s = max(self._began_s, time.monotonic() - ago_s)

    @property
    def readings(self) -> tuple[tuple[float, int], ...]:
        """What was told: when, in seconds from the beginning, and how many bytes were used then."""
        return tuple((at_s - self._began_s, used) for at_s, used in tuple(self._readings) if at_s >= self._began_s)

    def _watch(self) -> None:
        while True:
            found = self._memory()
            if found is None:
                return
            self._readings.append((time.monotonic(), found))
            if self._over.wait(self._every_s):
                return


@dataclass(frozen=True, kw_only=True)
class Growth:
    """The slope of a robust straight line through readings of memory, and what it means.

    Attributes:
        slope: bytes a second, the median of the slopes between all pairs (Theil-Sen); None with too few readings.
        low: lower 95 % bound.
        high: upper 95 % bound.
        grows: whether `low` is above what is tolerated.
        seen_share_per_h: the least growth that this time could show, as a share of the memory an hour.
    """

    slope: float | None = None
    low: float | None = None
    high: float | None = None
    grows: bool = False
    seen_share_per_h: float = float("inf")


def growth(at_s: Sequence[float], memory_bytes: Sequence[int], *, tolerance: float = DEFAULT_TOLERANCE) -> Growth:
    """Return whether memory grows.

    The first fifth of the time is left out: there a server fills its caches and arenas. It grows if the lower bound of
    the slope is above `tolerance` an hour, and above what makes 1 % of its memory in the time looked at; less than that
    is to and fro, not growth.

    Args:
        at_s: when each was read, in seconds, rising; shape [n].
        memory_bytes: what was read; shape [n].
        tolerance: share of the memory an hour.
    """
    from scipy.stats import theilslopes  # slow to import

    times, memory = np.asarray(at_s, dtype=float), np.asarray(memory_bytes, dtype=float)
    if not times.size:
        return Growth()
    judged = times >= times[0] + _IGNORED * (times[-1] - times[0])
    times, memory = times[judged], memory[judged]
    if times.size < _LEAST_READINGS:
        return Growth()
    slope, _, low, high = theilslopes(memory, times, 0.95)
    span_h = (times[-1] - times[0]) / _S_PER_HOUR
    seen = max(tolerance, _LEAST_SHARE / span_h)
    limit = seen * float(np.median(memory)) / _S_PER_HOUR
    return Growth(
        slope=float(slope), low=float(low), high=float(high), grows=bool(low > limit), seen_share_per_h=float(seen)
    )
