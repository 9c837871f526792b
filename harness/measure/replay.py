"""Replay: the schedule on which the requests of a log leave as they once arrived, or so many times as fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import UsageError
from harness.load import Arrivals

if TYPE_CHECKING:
    from harness.measure.pool import RequestPool

__all__ = ["replay"]


def replay(pool: RequestPool, *, speed: float = 1.0, repeats: bool = True) -> Arrivals:
    """Return the schedule of a pool's recorded times, for ``run_load(..., arrivals=...)`` with the pool's requests.

    Request i leaves at time i as long as ``shuffle_seed`` is None. The warm-up is part of the schedule: give
    ``warmup_s=0``, and ``Arrivals.span_s`` as ``duration_s``, to measure the log once from its first request on.

    Args:
        pool: requests of a log.
        speed: 2 for twice as fast.
        repeats: whether the log begins anew after its end; else nothing is sent any more.

    Raises:
        UsageError: the requests have no times, or times that make no schedule.
    """
    if not pool.at_s:
        raise UsageError(
            f"{pool.source}: no times are recorded (in a log log_metadata.timestamp_secs holds them), so it cannot be"
            " replayed as it came; give a rate instead, e.g. --rate 100"
        )
    return Arrivals.recorded(pool.at_s, speed=speed, repeats=repeats)
