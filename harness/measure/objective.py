"""Objective: a limit on a percentile of latency, and whether a load run kept it. Pure.

A limit is kept if it is *established*: with 99 % confidence at least so many of a hundred requests are answered within
it (the rule of `harness.stats`, MLPerf's). Judged is thus the upper bound of the percentile and not its value. Where
the value keeps the limit and the bound does not, a longer run may still establish it: the run is ``undecided``. A
request without an answer, or with an error, counts as one that took longer.

A late generator charges its lateness to the server. A run that keeps the limits in spite of it has kept them. One that
does not, and whose p99 lag is over 10 % of the limit, or of whose requests fewer than 99 % left in time, is judged by
what is the server's alone, the time from sending to answer: if that misses the limit it is missed whatever the
generator did, else the run is void.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from harness.errors import UsageError
from harness.stats import percentile, samples_needed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from harness.load import LoadResult

__all__ = ["Judgement", "Objective", "judge", "limited_ns", "parse_objectives", "step_seconds"]

_UNITS_NS = {"us": 1e3, "ms": 1e6, "s": 1e9}
_TEXT = re.compile(r"p(\d{1,2}(?:\.\d{1,3})?)=(\d+(?:\.\d+)?)(us|ms|s)")
_LAG_SHARE = 0.1
_RATE_SHARE = 0.99
_SPARE_OVER = 10  # as many slow requests as a step's samples allow for, if time does
_LONGEST_WISHED_S = 30.0

Judgement = Literal["kept", "missed", "undecided", "void"]
_BY_WEIGHT: tuple[Judgement, ...] = ("missed", "undecided", "kept")


@dataclass(frozen=True, kw_only=True)
class Objective:
    """At least `percent` of a hundred requests are to be answered within `limit_ns`."""

    percent: float
    limit_ns: float

    def judge(self, latency_ns: npt.NDArray[np.int64], failed: int) -> Judgement:
        """Return what requests that took so long, and so many that failed, say of the limit."""
        over = int((latency_ns > self.limit_ns).sum()) + failed
        n = latency_ns.size + failed
        if over > n * (1 - self.percent / 100):
            return "missed"
        return "kept" if n >= samples_needed(self.percent, over=over) else "undecided"


def parse_objectives(text: str, option: str) -> tuple[Objective, ...]:
    """Return the limits of a text like ``p99=20ms,p50=5ms``; units are us, ms and s.

    Raises:
        UsageError: another text, a percentile out of range, or one that is limited twice.
    """
    found = [_TEXT.fullmatch(part.strip()) for part in text.split(",")]
    objectives = [
        Objective(percent=float(one[1]), limit_ns=float(one[2]) * _UNITS_NS[one[3]]) for one in found if one is not None
    ]
    wrong = None in found or any(not 0 < one.percent < 100 or one.limit_ns <= 0 for one in objectives)
    if wrong or len({one.percent for one in objectives}) < len(objectives):
        raise UsageError(
            f"{option} {text!r} should be percentiles of latency, each once, with their limits in us, ms or s: e.g."
            f" {option} p99=20ms, or {option} p99=20ms,p50=5ms"
        )
    return tuple(objectives)


def judge(result: LoadResult, objectives: Sequence[Objective]) -> Judgement:
    """Return whether an open-loop run kept all limits, missed one, or is void since its generator was late."""
    samples = result.samples
    failed = int((~samples.ok).sum())
    judgement = _heaviest(objective.judge(samples.latency_ns, failed) for objective in objectives)
    if _all_left(result) and (judgement != "missed" or _in_time(result, objectives)):
        return judgement
    alone_ns = (samples.done_ns - samples.sent_ns)[samples.ok]
    missed = _heaviest(objective.judge(alone_ns, failed) for objective in objectives) == "missed"
    return "missed" if missed else "void"


def _heaviest(judgements: Iterable[Judgement]) -> Judgement:
    return min(judgements, key=_BY_WEIGHT.index)


def limited_ns(result: LoadResult, objective: Objective) -> float | None:
    """Return the limited percentile as it was measured, None with insufficient samples."""
    return percentile(result.samples.latency_ns, objective.percent).value_ns


def step_seconds(objectives: Sequence[Objective], rate_per_s: float, *, least_s: float) -> float:
    """Return how long to measure at a rate so that its samples can establish the limits.

    Long enough for ten requests over the limit, if that takes half a minute at most; always long enough for none. Three
    standard deviations are added, for the number of Poisson arrivals is drawn too.
    """
    wished = max(_ample(samples_needed(one.percent, over=_SPARE_OVER)) for one in objectives) / rate_per_s
    needed = max(_ample(samples_needed(one.percent)) for one in objectives) / rate_per_s
    return max(least_s, needed, min(wished, _LONGEST_WISHED_S))


def _ample(n: int) -> float:
    return n + 3 * math.sqrt(n) + 1


def _all_left(result: LoadResult) -> bool:
    """Return whether the load was what was asked for."""
    asked_per_s = len(result.samples) / result.duration_s if result.duration_s else 0.0
    return result.sent_rate_per_s >= _RATE_SHARE * asked_per_s


def _in_time(result: LoadResult, objectives: Sequence[Objective]) -> bool:
    if not len(result.samples):
        return True
    lag_ns = float(np.percentile(result.samples.sent_ns - result.samples.scheduled_ns, 99))
    return lag_ns <= _LAG_SHARE * min(one.limit_ns for one in objectives)
