"""Arrivals: when requests leave in open loop, drawn from a seed and known before the first of them is sent. Pure.

constant   evenly spaced
poisson    independent arrivals: exponential gaps
ramp       the rate grows (or falls) evenly from ``rate_per_s`` to ``end_rate_per_s`` within ``over_s``, then stays
step       ``rate_per_s``, and from ``over_s`` on ``end_rate_per_s``
burst      groups of ``burst`` requests at once, evenly spaced; the mean rate is ``rate_per_s``
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Literal

import numpy as np

from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

__all__ = ["SHAPES", "Arrivals", "Shape"]

Shape = Literal["constant", "poisson", "ramp", "step", "burst"]
SHAPES: tuple[Shape, ...] = ("constant", "poisson", "ramp", "step", "burst")

_CHUNK = 4096


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """A schedule without an end.

    Attributes:
        rate_per_s: requests a second, at the beginning where the rate changes.
        shape: how they are spread, see the module.
        seed: of what is drawn; the same seed, the same schedule.
        end_rate_per_s: of ``ramp`` and ``step``: the later rate.
        over_s: of ``ramp`` and ``step``: how long the earlier rate lasts, or the change takes.
        burst: of ``burst``: how many requests at once.

    Raises:
        UsageError: a value that makes no schedule.
    """

    rate_per_s: float
    shape: Shape = "poisson"
    seed: int = 0
    end_rate_per_s: float | None = None
    over_s: float | None = None
    burst: int = 1

    def __post_init__(self) -> None:
        """Refuse what makes no schedule."""
        if self.shape not in SHAPES:
            raise UsageError(f"{self.shape!r} is no shape of arrivals; there are {', '.join(SHAPES)}")
        for name in ("rate_per_s", "end_rate_per_s"):
            rate = getattr(self, name)
            if rate is not None and not 0 < rate <= 1e7:
                raise UsageError(f"{name} must lie between 0 and 10,000,000 requests a second, got {rate!r}")
        changes = self.shape in {"ramp", "step"}
        if changes != (self.end_rate_per_s is not None) or changes != (self.over_s is not None):
            raise UsageError("end_rate_per_s and over_s go with the shapes ramp and step, and only with them")
        if self.over_s is not None and not 0 < self.over_s <= 86_400:
            raise UsageError(f"over_s must lie between 0 and 86,400 seconds, got {self.over_s!r}")
        if self.burst < 1 or (self.burst > 1 and self.shape != "burst"):
            raise UsageError(f"burst={self.burst}: give a number of at least 1, and the shape 'burst' with it")

    def times_ns(self, *, part: int = 0, parts: int = 1) -> Iterator[int]:
        """Yield the time of each arrival, in nanoseconds from the beginning, never falling.

        Args:
            part: with several senders, which one this is: arrivals are dealt out to them in turn.
            parts: how many senders there are.
        """
        random = np.random.default_rng(self.seed)
        total = 0.0  # the arrivals' own time: how many are due by then, at an even rate of 1
        for chunk in count():
            units, total = self._units(random, chunk, total)
            first = (part - chunk * _CHUNK) % parts
            yield from (self._seconds(units[first::parts]) * 1e9).astype(np.int64).tolist()

    def _units(self, random: np.random.Generator, chunk: int, total: float) -> tuple[npt.NDArray[np.float64], float]:
        index = np.arange(chunk * _CHUNK, (chunk + 1) * _CHUNK, dtype=np.float64)
        if self.shape == "poisson":
            units = total + np.cumsum(random.exponential(1.0, _CHUNK))
            return units, float(units[-1])
        return (np.floor(index / self.burst) * self.burst if self.shape == "burst" else index), 0.0

    def _seconds(self, units: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return when so many requests are due: the inverse of the rate's integral."""
        first = self.rate_per_s
        if self.end_rate_per_s is None or self.over_s is None:
            return units / first
        second, over = self.end_rate_per_s, self.over_s
        if self.shape == "step":
            return np.where(units < first * over, units / first, over + (units - first * over) / second)
        slope = (second - first) / over
        within = (first + second) / 2 * over
        root = np.sqrt(np.maximum(first**2 + 2 * slope * np.minimum(units, within), 0.0))
        ramp = 2 * np.minimum(units, within) / (first + root)
        return np.where(units < within, ramp, over + (units - within) / second)
