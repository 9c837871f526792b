"""Pacer: when a user's next request is due. Pure: it is told the time.

A Locust user sends its next request only once the last one is answered. With a rate, requests are due at times drawn
without regard to answers; one that is sent late because the last answer was late counts from when it was due.
"""

from __future__ import annotations

import random

from harness.errors import UsageError

__all__ = ["Pacer"]


class Pacer:
    """The schedule of one user."""

    def __init__(self, *, rate_per_s: float, arrivals: str, now_ns: int, seed: int | None = None) -> None:
        """Begin; a rate of 0 is a closed loop, in which a request is due when the last one is answered.

        Raises:
            UsageError: a negative rate, or arrivals that are neither ``constant`` nor ``poisson``.
        """
        if rate_per_s < 0:
            raise UsageError(f"a user's rate cannot be negative, got {rate_per_s}; give 0 for a closed loop")
        if arrivals not in ("constant", "poisson"):
            raise UsageError(f"arrivals must be constant or poisson, got {arrivals!r}")
        self._rate_per_s = rate_per_s
        self._poisson = arrivals == "poisson"
        self._random = random.Random(seed)  # noqa: S311 - arrival times are no secret
        first = self._random.random() / rate_per_s if rate_per_s else 0.0  # else users that start together stay so
        self._due_ns = now_ns + round(first * 1e9)

    def wait_s(self, now_ns: int) -> float:
        """Return how long to wait until the next request is due; 0 if it is already."""
        return max(0.0, (self._due_ns - now_ns) / 1e9) if self._rate_per_s else 0.0

    def scheduled_ns(self, now_ns: int) -> int:
        """Return when the request that is sent now was due, and draw the next."""
        if not self._rate_per_s:
            return now_ns
        due_ns = self._due_ns
        gap_s = self._random.expovariate(self._rate_per_s) if self._poisson else 1 / self._rate_per_s
        self._due_ns = due_ns + round(gap_s * 1e9)
        return due_ns
