"""SLO: the highest rate of Poisson arrivals at which latency stays within its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli.load.common import running, seed_of
from harness.cli.load.schedules import rates
from harness.cli.server_options import Once
from harness.errors import UsageError
from harness.measure.objective import parse_objectives
from harness.measure.rate_search import RateFinder
from harness.option_values import share

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from harness.cli.load.context import Context
    from harness.results import RateSearch

__all__ = ["add_options", "asked", "check", "run"]

_DEFAULT_TOLERANCE = "5%"


def add_options(group: argparse._ArgumentGroup) -> None:
    """Add its options."""
    group.add_argument(
        "--slo", action=Once, metavar="pP=LIMIT", help="search the highest rate within limits, e.g. p99=20ms,p50=5ms"
    )
    group.add_argument(
        "--start-rate", action=Once, metavar="R", help="with --slo: the first rate (default: from a short closed loop)"
    )
    group.add_argument(
        "--tolerance",
        action=Once,
        metavar="SHARE",
        help=f"with --slo: how close to come to the highest rate, e.g. 0.05 or 5%% (default: {_DEFAULT_TOLERANCE}%)",
    )


def asked(options: argparse.Namespace) -> bool:
    """Return whether limits were given."""
    return options.slo is not None


def check(options: argparse.Namespace) -> None:
    """Refuse values that make no search.

    Raises:
        UsageError: such a value.
    """
    parse_objectives(options.slo, "--slo")
    _start_rate(options)
    _tolerance(options)
    if options.requests is not None:
        raise UsageError(
            "--requests does not go with --slo: each step is as long as its percentile needs; leave it out"
        )


def run(context: Context) -> Iterator[RateSearch]:
    """Search over each API, for each kind of request.

    Raises:
        KeyboardInterrupt: Ctrl-C, once what was found until then was yielded.
    """
    options = context.options
    with running(context) as runner:
        for pool in context.every_pool:
            finder = RateFinder(
                runner=runner,
                pool=pool,
                objectives=parse_objectives(options.slo, "--slo"),
                start_per_s=_start_rate(options),
                tolerance=_tolerance(options),
                seed=seed_of(options),
            )
            yield finder.find()
            if finder.interrupted:
                raise KeyboardInterrupt


def _start_rate(options: argparse.Namespace) -> float | None:
    if options.start_rate is None:
        return None
    found = rates(options.start_rate, "--start-rate")
    if len(found) > 1:
        raise UsageError(f"--start-rate {options.start_rate!r} should be one rate; the search finds the others")
    return found[0]


def _tolerance(options: argparse.Namespace) -> float:
    return share(options.tolerance or _DEFAULT_TOLERANCE, "--tolerance")
