"""Scales: where a value lies on an axis. Horizontal places are percentages of the plot's width, vertical ones pixels.

So a chart fills a phone as it fills a screen while its lettering keeps its size - without a script.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["PLOT_HEIGHT_PX", "Tick", "down", "log_axis", "log_place", "log_ticks", "nice_ceiling"]

PLOT_HEIGHT_PX = 170
_EDGE_PERCENT = 2.0


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A labelled grid line at `at`: percent from the left, or pixels from the top."""

    at: float
    label: str


def log_ticks(low: float, high: float) -> tuple[float, ...]:
    """Return round numbers (1, 2 and 5 times powers of ten) within a range, thinned to at most seven."""
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = tuple(step * 10.0**power for power in powers for step in steps if low <= step * 10.0**power <= high)
        if len(ticks) <= 7:
            return ticks
    return ticks[:: math.ceil(len(ticks) / 7)]


def nice_ceiling(value: float) -> float:
    """Return the smallest number not below a positive value that is round, and whose quarters are fairly round."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10) if step * power >= value)


def log_axis(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of a logarithmic axis that shows all values, wide enough to hold a round number."""
    low, high = min(values), max(values)
    # a narrower range may hold no round number to label the axis with
    return (low / 2, high * 2) if high < low * 3 else (low, high)


def log_place(low: float, high: float, *, left: float = _EDGE_PERCENT) -> Callable[[float], float]:
    """Return where a value lies on such an axis, in percent; its low end is `left` percent from the edge."""
    start, span = math.log10(low), math.log10(high) - math.log10(low)
    inner = 100 - _EDGE_PERCENT - left
    return lambda value: round(left + inner * (math.log10(value) - start) / span, 2)


def down(value: float, top: float, *, height_px: float = PLOT_HEIGHT_PX) -> float:
    """Pixels from the plot's top, which leaves room for a label above its highest line."""
    return round(20 + (height_px - 20) * (1 - value / top), 1)
