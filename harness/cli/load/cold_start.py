"""Cold start: servers started one after the other, and their first answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli.load.common import refuse_unfit
from harness.cli.server_options import Once, positive, tags_of
from harness.errors import HarnessError, UsageError
from harness.measure.cold_start import ColdStarting
from harness.measure.progress import progress_on

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from harness.cli.load.context import Context
    from harness.results import ColdStart

__all__ = ["add_options", "asked", "check", "run"]


def add_options(group: argparse._ArgumentGroup) -> None:
    """Add ``--cold-start``."""
    group.add_argument(
        "--cold-start",
        action=Once,
        type=positive,
        metavar="N",
        help="start the server so many times, with the model's warm-up records and without, and time its first answers",
    )


def asked(options: argparse.Namespace) -> bool:
    """Return whether it is asked for."""
    return options.cold_start is not None


def check(options: argparse.Namespace) -> None:
    """Refuse options that say nothing here, and a server that cannot be started.

    Raises:
        UsageError: such an option.
    """
    unfit = ("duration", "requests", "warmup", "processes", "engine", "verify", "samples")
    refuse_unfit(options, "--cold-start", *unfit)
    if options.endpoint:
        raise UsageError(
            "--cold-start needs a server that the harness starts itself; give the PATH of the model, not --endpoint"
        )


def run(context: Context) -> Iterator[ColdStart]:
    """Start servers for each API and each kind of request; what was had before an end is yielded all the same."""
    with progress_on(context.console) as progress:
        for pool in context.every_pool:
            starting = ColdStarting(
                server=context.server,
                stage=context.stage,
                pool=pool,
                runs=context.options.cold_start,
                tags=tags_of(context.options),
                progress=progress,
            )
            try:
                yield from starting.run()
            except (HarnessError, KeyboardInterrupt):
                yield from starting.rows
                raise
