"""Soak: steady load for a long time, and whether the server's memory grows under it.

The load is made of runs one after the other, so that not every request of hours has to be kept.
Only the first one has a warm-up.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from harness.measure.memory import DEFAULT_TOLERANCE, Growth, MemoryWatch, growth
from harness.results import Soak

if TYPE_CHECKING:
    from harness.load import LoadResult
    from harness.measure.pool import RequestPool
    from harness.measure.runner import Load, Runner
    from harness.servers import Server

__all__ = ["Soaking"]

_SLICES, _LEAST_SLICE_S, _MOST_SLICE_S = 5, 1.0, 60.0
_READINGS, _LEAST_EVERY_S, _MOST_EVERY_S = 200, 0.1, 60.0


@dataclass
class Soaking:
    """A soak of one server with one kind of request; what it has is its `row`, whenever it is asked for.

    Attributes:
        runner: makes the runs.
        server: whose memory is read.
        pool: what to send.
        load: how.
        duration_s: how long.
        tolerance: share of its memory by which the server may grow in an hour.
        interrupted: whether Ctrl-C ended it.
    """

    runner: Runner
    server: Server
    pool: RequestPool
    load: Load
    duration_s: float
    tolerance: float = DEFAULT_TOLERANCE
    interrupted: bool = False
    _n: int = 0
    _measured_s: float = 0.0
    _errors: Counter[str] = field(default_factory=Counter)
    _warnings: list[str] = field(default_factory=list)
    _watch: MemoryWatch | None = None

    def run(self) -> Soak:
        """Send until the time is over, the server is gone, or Ctrl-C; and return the row.

        Raises:
            HarnessError: the first run could not be made.
        """
        slice_s = min(max(self.duration_s / _SLICES, _LEAST_SLICE_S), _MOST_SLICE_S)
        count = max(1, round(self.duration_s / slice_s))
        self.runner.progress.expect(count)
        every_s = min(max(self.duration_s / _READINGS, _LEAST_EVERY_S), _MOST_EVERY_S)
        try:
            with MemoryWatch(self.server.memory_bytes, every_s=every_s) as self._watch:
                for number in range(count):
                    if not self._slice(number, slice_s):
                        break
        except KeyboardInterrupt:
            self.interrupted = True
        return self.row

    def _slice(self, number: int, slice_s: float) -> bool:
        """Send for the time of a slice; return whether to go on."""
        settings = replace(self.runner.settings, keep_answers=0)
        runner = replace(self.runner, settings=settings, verify=None, samples=None)
        found = runner.run(self.pool, self.load, duration_s=slice_s, most_warmup_s=0.0 if number else float("inf"))
        if number == 0 and self._watch is not None:
            self._watch.begin_again(found.result.duration_s)  # without the warm-up
        return self._take(found.result)

    def _take(self, result: LoadResult) -> bool:
        self._n += result.n
        self._measured_s += result.duration_s
        self._errors.update(result.errors)
        self._warnings += [one for one in result.warnings if one not in self._warnings]
        if result.ended == "interrupted":
            raise KeyboardInterrupt
        return result.ended == "completed"

    @property
    def row(self) -> Soak:
        """What was had until now."""
        readings = self._watch.readings if self._watch else ()
        at_s, memory = tuple(at for at, _ in readings), tuple(used for _, used in readings)
        found = growth(at_s, memory, tolerance=self.tolerance)
        return Soak(
            model=self.runner.endpoints[0].model,
            api=self.pool.api,
            duration_s=self._measured_s,
            n=self._n,
            errors=dict(self._errors),
            at_s=at_s,
            memory_bytes=memory,
            memory_slope_bytes_per_s=found.slope,
            memory_slope_low=found.low,
            memory_slope_high=found.high,
            grows=found.grows,
            warnings=(*self._warnings, *self._lessens(found, memory)),
        )

    def _lessens(self, found: Growth, memory: tuple[int, ...]) -> list[str]:
        if not memory:
            return ["the server's memory cannot be known from here, so nothing is said of its growth"]
        if found.slope is None:
            return [f"{len(memory)} readings of memory are too few for a slope"]
        if found.grows:
            return [f"memory grows by more than {found.seen_share_per_h:.0%} an hour"]
        if found.seen_share_per_h > self.tolerance:
            shown = f"growth above {found.seen_share_per_h:.0%} an hour"
            return [f"so short a soak could only show {shown}, not the {self.tolerance:.0%} that are tolerated"]
        return []
