"""Latency against throughput: what each further request in flight buys and costs, with the limit that was searched."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from harness.report import text
from harness.report.charts.scale import PLOT_HEIGHT_PX, Tick, log_axis, log_place, log_ticks, nice_ceiling

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.results import RateSearch, Throughput

__all__ = ["Tradeoff", "TradeoffPoint", "TradeoffSeries", "tradeoffs"]

_LEFT_PERCENT = 16.0  # room for the labels of the vertical axis


@dataclass(frozen=True, kw_only=True)
class TradeoffPoint:
    """One throughput row: `x` percent from the left, `y` pixels from the top."""

    x: float
    y: float
    label: str


@dataclass(frozen=True, kw_only=True)
class TradeoffSeries:
    """The rows of one API and loop, by rising rate."""

    api: str
    points: tuple[TradeoffPoint, ...]


@dataclass(frozen=True, kw_only=True)
class Tradeoff:
    """The plot of one kind of request.

    Attributes:
        title: the kind.
        percent: the percentile on the vertical axis, e.g. ``p99``.
        x_ticks: rates.
        y_ticks: latencies.
        series: one for each API.
        limits: latency limits that were searched for.
    """

    title: str
    percent: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    series: tuple[TradeoffSeries, ...]
    limits: tuple[Tick, ...]


def tradeoffs(rows: Sequence[Throughput], searches: Sequence[RateSearch] = ()) -> tuple[Tradeoff, ...]:
    """Return one plot for each kind of request that was measured at more than one load."""
    found = []
    for title, group in groupby(sorted(rows, key=text.request), key=text.request):
        several = [row for row in group if row.n and not row.void]
        limits = [each for each in searches if text.request(each) == title]
        percent = next((each for each in (99.0, 90.0, 50.0) if _drawn(several, each)), None)
        if percent is not None:
            found.append(_tradeoff(title, several, percent, limits))
    return tuple(found)


def _drawn(rows: Sequence[Throughput], percent: float) -> bool:
    return len(rows) > 1 and all(_latency(row, percent) for row in rows)


def _latency(row: Throughput, percent: float) -> float:
    values = (each.value_ns for each in row.percentiles if each.percent == percent and each.value_ns)
    return next(values, 0.0)


def _tradeoff(title: str, rows: Sequence[Throughput], percent: float, searches: Sequence[RateSearch]) -> Tradeoff:
    top = nice_ceiling(max(row.rate_per_s for row in rows))
    limits = sorted({each.limit_ns for each in searches if each.percent == percent})
    low, high = log_axis([*(_latency(row, percent) for row in rows), *limits])
    up = log_place(low, high)

    def across(rate: float) -> float:
        return round(_LEFT_PERCENT + (96 - _LEFT_PERCENT) * rate / top, 2)

    def down(value_ns: float) -> float:
        return round(20 + (PLOT_HEIGHT_PX - 20) * (1 - up(value_ns) / 100), 1)

    return Tradeoff(
        title=title,
        percent=text.percent_name(percent),
        x_ticks=tuple(Tick(at=across(top * part), label=text.rate(top * part)) for part in (0.0, 0.5, 1.0)),
        y_ticks=tuple(Tick(at=down(each), label=text.duration(each)) for each in log_ticks(low, high)),
        series=_series(rows, percent, across, down),
        limits=tuple(Tick(at=down(each), label=f"limit {text.duration(each)}") for each in limits),
    )


def _series(
    rows: Sequence[Throughput], percent: float, across: Callable[[float], float], down: Callable[[float], float]
) -> tuple[TradeoffSeries, ...]:
    ordered = sorted(rows, key=lambda row: (row.api, row.loop, row.concurrency, row.rate_per_s))
    return tuple(
        TradeoffSeries(
            api=api,
            points=tuple(
                TradeoffPoint(x=across(row.rate_per_s), y=down(_latency(row, percent)), label=_label(row, percent))
                for row in group
            ),
        )
        for (api, _), group in groupby(ordered, key=lambda row: (row.api, row.loop))
    )


def _label(row: Throughput, percent: float) -> str:
    asked = (
        f"{row.concurrency} in flight" if row.asked_rate_per_s is None else f"{text.rate(row.asked_rate_per_s)} asked"
    )
    return (
        f"{asked}: {text.rate(row.rate_per_s)} at {text.percent_name(percent)} {text.duration(_latency(row, percent))}"
    )
