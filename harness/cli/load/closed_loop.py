"""Closed loop: a fixed number of requests in flight, each answered one replaced at once; one row for each number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli.load.common import running
from harness.cli.server_options import Once
from harness.errors import UsageError
from harness.measure.runner import Load
from harness.measure.sweep import sweep
from harness.option_values import numbers

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from harness.cli.load.context import Context
    from harness.results import Throughput

__all__ = ["add_options", "asked", "check", "run"]

_DEFAULT = "1,8"


def add_options(group: argparse._ArgumentGroup) -> None:
    """Add its options."""
    group.add_argument(
        "--concurrency", action=Once, metavar="N,N", help=f"closed loop: requests in flight (default: {_DEFAULT})"
    )
    group.add_argument(
        "--think-time", action=Once, metavar="SECONDS", help="closed loop: wait between an answer and the next request"
    )


def asked(options: argparse.Namespace) -> bool:
    """Return whether numbers of requests in flight were given."""
    return options.concurrency is not None


def check(options: argparse.Namespace) -> None:
    """Refuse what are no numbers of requests, or too few for those who send them.

    Raises:
        UsageError: such a text.
    """
    least = _least(options)
    for load in _loads(options):
        if load.concurrency < least:
            raise UsageError(
                f"--concurrency {load.concurrency} is too little for {options.processes} processes and"
                f" {len(options.endpoint or [None])} endpoints: each needs a request in flight; give at least {least}"
            )


def run(context: Context) -> Iterator[Throughput]:
    """Measure each kind of request at each concurrency."""
    with running(context) as runner:
        yield from sweep(runner, context.every_pool, _loads(context.options))


def _loads(options: argparse.Namespace) -> list[Load]:
    if options.concurrency is None:
        asked = sorted({max(number, _least(options)) for number in numbers(_DEFAULT, "--concurrency")})
    else:
        asked = numbers(options.concurrency, "--concurrency")
    return [Load(concurrency=number) for number in asked]


def _least(options: argparse.Namespace) -> int:
    return max(int(options.processes), len(options.endpoint or ()))
