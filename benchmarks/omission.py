"""Coordinated omission made visible: the server stands still for a second in the middle of a run.

A closed loop has a few requests in flight when the server stops, and sends none until it goes on: of the many that
users would have sent in that second it knows nothing, so its percentiles hardly move. An open loop sends on schedule
all the same and counts each latency from the schedule, so all the requests that had to wait are in its percentiles.

    python -m benchmarks.omission [--rounds 3] [--seconds 10] [--pause 1]
"""

from __future__ import annotations

import argparse
import os
import threading
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.children import generator_cores, on_cores
from benchmarks.generators.targets import standin
from harness.load import Arrivals, run_load

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.generators.targets import Target
    from harness.load import LoadResult

_SHARE = 0.3  # of the capacity: so the server catches up within the run
_PERCENTS = (50, 90, 99, 99.9, 100)


def main() -> None:
    """Print a row for each kind of loop, without and with the pause."""
    options = _options()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print(__doc__.split("\n\n")[1])
    print(
        f"\n{'round':>5} {'loop':>7} {'server':>10} {'req/s':>8} {'requests':>9} {'over half the pause':>20}"
        + "".join(f"{'max' if each == 100 else f'p{each}':>11}" for each in _PERCENTS)
    )
    with standin() as (target, _):
        for number in range(1, options.rounds + 1):
            capacity = _run(target, None, options, pause_s=0.0)
            arrivals = Arrivals(rate_per_s=_SHARE * capacity.rate_per_s)
            _print(number, "steady", capacity, options.pause)
            _print(number, "paused", _run(target, None, options, pause_s=options.pause), options.pause)
            _print(number, "steady", _run(target, arrivals, options, pause_s=0.0), options.pause)
            _print(number, "paused", _run(target, arrivals, options, pause_s=options.pause), options.pause)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.omission",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run")
    parser.add_argument("--pause", type=float, default=1.0, help="how long the server stands still, in seconds")
    parser.add_argument("--concurrency", type=int, default=8, help="requests in flight, in closed loop")
    return parser.parse_args()


def _run(target: Target, arrivals: Arrivals | None, options: argparse.Namespace, *, pause_s: float) -> LoadResult:
    with on_cores(generator_cores()):
        return run_load(
            target.endpoint,
            [target.body],
            concurrency=options.concurrency,
            arrivals=arrivals,
            duration_s=options.seconds,
            warmup_s=1.0,
            on_phase=_pausing(target, options.seconds / 2, pause_s),
        )


def _pausing(target: Target, after_s: float, pause_s: float) -> Callable[[str], None]:
    """Return what stops the server (SIGSTOP) so long after measuring has begun, and lets it go on (SIGCONT)."""

    def stop() -> None:
        target.process.suspend()
        threading.Timer(pause_s, target.process.resume).start()

    return lambda phase: threading.Timer(after_s, stop).start() if pause_s and phase == "measuring" else None


def _print(number: int, server: str, result: LoadResult, pause_s: float) -> None:
    latency_ms = result.samples.latency_ns / 1e6
    loop = "closed" if result.arrivals is None else "open"
    late = float((latency_ms > pause_s * 500).mean())
    shown = "".join(f"{value:>9,.1f}ms" for value in np.percentile(latency_ms, _PERCENTS))
    print(
        f"{number:>5} {loop:>7} {server:>10} {result.rate_per_s:>8,.0f} {result.n:>9,} {late:>20.3%}{shown}", flush=True
    )
    if result.errors or result.ended != "completed":
        print(f"      {result.ended}: {result.reason} {result.errors}")


if __name__ == "__main__":
    main()
