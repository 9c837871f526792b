"""Tally: what the requests of one API came to, small enough to travel from a worker to its master.

Latencies are counted in an HDR histogram: 1 us resolution up to 2 ms, three significant digits above. The sum of two
histograms is that of all their samples, which holds of no percentile.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from hdrh.histogram import HdrHistogram

from harness.load.status import status_name, succeeded
from harness.stats import DEFAULT_PERCENTS, Percentile, most_over, samples_needed

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Tally"]

_LONGEST_US = 3_600_000_000
_DIGITS = 3
_NS_PER_US = 1_000


class Tally:
    """Latencies and errors; of a worker also how long it has been sending."""

    def __init__(self) -> None:
        """Begin empty."""
        self._histogram = HdrHistogram(1, _LONGEST_US, _DIGITS)
        self.errors: Counter[str] = Counter()
        self.clipped = 0
        self._first_ns: int | None = None
        self._last_ns = 0

    @property
    def n(self) -> int:
        """Requests answered well."""
        return int(self._histogram.get_total_count())

    @property
    def elapsed_s(self) -> float:
        """Seconds from the first request's time to the last answer, of this process's own clock."""
        return 0.0 if self._first_ns is None else (self._last_ns - self._first_ns) / 1e9

    def add(self, *, scheduled_ns: int, done_ns: int, status: int) -> None:
        """Count one request; the latency of one that failed is not counted."""
        self._first_ns = scheduled_ns if self._first_ns is None else min(self._first_ns, scheduled_ns)
        self._last_ns = max(self._last_ns, done_ns)
        if not succeeded(status):
            self.errors[status_name(status)] += 1
            return
        latency_us = max(1, round((done_ns - scheduled_ns) / _NS_PER_US))
        self.clipped += latency_us > _LONGEST_US
        self._histogram.record_value(min(latency_us, _LONGEST_US))

    def take(self) -> dict[str, Any]:
        """Return what has been counted since the last time, as a message holds it, and count from zero.

        How long it has been sending goes on.
        """
        message = {
            "histogram": self._histogram.encode().decode("ascii"),
            "errors": dict(self.errors),
            "clipped": self.clipped,
            "elapsed_s": self.elapsed_s,
        }
        self._histogram = HdrHistogram(1, _LONGEST_US, _DIGITS)
        self.errors.clear()
        self.clipped = 0
        return message

    def join(self, message: Mapping[str, Any]) -> None:
        """Add what another process has counted."""
        self._histogram.decode_and_add(message["histogram"].encode("ascii"))
        self.errors.update(message["errors"])
        self.clipped += message["clipped"]

    def percentiles(self) -> tuple[Percentile, ...]:
        """Return the usual percentiles with their bounds, as exact as the histogram, each only with enough samples."""
        return tuple(self._percentile(percent) for percent in DEFAULT_PERCENTS)

    def _percentile(self, percent: float) -> Percentile:
        needed = samples_needed(percent)
        if self.n < needed:
            return Percentile(percent=percent, value_ns=None, upper_ns=None, n=self.n, needed=needed)
        bound = 100 * (self.n - most_over(self.n, percent)) / self.n
        value_us, upper_us = (self._histogram.get_value_at_percentile(each) for each in (percent, bound))
        return Percentile(
            percent=percent,
            value_ns=value_us * float(_NS_PER_US),
            upper_ns=max(value_us, upper_us) * float(_NS_PER_US),
            n=self.n,
            needed=needed,
        )
