"""Schedule: how well an open loop keeps its schedule, at 25, 50 and 75 % of what a closed loop reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.children import generator_cores, on_cores
from harness.load import Arrivals, run_load
from harness.stats import percentile

if TYPE_CHECKING:
    from benchmarks.generators.targets import Target
    from harness.load import LoadResult
    from harness.load.arrivals import Shape

__all__ = ["print_schedule"]

_SHARES = (0.25, 0.5, 0.75)
_LEAST_ARRIVALS = 600  # enough for a p99 of the lag
_SHAPES: tuple[Shape, ...] = ("constant", "poisson")


def print_schedule(target: Target, *, rounds: int, concurrency: int, seconds: float) -> None:
    """Print a row for each round, shape and share of the capacity."""
    print(f"\n{target.api}, {target.name}")
    print(
        f"{'round':>5} {'arrivals':>9} {'of capacity':>12} {'asked/s':>9} {'achieved/s':>11} {'off':>7} {'p50 us':>8}"
        f" {'lag p50 us':>11} {'lag p99 us':>11} {'lag p99/p50':>12}   verdict"
    )
    for number in range(1, rounds + 1):
        capacity = _run(target, None, concurrency, seconds).rate_per_s
        for shape in _SHAPES:
            for share in _SHARES:
                result = _run(target, Arrivals(rate_per_s=share * capacity, shape=shape), concurrency, seconds)
                print(f"{number:>5} {shape:>9} {share:>12.0%} {_row(result, share * capacity)}", flush=True)


def _run(target: Target, arrivals: Arrivals | None, concurrency: int, seconds: float) -> LoadResult:
    with on_cores(generator_cores()):
        return run_load(
            target.endpoint,
            [target.body],
            api=target.api,
            concurrency=concurrency,
            arrivals=arrivals,
            duration_s=seconds if arrivals is None else max(seconds, _LEAST_ARRIVALS / arrivals.rate_per_s),
            warmup_s=1.0,
        )


def _row(result: LoadResult, asked: float) -> str:
    """Return the numbers; achieved is what left within the time, of what the schedule had in it."""
    due = len(result.samples) / result.duration_s if result.duration_s else asked
    off = result.sent_rate_per_s / due - 1 if due else 0.0
    half_us = (percentile(result.samples.latency_ns, 50.0).value_ns or 0.0) / 1e3 if result.n else 0.0
    lag_ns = result.samples.sent_ns - result.samples.scheduled_ns
    p50 = float(np.median(lag_ns)) / 1e3 if lag_ns.size else 0.0
    p99 = None if result.lag.value_ns is None else result.lag.value_ns / 1e3
    late = "too few" if p99 is None else f"{p99:,.1f}"
    share = "" if p99 is None or not half_us else f"{p99 / half_us:.1%}"
    verdict = result.void or "good"
    errors = f"; errors: {result.errors}" if result.errors else ""
    return (
        f"{due:>9,.0f} {result.sent_rate_per_s:>11,.0f} {off:>7.2%} {half_us:>8,.0f} {p50:>11,.1f} {late:>11}"
        f" {share:>12}   {verdict}{errors}"
    )
