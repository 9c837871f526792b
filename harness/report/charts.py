"""The geometry of the report's charts: which mark goes where. The templates draw it as SVG.

Horizontal places are percentages of the plot's width and vertical ones pixels, so that a chart fills a phone as it
fills a screen while its lettering keeps its size - without a script.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from harness.report import text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.results import Latency, Throughput

__all__ = [
    "LatencyChart",
    "LatencyTrack",
    "Mark",
    "RateChart",
    "RatePoint",
    "RateSeries",
    "Tick",
    "latency_chart",
    "log_ticks",
    "nice_ceiling",
    "rate_charts",
]

PLOT_HEIGHT_PX = 170
_EDGE_PERCENT = 2.0
_FIRST_LEVEL_PERCENT = 17.0  # right of the labels of the vertical axis, on a phone too


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A labelled grid line at `at`: percent from the left, or pixels from the top."""

    at: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A percentile on a track, `at` percent from the left."""

    at: float
    name: str
    label: str


@dataclass(frozen=True, kw_only=True)
class LatencyTrack:
    """One latency row: a bar from its lowest to its highest printable percentile, and their marks."""

    title: str
    api: str
    detail: str
    marks: tuple[Mark, ...]
    heads_group: bool


@dataclass(frozen=True, kw_only=True)
class LatencyChart:
    """All latency rows on one logarithmic axis."""

    ticks: tuple[Tick, ...]
    tracks: tuple[LatencyTrack, ...]


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


def latency_chart(rows: Sequence[Latency]) -> LatencyChart | None:
    """Return the chart of all rows that have a printable percentile, None if there is none."""
    drawn = [row for row in rows if _values(row)]
    if not drawn:
        return None
    low, high = _axis([value for row in drawn for _, value in _values(row)])
    place = _log_place(low, high)
    tracks: list[LatencyTrack] = []
    for title, group in groupby(sorted(drawn, key=_group), key=_group):
        for index, row in enumerate(sorted(group, key=lambda row: (row.api, row.concurrency))):
            tracks.append(_track(row, title, place, heads_group=index == 0))
    ticks = tuple(Tick(at=place(each), label=text.duration(each)) for each in log_ticks(low, high))
    return LatencyChart(ticks=ticks, tracks=tuple(tracks))


def rate_charts(rows: Sequence[Throughput]) -> tuple[RateChart, ...]:
    """Return one chart per kind of request that was measured at more than one concurrency in closed loop."""
    closed = [row for row in rows if row.loop == "closed"]
    groups = [(title, list(group)) for title, group in groupby(sorted(closed, key=_group), key=_group)]
    return tuple(_rate_chart(title, group) for title, group in groups if len({row.concurrency for row in group}) > 1)


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


def _group(row: Latency | Throughput) -> str:
    return text.request(row)


def _values(row: Latency) -> list[tuple[float, float]]:
    """Percent and value of the percentiles that may be drawn; a logarithmic axis has no place for zero."""
    found = [(each.percent, each.value_ns) for each in row.percentiles if each.value_ns is not None]
    return [(percent, value) for percent, value in sorted(found) if value > 0]


def _axis(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    # a narrower range may hold no round number to label the axis with
    return (low / 2, high * 2) if high < low * 3 else (low, high)


def _log_place(low: float, high: float) -> Callable[[float], float]:
    start, span = math.log10(low), math.log10(high) - math.log10(low)
    inner = 100 - 2 * _EDGE_PERCENT
    return lambda value: round(_EDGE_PERCENT + inner * (math.log10(value) - start) / span, 2)


def _track(row: Latency, title: str, place: Callable[[float], float], *, heads_group: bool) -> LatencyTrack:
    marks = tuple(
        Mark(at=place(value), name=text.percent_name(percent), label=text.duration(value))
        for percent, value in _values(row)
    )
    detail = f"{row.concurrency} in flight" if row.concurrency > 1 else ""
    return LatencyTrack(title=title, api=row.api, detail=detail, marks=marks, heads_group=heads_group)


def _rate_chart(title: str, rows: list[Throughput]) -> RateChart:
    levels = sorted({row.concurrency for row in rows})
    top = nice_ceiling(max((row.rate_per_s for row in rows), default=1) or 1)
    xs = {
        level: round(_FIRST_LEVEL_PERCENT + (94 - _FIRST_LEVEL_PERCENT) * index / (len(levels) - 1), 2)
        for index, level in enumerate(levels)
    }
    series = tuple(
        RateSeries(api=api, points=tuple(_point(row, xs, top) for row in sorted(group, key=_concurrency)))
        for api, group in groupby(sorted(rows, key=lambda row: row.api), key=lambda row: row.api)
    )
    return RateChart(
        title=title,
        x_ticks=tuple(Tick(at=x, label=str(level)) for level, x in xs.items()),
        y_ticks=tuple(Tick(at=_down(top * part, top), label=text.rate(top * part)) for part in (0.25, 0.5, 0.75, 1.0)),
        series=series,
    )


def _concurrency(row: Throughput) -> int:
    return row.concurrency


def _point(row: Throughput, xs: dict[int, float], top: float) -> RatePoint:
    x = xs[row.concurrency]
    return RatePoint(x=x, y=_down(row.rate_per_s, top), label=text.rate(row.rate_per_s), concurrency=row.concurrency)


def _down(value: float, top: float) -> float:
    """Pixels from the plot's top, which leaves room for a label above its highest line."""
    return round(20 + (PLOT_HEIGHT_PX - 20) * (1 - value / top), 1)
