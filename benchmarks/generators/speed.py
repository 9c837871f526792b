"""Speed: every generator against one server, in rounds: each of them once from first to last, then from last to first.

So a machine that grows busier in the course of a round slows all of them alike. What counts are the ratios within one
pass; of rates and times the median is shown.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.generators.h2load import by_h2load
from benchmarks.generators.own import by_engine
from benchmarks.generators.perf_analyzer import by_perf_analyzer
from benchmarks.generators.reading import Missing, median_reading
from benchmarks.generators.requests_load import by_requests
from benchmarks.generators.wrk import by_wrk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.generators.reading import Reading
    from benchmarks.generators.targets import Target
    from harness.results.measured import Api

    Measure = Callable[..., Reading]

__all__ = ["Generator", "generators", "measure_all", "print_table"]


@dataclass(frozen=True, kw_only=True)
class Generator:
    """A load generator, and how many times its rate ours is wanted to have on half_plus_two (None: no matter)."""

    name: str
    measure: Measure
    wanted: float | None = None


def generators(api: Api, *, perf_analyzer: str | None = None) -> list[Generator]:
    """Return the generators of an API, our engine first."""
    if api == "grpc":
        return [
            Generator(name="ours (http2)", measure=partial(by_engine, "http2")),
            Generator(name="h2load", measure=by_h2load, wanted=0.95),
            Generator(name="perf_analyzer", measure=partial(by_perf_analyzer, perf_analyzer), wanted=1.8),
            Generator(name="grpc.aio", measure=partial(by_engine, "grpc.aio"), wanted=2.5),
        ]
    return [
        Generator(name="ours (http1)", measure=partial(by_engine, "http1")),
        Generator(name="wrk", measure=by_wrk, wanted=0.95),
        Generator(name="requests", measure=by_requests, wanted=4.0),
        Generator(name="h11", measure=partial(by_engine, "h11")),
    ]


def measure_all(
    several: Sequence[Generator], target: Target, *, rounds: int, concurrency: int, seconds: float
) -> dict[str, list[Reading]]:
    """Return each generator's readings, one for each pass: two in a round. What is missing is told of and left out."""
    readings: dict[str, list[Reading]] = {each.name: [] for each in several}
    missing: set[str] = set()
    for number in range(2 * rounds):
        for each in several if number % 2 == 0 else several[::-1]:
            if each.name in missing:
                continue
            try:
                reading = each.measure(target, concurrency=concurrency, seconds=seconds)
            except Missing as reason:
                print(f"left out: {each.name}: {reason}")
                missing.add(each.name)
            else:
                readings[each.name].append(reading)
    return {name: several for name, several in readings.items() if several}


def print_table(several: Sequence[Generator], readings: Mapping[str, Sequence[Reading]]) -> None:
    """Print a row for each generator; ratios are of our engine, the first, to it."""
    print(
        f"{'generator':<14} {'req/s':>8} {'ours/its rate (least-most)':>27} {'wanted':>7} {'p50 us':>7} {'p99 us':>8}"
        f" {'CPU us/request: own, server':>28} {'its/ours CPU':>13} {'core in use: own, server':>25} {'errors':>7}"
    )
    ours = readings[several[0].name]
    for each in several:
        if each.name in readings:
            print(_row(each, ours, readings[each.name]), flush=True)


def _row(each: Generator, ours: Sequence[Reading], its: Sequence[Reading]) -> str:
    rates = [own.rate_per_s / other.rate_per_s for own, other in zip(ours, its, strict=True)]
    cpu = statistics.median(b.generator_cpu_us / a.generator_cpu_us for a, b in zip(ours, its, strict=True))
    one = median_reading(its)
    ratio = f"{statistics.median(rates):.2f} ({min(rates):.2f}-{max(rates):.2f})"
    wanted = "" if each.wanted is None else f">={each.wanted:g}"
    costs = f"{one.generator_cpu_us:.1f}, {one.server_cpu_us:.1f}"
    shares = f"{one.generator_share:.0%}, {one.server_share:.0%}"
    return (
        f"{each.name:<14} {one.rate_per_s:>8,.0f} {ratio:>27} {wanted:>7} {one.p50_us:>7,.0f} {one.p99_us:>8,.0f}"
        f" {costs:>28} {cpu:>13.2f} {shares:>25} {one.errors:>7}"
    )
