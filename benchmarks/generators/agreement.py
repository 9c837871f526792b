"""Agreement: does our engine measure what a reference implementation measures, where the server is the slow one?

Both ask a server whose answer takes 5 ms, in rounds: ours, the reference, the reference, ours. Within a round each
differs from itself, too: that is the noise. A reference spends more processor time on a request, which it cannot help
measuring along; so its latency may be above ours by up to that time, and by the noise.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.children import generator_cores, on_cores
from benchmarks.generators.targets import slow
from harness.load import run_load
from harness.load.engines import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.generators.targets import Target
    from harness.results.measured import Api

__all__ = ["print_agreement", "verdict"]

_ANSWER_US = 5_000
_REFERENCES: dict[Api, str] = {"grpc": "grpc.aio", "rest": "h11"}
_MOST_SPENT = 2.0  # a thread that wakes up costs time that no process is charged for


@dataclass(frozen=True, kw_only=True)
class _Measured:
    p50_us: float
    mean_us: float
    rate_per_s: float
    cpu_us: float


def print_agreement(api: Api, *, rounds: int, seconds: float) -> None:
    """Print a row for each number of requests in flight and each statistic."""
    print(f"\n{api}: {DEFAULTS[api]} against {_REFERENCES[api]}, on a server whose answer takes {_ANSWER_US:,} us")
    print(
        f"{'in flight':>9} {'what':>8} {'ours':>9} {'reference':>10} {'difference':>11} {'noise':>8}"
        f" {'reference spends more':>22}   verdict"
    )
    with slow(api, _ANSWER_US) as target:
        for concurrency in (1, 4):
            both = [_round(target, concurrency, seconds) for _ in range(rounds)]
            for name in ("p50_us", "mean_us"):
                print(f"{concurrency:>9} {_row(name, both)}", flush=True)


def _round(target: Target, concurrency: int, seconds: float) -> list[_Measured]:
    """Measure with our engine, twice with the reference, and with ours again."""
    ours, reference = DEFAULTS[target.api], _REFERENCES[target.api]
    return [_measured(target, engine, concurrency, seconds) for engine in (ours, reference, reference, ours)]


def _measured(target: Target, engine: str, concurrency: int, seconds: float) -> _Measured:
    with on_cores(generator_cores()):
        result = run_load(
            target.endpoint,
            [target.body],
            api=target.api,
            engine=engine,
            concurrency=concurrency,
            duration_s=seconds,
            warmup_s=0.5,
        )
    latency_us = result.samples.latency_ns / 1e3
    return _Measured(
        p50_us=statistics.median(latency_us),
        mean_us=float(latency_us.mean()),
        rate_per_s=result.rate_per_s,
        cpu_us=result.generator_cpu_us_per_request or 0.0,
    )


def _row(name: str, rounds: Sequence[Sequence[_Measured]]) -> str:
    values = [[getattr(one, name) for one in four] for four in rounds]
    differences = [(b1 + b2 - a1 - a2) / 2 for a1, b1, b2, a2 in values]
    noise = statistics.median(abs(x - y) for a1, b1, b2, a2 in values for x, y in ((a1, a2), (b1, b2)))
    spent = statistics.median((b1.cpu_us + b2.cpu_us - a1.cpu_us - a2.cpu_us) / 2 for a1, b1, b2, a2 in rounds)
    ours = statistics.median(value for a1, _, _, a2 in values for value in (a1, a2))
    reference = statistics.median(value for _, b1, b2, _ in values for value in (b1, b2))
    difference = statistics.median(differences)
    said = verdict(difference, noise=noise, spent=spent)
    return (
        f"{name.removesuffix('_us'):>8} {ours:>7,.0f}us {reference:>8,.0f}us {difference:>+9,.0f}us {noise:>6,.0f}us"
        f" {spent:>20,.0f}us   {said}"
    )


def verdict(difference: float, *, noise: float, spent: float) -> str:
    """Say whether a reference differs by no more than the noise, and the processor time that it spends beyond ours.

    All in microseconds; `difference` is the reference's latency without ours.
    """
    if abs(difference) <= noise:
        return "agree within noise"
    if 0 < difference <= noise + _MOST_SPENT * max(spent, 0.0):
        return "agree: the difference is the reference's own time"
    return "differ"
