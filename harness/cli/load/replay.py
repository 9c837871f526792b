"""Replay: the requests of a log leave as they once arrived, or so many times as fast."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.cli.load.common import running
from harness.cli.server_options import Once
from harness.errors import UsageError
from harness.measure.replay import replay
from harness.measure.runner import Load
from harness.measure.sweep import sweep

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from harness.cli.load.context import Context
    from harness.results import Throughput

__all__ = ["add_options", "asked", "check", "run"]

_AFTER_THE_LAST_S = 0.001  # so that the last request leaves within the measured time


def add_options(group: argparse._ArgumentGroup) -> None:
    """Add ``--replay``."""
    group.add_argument(
        "--replay",
        action=Once,
        nargs="?",
        const="1",
        metavar="SPEED",
        help="with --requests-from: when they came in the log, so many times as fast (default: 1); once, unless"
        " --duration says how long",
    )


def asked(options: argparse.Namespace) -> bool:
    """Return whether a log is to be replayed."""
    return options.replay is not None


def check(options: argparse.Namespace) -> None:
    """Refuse what cannot be replayed.

    Raises:
        UsageError: no log, no such speed, or options that would change what the log holds.
    """
    _speed(options)
    if options.requests_from is None:
        raise UsageError("--replay needs --requests-from LOG, the log to replay")
    if options.batch_size is not None:
        raise UsageError("--replay sends the requests of the log as they are; leave --batch-size out, or give a --rate")


def run(context: Context) -> Iterator[Throughput]:
    """Replay the log over each API: from its first request to its last, or as long as was asked for.

    Without ``--warmup`` there is no warm-up: its requests would be missing.
    """
    options = context.options
    once = options.duration is None
    with running(context) as runner:
        warmup_s = 0.0 if options.warmup is None else runner.settings.warmup_s
        for pool in context.every_pool:
            arrivals = replay(pool, speed=_speed(options), repeats=not once)
            length_s = runner.settings.duration_s if arrivals.span_s is None or not once else arrivals.span_s
            settings = replace(
                runner.settings, shuffle_seed=None, warmup_s=warmup_s, duration_s=length_s + _AFTER_THE_LAST_S
            )
            yield from sweep(replace(runner, settings=settings), [pool], [Load(arrivals=arrivals)])


def _speed(options: argparse.Namespace) -> float:
    try:
        speed = float(options.replay)
    except ValueError:
        speed = math.nan
    if not 0 < speed < math.inf:
        raise UsageError(f"--replay {options.replay!r} should be a speed above 0: 1 as it came, 2 twice as fast")
    return speed
