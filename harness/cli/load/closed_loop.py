"""Closed loop: a fixed number of requests in flight, each answered one replaced at once; one row for each number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli.load.common import run_options, usage_of
from harness.cli.server_options import Once
from harness.errors import UsageError
from harness.load import run_load

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from harness.cli.load.context import Context
    from harness.results import Throughput

__all__ = ["add_options", "asked", "check", "run"]

_DEFAULT = "1,8"


def add_options(group: argparse._ArgumentGroup) -> None:
    """Add ``--concurrency``."""
    group.add_argument("--concurrency", action=Once, help=f"requests in flight, e.g. 1,2,4,8 (default: {_DEFAULT})")


def asked(options: argparse.Namespace) -> bool:
    """Return whether numbers of requests in flight were given."""
    return options.concurrency is not None


def check(options: argparse.Namespace) -> None:
    """Refuse what are no numbers of requests.

    Raises:
        UsageError: such a text.
    """
    _concurrencies(options)


def run(context: Context) -> Iterator[Throughput]:
    """Measure over each API at each concurrency; a server that is gone ends it.

    Raises:
        KeyboardInterrupt: Ctrl-C cut it short.
    """
    for api, pool in context.pools.items():
        for concurrency in _concurrencies(context.options):
            with context.console.status(f"{api}, {concurrency} in flight"):
                result = run_load(
                    context.server.endpoint,
                    pool.encoded,
                    api=api,
                    concurrency=concurrency,
                    usage=usage_of(context.server),
                    **run_options(context.options),
                )
            yield result.throughput(method=pool.method, batch_size=pool.batch_size)
            if result.ended == "interrupted":
                raise KeyboardInterrupt
            if result.ended != "completed":
                return


def _concurrencies(options: argparse.Namespace) -> list[int]:
    text = _DEFAULT if options.concurrency is None else options.concurrency
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        raise UsageError(f"--concurrency {text!r} should be numbers above 0 with commas between, e.g. 1,2,4,8")
    return numbers
