"""The command ``python -m benchmarks.generators``, see the package."""

from __future__ import annotations

import argparse
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import benchmarks.generators
from benchmarks.children import generator_cores, server_cores
from benchmarks.generators.agreement import print_agreement
from benchmarks.generators.reading import Missing
from benchmarks.generators.schedule import print_schedule
from benchmarks.generators.speed import generators, measure_all, print_table
from benchmarks.generators.targets import nghttpd, nginx, slow, standin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.generators.targets import Target

_SLOW_US = 50_000  # long beside the lag of a timer on a virtual machine


def main() -> None:
    """Print the tables asked for."""
    options = _options()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    _print_conditions(options.concurrency)
    if options.what == "agreement":
        for api in options.api:
            print_agreement(api, rounds=options.rounds, seconds=options.seconds)
        return
    show = _print_speed if options.what == "speed" else _print_schedule
    for target in _targets(options.api):
        show(target, options)
    if options.what == "schedule":
        for api in options.api:
            with slow(api, _SLOW_US) as target:
                _print_schedule(target, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.generators",
        description=benchmarks.generators.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="?", choices=["speed", "agreement", "schedule"], default="speed")
    parser.add_argument("--api", nargs="+", choices=["grpc", "rest"], default=["grpc", "rest"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement; a round has two of them")
    parser.add_argument("--concurrency", type=int, default=8, help="requests in flight")
    parser.add_argument("--perf-analyzer", help="where perf_analyzer is, if not on PATH")
    return parser.parse_args()


def _print_conditions(concurrency: int) -> None:
    cores, loads = f"{sorted(generator_cores())}, {sorted(server_cores())}", os.getloadavg()
    print(f"generator on core, server on cores: {cores}; {concurrency} requests in flight; load before: {loads[0]:.1f}")


def _targets(apis: list[str]) -> Iterator[Target]:
    """Yield the servers, each running while it is yielded; the stand-in throughout."""
    with standin() as pair:
        for own, fast in ((pair[0], nghttpd), (pair[1], nginx)):
            if own.api not in apis:
                continue
            yield own
            with ExitStack() as stack:
                try:
                    quick = stack.enter_context(fast(own) if fast is nghttpd else fast())
                except Missing as reason:
                    print(f"left out: {reason}")
                else:
                    yield quick


def _print_schedule(target: Target, options: argparse.Namespace) -> None:
    print_schedule(target, rounds=options.rounds, concurrency=options.concurrency, seconds=options.seconds)


def _print_speed(target: Target, options: argparse.Namespace) -> None:
    print(f"\n{target.api}, {target.name}", flush=True)
    several = generators(target.api, perf_analyzer=options.perf_analyzer)
    readings = measure_all(
        several, target, rounds=options.rounds, concurrency=options.concurrency, seconds=options.seconds
    )
    print_table(several, readings)
    print(f"load after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
