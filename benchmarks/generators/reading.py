"""Reading: what one run of one generator came to."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Missing", "Reading", "median_reading"]


class Missing(Exception):  # noqa: N818 - it is no error: what is missing is left out
    """A generator or a server cannot be had here; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One run.

    Attributes:
        rate_per_s: requests answered a second.
        p50_us: the median latency.
        p99_us: the 99th percentile.
        generator_cpu_us: the generator's processor time per request.
        server_cpu_us: the server's.
        errors: requests that were not answered well, of those that the generator can tell.
    """

    rate_per_s: float
    p50_us: float
    p99_us: float
    generator_cpu_us: float
    server_cpu_us: float
    errors: int = 0

    @property
    def generator_share(self) -> float:
        """How much of a core the generator used."""
        return self.rate_per_s * self.generator_cpu_us / 1e6

    @property
    def server_share(self) -> float:
        """How much of a core the server used."""
        return self.rate_per_s * self.server_cpu_us / 1e6


def median_reading(readings: Sequence[Reading]) -> Reading:
    """Return the median of each number; of errors the sum."""

    def median(name: str) -> float:
        return statistics.median(getattr(one, name) for one in readings)

    return Reading(
        rate_per_s=median("rate_per_s"),
        p50_us=median("p50_us"),
        p99_us=median("p99_us"),
        generator_cpu_us=median("generator_cpu_us"),
        server_cpu_us=median("server_cpu_us"),
        errors=sum(one.errors for one in readings),
    )
