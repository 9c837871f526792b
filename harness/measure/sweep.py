"""Sweep: one load run after the other, a row for each, as far as that makes sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.measure.pool import RequestPool
    from harness.measure.runner import Load, Runner
    from harness.results import Throughput

__all__ = ["sweep"]


def sweep(runner: Runner, pools: Sequence[RequestPool], loads: Sequence[Load]) -> Iterator[Throughput]:
    """Send each pool's requests under each load and yield the row of each run as soon as it is had.

    A server that is gone ends the sweep. A schedule that the server could not keep up with, so that the run had to end,
    spares the higher rates of the same requests.

    Raises:
        KeyboardInterrupt: Ctrl-C, once the row of the run that it ended was yielded.
        HarnessError: a run could not be made.
    """
    runner.progress.expect(len(pools) * len(loads))
    for pool in pools:
        too_fast_per_s = float("inf")
        for load in loads:
            if load.arrivals is not None and load.arrivals.rate_per_s >= too_fast_per_s:
                continue
            found = runner.run(pool, load)
            yield found.row
            if found.result.ended == "interrupted":
                raise KeyboardInterrupt
            if found.result.ended == "server gone":
                return
            if found.result.ended == "overrun" and load.arrivals is not None:
                too_fast_per_s = load.arrivals.rate_per_s
