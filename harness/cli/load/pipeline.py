"""Pipeline: where the time goes in a client's own code, from an input file to what its user sees."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from harness.cli.load.common import refuse_unfit
from harness.cli.load.pools import apis_of
from harness.cli.pipelines import find_pipeline
from harness.cli.server_options import Once
from harness.errors import UsageError
from harness.measure.breakdown import DEFAULT_CALLS, break_down_pipeline

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from harness.cli.load.context import Context
    from harness.results import Breakdown

__all__ = ["add_options", "asked", "check", "run", "sends_pools"]

sends_pools = False  # the pipeline makes its own requests


def add_options(group: argparse._ArgumentGroup) -> None:
    """Add ``--pipeline`` and ``--files``."""
    group.add_argument(
        "--pipeline",
        action=Once,
        metavar="MODULE[:CALLABLE]",
        help="where the time goes in client code, e.g. models.commodity: a callable (default: make_prediction) that"
        " takes a file's bytes and a client; --requests says of how many runs",
    )
    group.add_argument("--files", nargs="+", metavar="FILE", help="with --pipeline: what it is given, in turn")


def asked(options: argparse.Namespace) -> bool:
    """Return whether it is asked for."""
    return options.pipeline is not None


def check(options: argparse.Namespace) -> None:
    """Find the pipeline and its files before anything is served.

    Raises:
        UsageError: one of them is not there, or an option says nothing here.
    """
    refuse_unfit(options, "--pipeline", "duration", "warmup", "processes", "engine", "verify", "samples")
    refuse_unfit(options, "--pipeline", "signature", "examples", "requests_from", "batch_size", "payload_sweep")
    if not options.files:
        raise UsageError("--pipeline needs files to work on; give some, e.g. --files shelf.jpg other.jpg")
    find_pipeline(options.pipeline)
    _read(options.files)


def run(context: Context) -> Iterator[Breakdown]:
    """Take the pipeline apart over each API."""
    options = context.options
    files, pipeline = _read(options.files), find_pipeline(options.pipeline)
    for api in apis_of(options.api, context.server.endpoint):
        row, note = break_down_pipeline(context.server, api, pipeline, files, runs=options.requests or DEFAULT_CALLS)
        if note:
            context.console.print(Text(f"note: the server's own part is not told: {note}"), soft_wrap=True)
        yield row


def _read(names: list[str]) -> list[bytes]:
    files = []
    for name in names:
        try:
            files.append(Path(name).read_bytes())
        except OSError as exc:
            raise UsageError(f"--files {name}: it cannot be read: {exc.strerror}") from exc
    return files
