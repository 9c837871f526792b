"""Where the time of a call goes: a bar for each kind of call, its parts side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.report import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.results import Breakdown

__all__ = ["Bar", "BreakdownChart", "Segment", "breakdown_chart"]

_SHADES = 8  # that the parts of a side have


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A part of a call: where it begins and how wide it is, in percent; `place` numbers it within its side."""

    name: str
    where: str
    place: int
    start: float
    width: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A call."""

    title: str
    api: str
    total: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True, kw_only=True)
class BreakdownChart:
    """All of them on one axis of time, the longest from edge to edge; `names` are the parts, for the legend."""

    bars: tuple[Bar, ...]
    names: tuple[Segment, ...]


def breakdown_chart(rows: Sequence[Breakdown]) -> BreakdownChart | None:
    """Return the chart, None if there is no call that took time."""
    totals = [sum(part.mean_ns for part in row.parts) for row in rows]
    longest = max(totals, default=0.0)
    if longest <= 0:
        return None
    bars = tuple(_bar(row, total, longest) for row, total in zip(rows, totals, strict=True))
    names = {segment.name: segment for bar in bars for segment in bar.segments}
    return BreakdownChart(bars=bars, names=tuple(names.values()))


def _bar(row: Breakdown, total: float, longest: float) -> Bar:
    segments, start = [], 0.0
    places = {"client": 0, "network": 0, "server": 0}
    for part in row.parts:
        width = 100 * part.mean_ns / longest
        label = f"{part.name} {text.duration(part.mean_ns)}, {part.mean_ns / total:.0%}"
        segments.append(
            Segment(
                name=part.name,
                where=part.where,
                place=places[part.where] % _SHADES,
                start=round(start, 3),
                width=round(width, 3),
                label=label,
            )
        )
        places[part.where] += 1
        start += width
    title = row.model if row.pipeline else text.request(row)
    return Bar(title=title, api=row.api, total=text.duration(total), segments=tuple(segments))
