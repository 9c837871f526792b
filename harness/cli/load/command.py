"""The command itself: serve, let the mode measure, report what was had however it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console

from harness.cli.load.common import add_common_options, run_options
from harness.cli.load.context import Context
from harness.cli.load.modes import all_modes, chosen_mode
from harness.cli.load.outcome import fails
from harness.cli.load.pools import pools_of
from harness.cli.main import INTERRUPTED
from harness.cli.record import Record, add_report_option
from harness.cli.server_options import add_server_options, served
from harness.errors import HarnessError
from harness.measure.rows import fields_of
from harness.stage import Stage
from harness.surroundings import backend_of

if TYPE_CHECKING:
    import argparse

    from harness.measure.rows import Row
    from harness.servers import Server

__all__ = ["add_options", "run"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add_server_options(parser)
    group = parser.add_argument_group("load")
    add_common_options(group)
    for mode in all_modes().values():
        mode.add_options(group)
    add_report_option(parser)


def run(options: argparse.Namespace) -> int:
    """Measure; 1 if what was measured is no success, 130 if Ctrl-C cut it short. What was had is reported all the same.

    Raises:
        HarnessError: it could not be measured, or not to the end.
    """
    record = Record(options)
    mode = chosen_mode(options)
    run_options(options)
    if hasattr(mode, "check"):
        mode.check(options)
    rows: list[Row] = []
    interrupted, trouble = False, None
    with served(options) as server:
        context = _context(server, options)
        try:
            rows.extend(mode.run(context))  # keeps what was yielded before an exception
        except KeyboardInterrupt:
            interrupted = True
        except HarnessError as exc:
            trouble = exc
        backend = backend_of(server)
    if trouble is not None and not rows:
        raise trouble
    warnings = () if trouble is None else (f"not all was measured: {trouble}",)
    parts: dict[str, Any] = {"backend": backend, "warnings": warnings, **fields_of(rows)}
    record.finish(interrupted=interrupted, **parts)
    if trouble is not None:
        raise trouble
    return INTERRUPTED if interrupted else int(not rows or any(map(fails, rows)))


def _context(server: Server, options: argparse.Namespace) -> Context:
    pools = pools_of(server, options)
    return Context(
        server=server,
        options=options,
        pools=pools,
        stage=Stage.of(server, server.endpoint.model),
        console=Console(stderr=True),
    )
