"""Breakdown: where the time of a call goes, on the client, on the way, and in the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from harness.cli.load.common import refuse_unfit
from harness.measure.breakdown import DEFAULT_CALLS, break_down

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from harness.cli.load.context import Context
    from harness.results import Breakdown

__all__ = ["add_options", "asked", "check", "run"]


def add_options(group: argparse._ArgumentGroup) -> None:
    """Add ``--breakdown``."""
    group.add_argument(
        "--breakdown",
        action="store_true",
        help=f"where the time of a call goes; --requests says of how many calls (default: {DEFAULT_CALLS})",
    )


def asked(options: argparse.Namespace) -> bool:
    """Return whether it is asked for."""
    return bool(options.breakdown)


def check(options: argparse.Namespace) -> None:
    """Refuse options that say nothing here.

    Raises:
        UsageError: such an option.
    """
    refuse_unfit(options, "--breakdown", "duration", "warmup", "processes", "engine", "verify", "samples")


def run(context: Context) -> Iterator[Breakdown]:
    """Take calls apart over each API, for each kind of request."""
    notes: set[str] = set()
    for pool in context.every_pool:
        row, note = break_down(context.server, pool, calls=context.options.requests or DEFAULT_CALLS)
        if note and note not in notes:
            context.console.print(Text(f"note: the server's own part is not told: {note}"), soft_wrap=True)
            notes.add(note)
        yield row
