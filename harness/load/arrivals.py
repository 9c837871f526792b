"""Arrivals: when requests leave in open loop, drawn from a seed and known before the first of them is sent. Pure.

constant   evenly spaced
poisson    independent arrivals: exponential gaps
ramp       the rate grows (or falls) evenly from ``rate_per_s`` to ``end_rate_per_s`` within ``over_s``, then stays
step       ``rate_per_s``, and from ``over_s`` on ``end_rate_per_s``
burst      groups of ``burst`` requests at once, evenly spaced; the mean rate is ``rate_per_s``
recorded   at times that were seen before, ``times_s``, so many times as fast as ``speed`` says
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Literal

import numpy as np

from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

__all__ = ["SHAPES", "Arrivals", "Shape"]

Shape = Literal["constant", "poisson", "ramp", "step", "burst", "recorded"]
SHAPES: tuple[Shape, ...] = ("constant", "poisson", "ramp", "step", "burst", "recorded")

_CHUNK = 4096
_NEVER_S = 4e9  # after a recorded schedule has ended: 126 years
_FASTEST = 10_000.0


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """A schedule without an end, unless it is a recorded one that does not repeat.

    Attributes:
        rate_per_s: requests a second, at the beginning where the rate changes; of ``recorded`` the mean, which
            `Arrivals.recorded` fills in.
        shape: how they are spread, see the module.
        seed: of what is drawn; the same seed, the same schedule.
        end_rate_per_s: of ``ramp`` and ``step``: the later rate.
        over_s: of ``ramp`` and ``step``: how long the earlier rate lasts, or the change takes.
        burst: of ``burst``: how many requests at once.
        times_s: of ``recorded``: when requests leave, in seconds from the first of them, which is 0; never falling.
        speed: of ``recorded``: 2 for twice as fast.
        repeats: of ``recorded``: whether it begins anew one mean gap after its end; else nothing leaves any more.

    Raises:
        UsageError: a value that makes no schedule.
    """

    rate_per_s: float
    shape: Shape = "poisson"
    seed: int = 0
    end_rate_per_s: float | None = None
    over_s: float | None = None
    burst: int = 1
    times_s: tuple[float, ...] = field(default=(), repr=False)
    speed: float = 1.0
    repeats: bool = True

    @classmethod
    def recorded(cls, times_s: Iterable[float], *, speed: float = 1.0, repeats: bool = True) -> Arrivals:
        """Return the schedule of recorded times, see the class; with a pool of as many requests, i leaves at time i.

        Raises:
            UsageError: times that make no schedule.
        """
        times = tuple(float(each) for each in times_s)
        mean = len(times) / _period_s(times) * speed if len(times) > 1 and times[-1] > 0 else 1.0
        return cls(rate_per_s=mean, shape="recorded", times_s=times, speed=speed, repeats=repeats)

    @property
    def span_s(self) -> float | None:
        """How long a recorded schedule lasts from its first request to its last; None for one without an end."""
        return self.times_s[-1] / self.speed if self.times_s else None

    @cached_property
    def _times(self) -> npt.NDArray[np.float64]:
        return np.array(self.times_s, dtype=np.float64)

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
        self._check_recorded()

    def _check_recorded(self) -> None:
        if self.shape != "recorded":
            if self.times_s or self.speed != 1.0 or not self.repeats:
                raise UsageError("times_s, speed and repeats go with the shape recorded, and only with it")
            return
        if not 0 < self.speed <= _FASTEST:
            raise UsageError(f"speed must lie between 0 and {_FASTEST:,.0f}, got {self.speed!r}")
        times = self._times
        if not times.size or not np.isfinite(times).all() or times[0] != 0 or (np.diff(times) < 0).any():
            raise UsageError("times_s must be seconds from the first request: at least one, the first 0, never falling")
        if self.repeats and not times[-1] > 0:
            raise UsageError("times_s are all the same, which no schedule can repeat; give repeats=False, or a rate")

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
        if self.shape == "recorded":
            return self._recorded_seconds(units)
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

    def _recorded_seconds(self, units: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        times = self._times
        place = units.astype(np.int64) % times.size
        if self.repeats:
            return (times[place] + units // times.size * _period_s(self.times_s)) / self.speed
        return np.where(units < times.size, times[place] / self.speed, _NEVER_S)


def _period_s(times_s: tuple[float, ...]) -> float:
    """Return after which time a recorded schedule begins anew: a mean gap after its last request."""
    return times_s[-1] * len(times_s) / (len(times_s) - 1)
