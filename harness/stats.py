"""Statistics of latency samples: percentiles that know whether they may be printed, summaries, steadiness.

Sample sufficiency follows MLPerf's early-stopping rule. If a share ``1 - q`` of all requests took longer than some
limit, then the number of requests over it among n is binomial, and seeing h or fewer has the probability

    P(h; n, q) = sum over k <= h of C(n, k) (1 - q)^k q^(n - k)

Once that falls to ``1 - confidence``, at most a share ``1 - q`` is over the limit, with that confidence: the q-quantile
is at or below the limit. The smallest such n is `samples_needed(q, over=h)`; for h = 0 it is ln(1 - confidence) / ln q.
Turned round, n samples bound the quantile from above by the largest sample but h, for the largest h they allow;
with fewer than `samples_needed(q)` samples not even the largest is a bound, and there is nothing to print.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

__all__ = [
    "DEFAULT_PERCENTS",
    "Percentile",
    "Summary",
    "is_steady",
    "most_over",
    "percentile",
    "samples_needed",
    "summarise",
]

DEFAULT_PERCENTS = (50.0, 90.0, 99.0, 99.9)
_CONFIDENCE = 0.99


@dataclass(frozen=True, kw_only=True)
class Percentile:
    """A percentile of latency, or the statement that there are too few samples for it.

    Attributes:
        percent: which one, e.g. 99.0.
        value_ns: the sample's percentile, None with insufficient samples.
        upper_ns: with 99 % confidence the true one is not above this; None with insufficient samples.
        n: how many samples there were.
        needed: how many it takes at least.
    """

    percent: float
    value_ns: float | None
    upper_ns: float | None
    n: int
    needed: int

    @property
    def sufficient(self) -> bool:
        """Whether there were enough samples."""
        return self.value_ns is not None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A sample of latencies in a few numbers; ``stddev_ns`` (of the sample) is None for a single one."""

    n: int
    mean_ns: float
    median_ns: float
    stddev_ns: float | None
    min_ns: float
    max_ns: float
    percentiles: tuple[Percentile, ...]


def samples_needed(percent: float, *, over: int = 0, confidence: float = _CONFIDENCE) -> int:
    """Return the fewest samples that establish a percentile when `over` of them exceed the limit.

    Args:
        percent: the percentile, above 0 and below 100.
        over: how many samples exceed the limit.
        confidence: above 0 and below 1.

    Raises:
        UsageError: an argument is out of its range.
    """
    if not 0 < percent < 100:
        raise UsageError(f"a percentile must lie between 0 and 100, both excluded, got {percent!r}")
    if over < 0:
        raise UsageError(f"the number of samples over the limit cannot be negative, got {over!r}")
    if not 0 < confidence < 1:
        raise UsageError(f"confidence must lie between 0 and 1, both excluded, got {confidence!r}")
    risk = 1 - confidence
    return _first_true(lambda n: _at_most(over, n, percent) <= risk, start=over + 1)


def most_over(n: int, percent: float) -> int:
    """Return how many of n samples may exceed a limit that still bounds a percentile with 99 % confidence.

    The largest sample but so many is that bound. For n of at least ``samples_needed(percent)``.
    """
    return _first_true(lambda over: _at_most(over, n, percent) > 1 - _CONFIDENCE, start=0) - 1


def percentile(samples_ns: npt.ArrayLike, percent: float) -> Percentile:
    """Return a percentile of the samples, or its insufficiency.

    Args:
        samples_ns: latencies in nanoseconds, shape [n], any order.
        percent: which one, above 0 and below 100.

    Raises:
        UsageError: the samples are not a flat array of finite numbers, or `percent` is out of range.
    """
    return _percentile_of_sorted(np.sort(_flat(samples_ns)), percent)


def summarise(samples_ns: npt.ArrayLike, *, percents: Sequence[float] = DEFAULT_PERCENTS) -> Summary:
    """Return the samples in a few numbers.

    Args:
        samples_ns: latencies in nanoseconds, shape [n] with n > 0, any order.
        percents: which percentiles to try.

    Raises:
        UsageError: there is no sample, or they are not a flat array of finite numbers.
    """
    ordered = np.sort(_flat(samples_ns))
    if ordered.size == 0:
        raise UsageError("there is no sample to summarise; look at the errors of the run instead")
    return Summary(
        n=int(ordered.size),
        mean_ns=float(ordered.mean()),
        median_ns=float(np.median(ordered)),
        stddev_ns=float(ordered.std(ddof=1)) if ordered.size > 1 else None,
        min_ns=float(ordered[0]),
        max_ns=float(ordered[-1]),
        percentiles=tuple(_percentile_of_sorted(ordered, percent) for percent in percents),
    )


def is_steady(windows: Sequence[float], *, last: int = 3, tolerance: float = 0.10) -> bool:
    """Return whether the last windows agree: the largest exceeds the smallest by at most `tolerance` of it.

    Fewer than `last` windows, or one that is zero, negative or not finite, are not steady.
    """
    tail = np.asarray(windows[-last:], dtype=float)
    if tail.size < last or not np.all(np.isfinite(tail)) or tail.min() <= 0:
        return False
    return bool(tail.max() <= tail.min() * (1 + tolerance))


def _flat(samples_ns: npt.ArrayLike) -> npt.NDArray[np.float64]:
    samples = np.asarray(samples_ns, dtype=np.float64)
    if samples.ndim != 1:
        raise UsageError(f"samples must be a flat array, got shape {samples.shape}")
    if not np.all(np.isfinite(samples)):
        raise UsageError("samples must be finite, but there is a NaN or an infinity among them")
    return samples


def _percentile_of_sorted(ordered: npt.NDArray[np.float64], percent: float) -> Percentile:
    n, needed = int(ordered.size), samples_needed(percent)
    if n < needed:
        return Percentile(percent=percent, value_ns=None, upper_ns=None, n=n, needed=needed)
    return Percentile(
        percent=percent,
        value_ns=float(np.percentile(ordered, percent)),
        upper_ns=float(ordered[n - 1 - most_over(n, percent)]),
        n=n,
        needed=needed,
    )


def _at_most(over: int, n: int, percent: float) -> float:
    """P of the module's formula: at most so many of n samples over the percentile."""
    from scipy.special import bdtr  # half of the start-up time of whoever imports this module

    return float(bdtr(over, n, (100 - percent) / 100))


def _first_true(condition: Callable[[int], bool], *, start: int) -> int:
    """Return the smallest integer from `start` on that meets a condition which, once met, stays met."""
    low, step = start, 1
    while not condition(low + step - 1):
        low, step = low + step, step * 2
    high = low + step - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if condition(middle) else (middle + 1, high)
    return low
