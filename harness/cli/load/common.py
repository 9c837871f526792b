"""What all modes of the load command have in common: how long a run takes, and what the server used in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.cli.server_options import Once, positive
from harness.load import ServerUsage
from harness.option_values import seconds
from harness.signatures import DEFAULT_SIGNATURE

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from harness.servers import Server

__all__ = ["add_common_options", "run_options", "usage_of"]

_DEFAULT_DURATION, _DEFAULT_WARMUP = "5", "15"


def add_common_options(group: argparse._ArgumentGroup) -> None:
    """Add the options that every mode knows."""
    group.add_argument(
        "--api", action=Once, choices=("grpc", "rest", "both"), default="both", help="what to call (default: both)"
    )
    group.add_argument("--duration", action=Once, help="measured seconds each (default: 5)")
    group.add_argument("--warmup", action=Once, help="seconds the warm-up may take at most (default: 15)")
    group.add_argument("--batch-size", action=Once, type=positive, default=1, help="examples in a request (default: 1)")
    group.add_argument("--signature", action=Once, default=DEFAULT_SIGNATURE, help="the signature to call")


def run_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the common options mean for `harness.load.run_load`.

    Raises:
        UsageError: an option has no such value.
    """
    return {
        "duration_s": seconds(_DEFAULT_DURATION if options.duration is None else options.duration, "--duration"),
        "warmup_s": seconds(_DEFAULT_WARMUP if options.warmup is None else options.warmup, "--warmup"),
    }


def usage_of(server: Server) -> Callable[[], ServerUsage | None]:
    """Return a function that tells what the server has used so far, None where that cannot be known."""

    def usage() -> ServerUsage | None:
        cpu_us = server.cpu_time_us()
        return None if cpu_us is None else ServerUsage(cpu_us=cpu_us, peak_memory_bytes=server.peak_memory_bytes())

    return usage
