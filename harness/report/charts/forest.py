"""Candidate over baseline, metric by metric: the estimate, its interval, every pair, and what is tolerated."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.report import text
from harness.report.charts.scale import Tick

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.results import Gated, MetricRatio

__all__ = ["Forest", "ForestRow", "forest"]

_LEAST_REACH = math.log(1.12)
_MOST_REACH = math.log(8)
_STEPS = (0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0)


@dataclass(frozen=True, kw_only=True)
class ForestRow:
    """One metric; places are percent from the left.

    Attributes:
        title: the metric.
        verdict: of it.
        label: the change in words.
        at: the estimate.
        low: lower end of its interval, None without one.
        high: upper end.
        worse_from: where more than the tolerated begins, to the right or, where more is better, to the left.
        points: each pair.
    """

    title: str
    verdict: str
    label: str
    at: float
    low: float | None
    high: float | None
    worse_from: float
    points: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Forest:
    """All metrics of a gate on one axis of ratios; `same` is where nothing changed."""

    title: str
    same: float
    ticks: tuple[Tick, ...]
    rows: tuple[ForestRow, ...]


def forest(gated: Gated) -> Forest | None:
    """Return the chart of a gate, None if it measured nothing."""
    if not gated.metrics:
        return None
    reach = _reach(gated.metrics)
    place = _place(reach)
    return Forest(
        title=f"{gated.model} over {text.api_name(gated.api)}",
        same=place(1.0),
        ticks=tuple(Tick(at=place(1 + change), label=f"{change:+.0%}" if change else "0%") for change in _ticks(reach)),
        rows=tuple(_row(row, place) for row in gated.metrics),
    )


def _reach(rows: Sequence[MetricRatio]) -> float:
    values = [value for row in rows for value in (row.ratio, row.low, row.high, 1 + row.tolerance) if value]
    return min(max(_LEAST_REACH, 1.15 * max(abs(math.log(value)) for value in values)), _MOST_REACH)


def _place(reach: float) -> Callable[[float], float]:
    return lambda ratio: round(50 + 48 * max(-1.0, min(1.0, math.log(max(ratio, 1e-9)) / reach)), 2)


def _ticks(reach: float) -> list[float]:
    """Return changes to mark: the coarsest round step of which two fit on the larger side."""
    most = math.expm1(reach)
    step = max((step for step in _STEPS if 2 * step <= most), default=_STEPS[0])
    upper = [step * number for number in range(1, 5) if step * number <= most]
    return [*(-change for change in reversed(upper) if math.log1p(-min(change, 0.99)) >= -reach), 0.0, *upper]


def _row(row: MetricRatio, place: Callable[[float], float]) -> ForestRow:
    interval = "" if row.low is None or row.high is None else f" ({_change(row.low)} to {_change(row.high)} %)"
    return ForestRow(
        title=row.title,
        verdict=row.verdict,
        label=f"{_change(row.ratio)} %{interval}",
        at=place(row.ratio),
        low=None if row.low is None else place(row.low),
        high=None if row.high is None else place(row.high),
        worse_from=place(1 + row.tolerance if row.lower_is_better else 1 / (1 + row.tolerance)),
        points=tuple(map(place, row.ratios)),
    )


def _change(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f}"
