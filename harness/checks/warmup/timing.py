"""Timing: the first request after a load against the later ones."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.checks.request import ask

if TYPE_CHECKING:
    from harness.checks.request import Request
    from harness.clients.client import Client

__all__ = ["FirstRequest", "time_first_request"]

_TIMES_AS_LONG = 10
_NOTICEABLE_NS = 100_000_000
_MOST, _FEWEST, _LIMIT_NS = 30, 5, 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class FirstRequest:
    """How long the first request took, and the median of the later ones.

    Attributes:
        first_ns: the first one.
        later_ns: the median of those after it.
    """

    first_ns: int
    later_ns: int

    @property
    def is_slow(self) -> bool:
        """Whether it took more than ten times as long as the later ones, and so much longer that a caller notices."""
        return self.first_ns > _TIMES_AS_LONG * self.later_ns and self.first_ns - self.later_ns > _NOTICEABLE_NS

    def __str__(self) -> str:
        """Return both, and how many times as long the first one took."""
        times = self.first_ns / self.later_ns
        return (
            f"{self.first_ns / 1e6:.1f} ms, {times:.1f} x the median of the later ones ({self.later_ns / 1e6:.1f} ms)"
        )


def time_first_request(client: Client, request: Request) -> FirstRequest:
    """Send a request again and again: the first time counts alone, then 30 times, or as often as a second allows.

    Raises:
        CallError: it brings no answer.
    """
    first_ns = _took_ns(client, request)
    later: list[int] = []
    while len(later) < _FEWEST or (len(later) < _MOST and sum(later) < _LIMIT_NS):
        later.append(_took_ns(client, request))
    return FirstRequest(first_ns=first_ns, later_ns=round(statistics.median(later)))


def _took_ns(client: Client, request: Request) -> int:
    began_ns = time.perf_counter_ns()
    ask(client, request)
    return time.perf_counter_ns() - began_ns
