"""Percentiles of latency: a track for each row, all on one logarithmic axis."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from harness.report import text
from harness.report.charts.scale import Tick, log_axis, log_place, log_ticks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.results import Latency

__all__ = ["LatencyChart", "LatencyTrack", "Mark", "latency_chart"]


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


def latency_chart(rows: Sequence[Latency]) -> LatencyChart | None:
    """Return the chart of all rows that have a printable percentile, None if there is none."""
    drawn = [row for row in rows if _values(row)]
    if not drawn:
        return None
    low, high = log_axis([value for row in drawn for _, value in _values(row)])
    place = log_place(low, high)
    tracks: list[LatencyTrack] = []
    for title, group in groupby(sorted(drawn, key=text.request), key=text.request):
        for index, row in enumerate(sorted(group, key=lambda row: (row.api, row.concurrency))):
            tracks.append(_track(row, title, place, heads_group=index == 0))
    ticks = tuple(Tick(at=place(each), label=text.duration(each)) for each in log_ticks(low, high))
    return LatencyChart(ticks=ticks, tracks=tuple(tracks))


def _values(row: Latency) -> list[tuple[float, float]]:
    """Percent and value of the percentiles that may be drawn; a logarithmic axis has no place for zero."""
    found = [(each.percent, each.value_ns) for each in row.percentiles if each.value_ns is not None]
    return [(percent, value) for percent, value in sorted(found) if value > 0]


def _track(row: Latency, title: str, place: Callable[[float], float], *, heads_group: bool) -> LatencyTrack:
    marks = tuple(
        Mark(at=place(value), name=text.percent_name(percent), label=text.duration(value))
        for percent, value in _values(row)
    )
    detail = f"{row.concurrency} in flight" if row.concurrency > 1 else ""
    return LatencyTrack(title=title, api=row.api, detail=detail, marks=marks, heads_group=heads_group)
