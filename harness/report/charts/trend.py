"""Stored measurements over time: a small plot for each metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.report.tables import in_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.results import Trend

__all__ = ["TREND_HEIGHT_PX", "TrendChart", "TrendMark", "trend_charts"]

TREND_HEIGHT_PX = 64
_LEAST_POINTS = 2


@dataclass(frozen=True, kw_only=True)
class TrendMark:
    """A stored measurement: `x` percent from the left, `y` pixels from the top."""

    x: float
    y: float
    comparable: bool
    label: str


@dataclass(frozen=True, kw_only=True)
class TrendChart:
    """A metric over time, oldest first, evenly spaced; the last value stands beside it."""

    title: str
    last: str
    marks: tuple[TrendMark, ...]


def trend_charts(rows: Sequence[Trend]) -> tuple[TrendChart, ...]:
    """Return the plots of the metrics that were stored more than once."""
    return tuple(_chart(row) for row in rows if len(row.points) >= _LEAST_POINTS)


def _chart(row: Trend) -> TrendChart:
    values = [point.value for point in row.points]
    low, high = min(values), max(values)
    spread = (high - low) or abs(high) or 1.0
    marks = tuple(
        TrendMark(
            x=round(3 + 94 * index / (len(row.points) - 1), 2),
            y=round(8 + (TREND_HEIGHT_PX - 16) * (1 - (point.value - low) / spread), 1),
            comparable=point.comparable,
            label=f"{point.created_utc[:10]} {point.label}: {in_unit(point.value, row.unit)}"
            + ("" if point.comparable else " (on something else)"),
        )
        for index, point in enumerate(row.points)
    )
    return TrendChart(title=f"{row.model}, {row.title}", last=in_unit(values[-1], row.unit), marks=marks)
