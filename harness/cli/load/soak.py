"""Soak: steady load for a long time, and whether the server's memory grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli.load.common import refuse_unfit, running, seed_of
from harness.cli.load.schedules import rates, schedule
from harness.cli.server_options import Once, positive
from harness.errors import UsageError
from harness.measure.memory import DEFAULT_TOLERANCE
from harness.measure.runner import Load
from harness.measure.soak import Soaking
from harness.option_values import duration_s, share

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from harness.cli.load.context import Context
    from harness.results import Soak

__all__ = ["add_options", "asked", "check", "run"]

_DEFAULT_CONCURRENCY = 4


def add_options(group: argparse._ArgumentGroup) -> None:
    """Add its options."""
    group.add_argument(
        "--soak", action=Once, metavar="DURATION", help="steady load for so long, e.g. 90s, 10m, 2h: does memory grow?"
    )
    group.add_argument(
        "--soak-rate", action=Once, metavar="R", help="with --soak: requests a second, as Poisson arrivals"
    )
    group.add_argument(
        "--soak-concurrency",
        action=Once,
        type=positive,
        metavar="N",
        help=f"with --soak: requests in flight instead (default: {_DEFAULT_CONCURRENCY})",
    )
    group.add_argument(
        "--soak-tolerance",
        action=Once,
        metavar="SHARE",
        help=f"with --soak: how much memory may grow in an hour (default: {DEFAULT_TOLERANCE * 100:.0f}%%)",
    )


def asked(options: argparse.Namespace) -> bool:
    """Return whether it is asked for."""
    return options.soak is not None


def check(options: argparse.Namespace) -> None:
    """Refuse values that make no soak.

    Raises:
        UsageError: such a value, or options that contradict each other.
    """
    refuse_unfit(options, "--soak", "duration", "requests", "verify", "samples")
    duration_s(options.soak, "--soak")
    _tolerance(options)
    _load(options)
    if len(options.endpoint or ()) > 1:
        raise UsageError("--soak watches one server; give one --endpoint")


def run(context: Context) -> Iterator[Soak]:
    """Soak over each API, with each kind of request.

    Raises:
        KeyboardInterrupt: Ctrl-C, once what was had until then was yielded.
    """
    options = context.options
    with running(context) as runner:
        for pool in context.every_pool:
            soaking = Soaking(
                runner=runner,
                server=context.server,
                pool=pool,
                load=_load(options),
                duration_s=duration_s(options.soak, "--soak"),
                tolerance=_tolerance(options),
            )
            yield soaking.run()
            if soaking.interrupted:
                raise KeyboardInterrupt


def _tolerance(options: argparse.Namespace) -> float:
    return DEFAULT_TOLERANCE if options.soak_tolerance is None else share(options.soak_tolerance, "--soak-tolerance")


def _load(options: argparse.Namespace) -> Load:
    if options.soak_rate is None:
        return Load(concurrency=options.soak_concurrency or _DEFAULT_CONCURRENCY)
    if options.soak_concurrency is not None:
        raise UsageError("--soak-rate and --soak-concurrency are different loads; give one of them")
    found = rates(options.soak_rate, "--soak-rate")
    if len(found) > 1:
        raise UsageError(f"--soak-rate {options.soak_rate!r} should be one rate: the load is to be steady")
    return Load(arrivals=schedule("poisson", "--soak-rate", rate_per_s=found[0], seed=seed_of(options)))
