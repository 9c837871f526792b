"""How many connections a process may have: each takes a file descriptor."""

from __future__ import annotations

import resource
from contextlib import suppress

from harness.errors import UsageError

__all__ = ["check_connections", "most_connections"]

_OTHERS = 64  # descriptors for everything else


def check_connections(wanted: int) -> None:
    """Refuse more connections than a process may have at the most.

    Raises:
        UsageError: with what the limit is, and how to live with it.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and wanted > hard - _OTHERS:
        raise UsageError(
            f"{wanted:,} connections from one process need {wanted + _OTHERS:,} file descriptors, but {hard:,} is the"
            " most it may have; lower the concurrency, give more processes, or raise the hard limit (ulimit -Hn)"
        )


def most_connections(wanted: int) -> int:
    """Let this process have so many connections, if its limits can be raised to that; return how many it may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _OTHERS
    if soft != resource.RLIM_INFINITY and soft < needed:
        most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with suppress(OSError, ValueError):  # the system may have a limit of its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if soft == resource.RLIM_INFINITY else max(1, min(wanted, soft - _OTHERS))
