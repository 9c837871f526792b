"""The command itself: serve, let the mode measure, report what was had however it ended."""

from __future__ import annotations

from argparse import Namespace
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console

from harness.cli.load.common import add_common_options, samples_folder, settings_of
from harness.cli.load.context import Context
from harness.cli.load.modes import add_mode_options, chosen_mode
from harness.cli.load.outcome import fails
from harness.cli.load.pools import add_pool_options, check_pool_options, pools_of
from harness.cli.main import INTERRUPTED
from harness.cli.record import Record, add_report_option
from harness.cli.server_options import add_server_options, served
from harness.errors import HarnessError
from harness.measure.rows import fields_of
from harness.stage import Stage
from harness.surroundings import backend_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from harness.measure.rows import Row
    from harness.servers import Server

__all__ = ["add_options", "run"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add_server_options(parser, several_endpoints=True)
    group = parser.add_argument_group("load")
    add_mode_options(group)
    add_common_options(group)
    add_pool_options(group)
    add_report_option(parser)


def run(options: argparse.Namespace) -> int:
    """Measure; 1 if what was measured is no success, 130 if Ctrl-C cut it short. What was had is reported all the same.

    Raises:
        HarnessError: it could not be measured, or not to the end.
    """
    mode = chosen_mode(options)
    _check(options)
    record = Record(options)
    rows: list[Row] = []
    interrupted, trouble = False, None
    with _all_served(options) as servers:
        context = _context(servers, options, sends_pools=getattr(mode, "sends_pools", True))
        backend = backend_of(servers[0])
        try:
            rows.extend(mode.run(context))  # keeps what was yielded before an exception
        except KeyboardInterrupt:
            interrupted = True
        except HarnessError as exc:
            trouble = exc
    if trouble is not None and not rows:
        raise trouble
    warnings = () if trouble is None else (f"not all was measured: {trouble}",)
    parts: dict[str, Any] = {"backend": backend, "warnings": warnings, **fields_of(rows)}
    record.finish(interrupted=interrupted, **parts)
    if trouble is not None:
        raise trouble
    return INTERRUPTED if interrupted else int(not rows or any(map(fails, rows)))


def _check(options: argparse.Namespace) -> None:
    """Refuse values before anything is served."""
    settings_of(options)
    samples_folder(options)
    check_pool_options(options)


@contextmanager
def _all_served(options: argparse.Namespace) -> Iterator[list[Server]]:
    """Yield the servers until the block ends: one, or those at all endpoints."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(served(Namespace(**{**vars(options), "endpoint": endpoint}), metrics=True))
            for endpoint in options.endpoint or [None]
        ]


def _context(servers: list[Server], options: argparse.Namespace, *, sends_pools: bool) -> Context:
    variants = pools_of(servers[0], options) if sends_pools else {}
    return Context(
        server=servers[0],
        options=options,
        pools={api: pools[0] for api, pools in variants.items()},
        stage=Stage.of(servers[0], servers[0].endpoint.model),
        console=Console(stderr=True),
        variants=variants,
        endpoints=tuple(server.endpoint for server in servers),
    )
