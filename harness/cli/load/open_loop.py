"""Open loop: requests leave on a schedule, whatever the server does; latency counts from the schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli.load.common import running, seed_of
from harness.cli.load.schedules import FORMS, rates, schedule
from harness.cli.server_options import Once
from harness.measure.runner import Load
from harness.measure.sweep import sweep

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from harness.cli.load.context import Context
    from harness.results import Throughput

__all__ = ["add_options", "asked", "check", "run"]

_DEFAULT_SHAPE = "poisson"


def add_options(group: argparse._ArgumentGroup) -> None:
    """Add its options."""
    group.add_argument("--rate", action=Once, metavar="R,R", help="open loop: requests a second, one run for each rate")
    group.add_argument("--arrivals", action=Once, metavar="SHAPE", help=f"with --rate: {FORMS} (default: poisson)")


def asked(options: argparse.Namespace) -> bool:
    """Return whether rates were given."""
    return options.rate is not None


def check(options: argparse.Namespace) -> None:
    """Refuse what makes no schedule.

    Raises:
        UsageError: such a text.
    """
    _loads(options)


def run(context: Context) -> Iterator[Throughput]:
    """Measure each kind of request at each rate."""
    with running(context) as runner:
        yield from sweep(runner, context.every_pool, _loads(context.options))


def _loads(options: argparse.Namespace) -> list[Load]:
    shape, seed = options.arrivals or _DEFAULT_SHAPE, seed_of(options)
    return [
        Load(arrivals=schedule(shape, "--arrivals", rate_per_s=rate, seed=seed))
        for rate in rates(options.rate, "--rate")
    ]
