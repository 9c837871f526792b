"""Slices: how long one side is measured before it is the other's turn. Pure.

A processor that is shared with strangers is now fast and now slow: where two hardware threads share a core, one of them
takes nearly twice as long while the other works. Such changes last from some milliseconds to some seconds. What changes
during a slice meets one side alone; what lasts longer meets both. So slices are as short as serves: long enough for
several answers to each request in flight, or several arrivals, and for what changing sides costs to stay small.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.gate.blocks import ROUND

__all__ = ["Slicing", "choose_slicing"]

_LEAST_S = 0.2  # shorter ones gain nothing: what is left is noise within a slice
_ANSWERS = 10.0  # to each request in flight; in open loop so many arrivals, too
_SWITCHES = 2.0  # so many times as long as changing sides takes
_SETTLES = 0.25  # of a slice, before it


@dataclass(frozen=True, kw_only=True)
class Slicing:
    """How a block is cut.

    Attributes:
        count: slices of a block.
        slice_s: measured seconds of each.
        settle_s: seconds before them, thrown away.
    """

    count: int
    slice_s: float
    settle_s: float


def choose_slicing(
    *,
    block_s: float,
    settle_s: float,
    latency_s: float,
    switch_s: float,
    gap_s: float = 0.0,
    slice_s: float | None = None,
) -> Slicing:
    """Return how a block is cut.

    Args:
        block_s: measured seconds of a block.
        settle_s: seconds to be thrown away before a block that is not cut; before a slice a quarter of it at most.
        latency_s: how long a request takes.
        switch_s: how long it takes to change sides.
        gap_s: mean time between two arrivals of an open loop.
        slice_s: seconds of a slice, if the user wants that; None to choose.

    Returns:
        At least four slices, or, if these would be too short, the block as it is. The slices together are as long as
        the block.
    """
    least_s = max(_LEAST_S, _ANSWERS * max(latency_s, gap_s), _SWITCHES * switch_s) if slice_s is None else slice_s
    count = int(block_s / least_s * (1 + 1e-9))
    count -= count % ROUND
    if count < ROUND:
        return Slicing(count=1, slice_s=block_s, settle_s=settle_s)
    each_s = block_s / count
    return Slicing(count=count, slice_s=each_s, settle_s=min(settle_s, _SETTLES * each_s))
