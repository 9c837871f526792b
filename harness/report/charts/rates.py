"""Requests a second by requests in flight: a plot for each kind of request."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from harness.report import text
from harness.report.charts.scale import Tick, down, nice_ceiling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.results import Throughput

__all__ = ["RateChart", "RatePoint", "RateSeries", "rate_charts"]

_FIRST_LEVEL_PERCENT = 17.0  # right of the labels of the vertical axis, on a phone too


@dataclass(frozen=True, kw_only=True)
class RatePoint:
    """One throughput row: `x` percent from the left, `y` pixels from the top."""

    x: float
    y: float
    label: str
    concurrency: int


@dataclass(frozen=True, kw_only=True)
class RateSeries:
    """The points of one API, by rising concurrency."""

    api: str
    points: tuple[RatePoint, ...]


@dataclass(frozen=True, kw_only=True)
class RateChart:
    """Throughput by concurrency of one kind of request."""

    title: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    series: tuple[RateSeries, ...]


def rate_charts(rows: Sequence[Throughput]) -> tuple[RateChart, ...]:
    """Return one chart per kind of request that was measured at more than one concurrency in closed loop."""
    closed = [row for row in rows if row.loop == "closed"]
    groups = [(title, list(group)) for title, group in groupby(sorted(closed, key=text.request), key=text.request)]
    return tuple(_rate_chart(title, group) for title, group in groups if len({row.concurrency for row in group}) > 1)


def _rate_chart(title: str, rows: list[Throughput]) -> RateChart:
    levels = sorted({row.concurrency for row in rows})
    top = nice_ceiling(max((row.rate_per_s for row in rows), default=1) or 1)
    xs = {
        level: round(_FIRST_LEVEL_PERCENT + (94 - _FIRST_LEVEL_PERCENT) * index / (len(levels) - 1), 2)
        for index, level in enumerate(levels)
    }
    series = tuple(
        RateSeries(
            api=api, points=tuple(_point(row, xs, top) for row in sorted(group, key=lambda row: row.concurrency))
        )
        for api, group in groupby(sorted(rows, key=lambda row: row.api), key=lambda row: row.api)
    )
    return RateChart(
        title=title,
        x_ticks=tuple(Tick(at=x, label=str(level)) for level, x in xs.items()),
        y_ticks=tuple(Tick(at=down(top * part, top), label=text.rate(top * part)) for part in (0.25, 0.5, 0.75, 1.0)),
        series=series,
    )


def _point(row: Throughput, xs: dict[int, float], top: float) -> RatePoint:
    x = xs[row.concurrency]
    return RatePoint(x=x, y=down(row.rate_per_s, top), label=text.rate(row.rate_per_s), concurrency=row.concurrency)
