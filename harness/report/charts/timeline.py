"""A load run over time: median and longest latency, errors, and the processor time of the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.report import text
from harness.report.charts.scale import PLOT_HEIGHT_PX, Tick, log_axis, log_place, log_ticks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.results import Throughput, Window

__all__ = ["CPU_HEIGHT_PX", "Slice", "Timeline", "timelines"]

CPU_HEIGHT_PX = 46
_LEFT_PERCENT = 16.0
_LEAST_WINDOWS = 3


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A slice of time: percent from the left and wide, pixels from the top; None where nothing was answered.

    Attributes:
        x: where it begins.
        width: how wide it is.
        p50: the median latency.
        most: the longest.
        cpu: top of the bar of processor time, in its own strip; None if not known.
        errors: how many requests failed.
        label: all of it in words.
    """

    x: float
    width: float
    p50: float | None
    most: float | None
    cpu: float | None
    errors: int
    label: str


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """The plot of one throughput row."""

    title: str
    api: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    cpu_top: str
    slices: tuple[Slice, ...]


def timelines(rows: Sequence[Throughput]) -> tuple[Timeline, ...]:
    """Return the plots of the rows that have a course over time."""
    return tuple(
        _timeline(row) for row in rows if sum(each.p50_ns is not None for each in row.windows) >= _LEAST_WINDOWS
    )


def _timeline(row: Throughput) -> Timeline:
    end = max(each.start_s + each.duration_s for each in row.windows)
    values = [value for each in row.windows for value in (each.p50_ns, each.max_ns) if value]
    low, high = log_axis(values)
    up = log_place(low, high)
    shares = [each.server_cpu_share for each in row.windows if each.server_cpu_share is not None]
    most_cpu = max([1.0, *shares])

    def across(at_s: float) -> float:
        return round(_LEFT_PERCENT + (98 - _LEFT_PERCENT) * at_s / end, 2)

    def down(value_ns: float) -> float:
        return round(20 + (PLOT_HEIGHT_PX - 20) * (1 - up(value_ns) / 100), 1)

    return Timeline(
        title=f"{text.request(row)}, {_load(row)}",
        api=row.api,
        x_ticks=tuple(
            Tick(at=across(end * part), label=text.seconds(end * part)) for part in (0.0, 0.25, 0.5, 0.75, 1.0)
        ),
        y_ticks=tuple(Tick(at=down(each), label=text.duration(each)) for each in log_ticks(low, high)),
        cpu_top=f"{most_cpu:.1f} cores" if shares else "",
        slices=tuple(_slice(each, across, down, most_cpu) for each in row.windows),
    )


def _load(row: Throughput) -> str:
    return (
        f"{row.concurrency} in flight" if row.asked_rate_per_s is None else f"{text.rate(row.asked_rate_per_s)} asked"
    )


def _slice(window: Window, across: Callable[[float], float], down: Callable[[float], float], most_cpu: float) -> Slice:
    x = across(window.start_s)
    share = window.server_cpu_share
    parts = [
        f"from {text.seconds(window.start_s)}",
        text.plural(window.n, "answer"),
        f"median {text.duration(window.p50_ns)}",
        f"longest {text.duration(window.max_ns)}",
        *([f"{text.count(window.errors)} failed"] if window.errors else []),
        *([] if share is None else [f"server {share:.2f} cores"]),
    ]
    return Slice(
        x=x,
        width=round(across(window.start_s + window.duration_s) - x, 2),
        p50=down(window.p50_ns) if window.p50_ns else None,
        most=down(window.max_ns) if window.max_ns else None,
        cpu=None if share is None else round((CPU_HEIGHT_PX - 12) * (1 - min(share / most_cpu, 1.0)) + 12, 1),
        errors=window.errors,
        label=", ".join(parts),
    )
