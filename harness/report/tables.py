"""Results that are tables and nothing else: each kind's title, columns and cells, the same in every form of the report.

A new kind of result is a new function here and a line in `_KINDS`; how a table looks is the forms' affair.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from harness.report import text
from harness.report.plain_table import PlainTable
from harness.results import Limit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.results import Breakdown, ColdStart, Gated, RateSearch, Results, Scenario, Soak, Trend

__all__ = ["in_unit", "plain_tables", "split_breakdowns"]


def plain_tables(results: Results) -> tuple[PlainTable, ...]:
    """Return the tables that have rows, in the report's order."""
    rows_of = {**vars(results), **split_breakdowns(results.breakdowns)}
    return tuple(make(rows_of[kind]) for kind, make in _KINDS.items() if rows_of[kind])


def split_breakdowns(rows: Sequence[Breakdown]) -> dict[str, list[Breakdown]]:
    """Return those of calls alone and those of whole pipelines, by the kind of their table."""
    return {
        "breakdowns": [row for row in rows if not row.pipeline],
        "pipelines": [row for row in rows if row.pipeline],
    }


def _rate_searches(rows: Sequence[RateSearch]) -> PlainTable:
    return PlainTable(
        title="Highest rate within a latency limit",
        slug="rate-searches",
        head=("Request", "API", "Limit", "Kept at", "Missed at", "Steps", "Open since"),
        rows=tuple(
            (
                text.request(row),
                text.api_name(row.api),
                ", ".join(
                    f"{text.percent_name(each.percent)} ≤ {text.duration(each.limit_ns)}"
                    for each in (Limit(percent=row.percent, limit_ns=row.limit_ns), *row.further_limits)
                ),
                _rate(row.kept_per_s),
                _rate(row.missed_per_s),
                text.count(len(row.steps)),
                row.why_open or text.NOTHING,
            )
            for row in rows
        ),
        note="The true limit lies between the rate that kept it and the one that missed it.",
    )


def _cold_starts(rows: Sequence[ColdStart]) -> PlainTable:
    return PlainTable(
        title="Cold start",
        slug="cold-starts",
        head=(
            "Model",
            "API",
            "Starts",
            "Warm-up records",
            "Ready after",
            "Model load",
            "First answer",
            "Later answers",
        ),
        rows=tuple(
            (
                row.model,
                text.api_name(row.api),
                text.count(row.runs),
                text.count(row.warmup_records),
                text.seconds(median(row.ready_s)) if row.ready_s else text.NOTHING,
                text.duration(median(row.load_s) * 1e9) if row.load_s else text.NOTHING,
                text.duration(median(row.first_ns)) if row.first_ns else text.NOTHING,
                text.duration(median(row.later_ns)) if row.later_ns else text.NOTHING,
            )
            for row in rows
        ),
        note="Medians over the starts.",
    )


def _soaks(rows: Sequence[Soak]) -> PlainTable:
    return PlainTable(
        title="Soak",
        slug="soaks",
        head=("Model", "API", "Duration", "Answers", "Errors", "Memory at the end", "Growth an hour", "Verdict"),
        rows=tuple(
            (
                row.model,
                text.api_name(row.api),
                text.seconds(row.duration_s),
                text.count(row.n),
                text.count(sum(row.errors.values())),
                text.size(row.memory_bytes[-1]) if row.memory_bytes else text.NOTHING,
                _growth(row),
                "grows" if row.grows else "steady" if row.memory_slope_low is not None else "not known",
            )
            for row in rows
        ),
        note="Growth is the slope of a robust line through the server's memory, with its 95 % interval.",
    )


def _growth(row: Soak) -> str:
    if row.memory_slope_bytes_per_s is None or row.memory_slope_low is None or row.memory_slope_high is None:
        return text.NOTHING
    low, high = (_signed_size(3600 * each) for each in (row.memory_slope_low, row.memory_slope_high))
    return f"{_signed_size(3600 * row.memory_slope_bytes_per_s)} ({low} to {high})"


def _signed_size(size_bytes: float) -> str:
    return ("-" if size_bytes < 0 else "") + text.size(abs(round(size_bytes)))


def _scenarios(rows: Sequence[Scenario]) -> PlainTable:
    return PlainTable(
        title="MLPerf scenarios",
        slug="scenarios",
        head=("Model", "API", "Scenario", "Result", "Metric", "Value", "Queries"),
        rows=tuple(
            (
                row.model,
                text.api_name(row.api),
                row.scenario,
                "valid" if row.valid else "invalid",
                row.metric,
                f"{row.value:,.6g}",
                text.count(row.n),
            )
            for row in rows
        ),
        note="“valid” is LoadGen's own verdict for the settings of the run; it is no official MLPerf result.",
    )


def _breakdowns(rows: Sequence[Breakdown]) -> PlainTable:
    names = tuple(dict.fromkeys(part.name for row in rows for part in row.parts))
    return PlainTable(
        title="Where the time of a call goes",
        slug="breakdowns",
        head=("Request", "API", "Calls", *map(str.capitalize, names), *_BESIDE_PARTS),
        rows=tuple(
            (text.request(row), text.api_name(row.api), text.count(row.n), *_parts(row, names), *_beside_parts(row))
            for row in rows
        ),
        note="Means of calls made one after the other. CPU is processor time, of the client and of the server.",
    )


def _pipelines(rows: Sequence[Breakdown]) -> PlainTable:
    places = {part.name: part.where for row in rows for part in row.parts}
    columns = [(*_parts(row, tuple(places)), *_beside_parts(row)) for row in rows]
    names: list[tuple[str, str]] = [(name.capitalize(), where) for name, where in places.items()]
    names += [(name, "") for name in _BESIDE_PARTS]
    return PlainTable(
        title="Where the time goes from file to result",
        slug="pipelines",
        head=("Part", "Where", *(f"{row.model} over {text.api_name(row.api)}" for row in rows)),
        rows=tuple((*name, *cells) for name, *cells in zip(names, *columns, strict=True)),
        note=f"Means of {text.count(rows[0].n)} runs of {', '.join(dict.fromkeys(row.pipeline for row in rows))}, one"
        " after the other. CPU is processor time, of the client and of the server.",
    )


_BESIDE_PARTS = ("Together", "CPU, client", "CPU, server", "Request", "Answer")


def _beside_parts(row: Breakdown) -> tuple[str, ...]:
    cpu = [text.NOTHING if us is None else text.duration(us * 1e3) for us in (row.client_cpu_us, row.server_cpu_us)]
    sizes = [text.size(row.request_bytes), text.size(row.response_bytes)]
    return text.duration(sum(part.mean_ns for part in row.parts)), *cpu, *sizes


def _parts(row: Breakdown, names: Sequence[str]) -> list[str]:
    by_name = {part.name: text.duration(part.mean_ns) for part in row.parts}
    return [by_name.get(name, text.NOTHING) for name in names]


def _rate(per_s: float | None) -> str:
    return text.NOTHING if per_s is None else text.rate(per_s)


def _gated(gates: Sequence[Gated]) -> PlainTable:
    return PlainTable(
        title="Candidate against baseline",
        slug="gate",
        head=(
            "Metric",
            "API",
            "Baseline",
            "Candidate",
            "Change",
            "95 % interval",
            "Tolerated",
            "Noise",
            "Pairs",
            "Verdict",
        ),
        rows=tuple(
            (
                row.title,
                text.api_name(each.api),
                in_unit(row.baseline, row.unit),
                in_unit(row.candidate, row.unit),
                _change(row.ratio),
                text.NOTHING if row.low is None or row.high is None else f"{_change(row.low)} to {_change(row.high)}",
                f"{100 * row.tolerance:g} % {'more' if row.lower_is_better else 'less'}",
                f"{100 * row.floor:.1f} %" if row.floor else text.NOTHING,
                text.count(row.pairs),
                f"{row.verdict}: {row.why}",
            )
            for each in gates
            for row in each.metrics
        ),
        note="Changes are estimated from pairs of measurements taken next to each other on one machine.",
    )


def _trends(rows: Sequence[Trend]) -> PlainTable:
    return PlainTable(
        title="Trend",
        slug="trends",
        head=("Model", "Metric", "Last", "Comparable before", "Median of them", "Change", "Since"),
        rows=tuple(_trend_cells(row) for row in rows),
        note="Advisory: measured on other days. Only measurements of the same machine, backend and TensorFlow are"
        " compared.",
    )


def _trend_cells(row: Trend) -> tuple[str, ...]:
    last, before = row.points[-1], [point.value for point in row.points[:-1] if point.comparable]
    middle = median(before) if before else None
    return (
        row.model,
        row.title,
        in_unit(last.value, row.unit),
        text.count(len(before)),
        text.NOTHING if middle is None else in_unit(middle, row.unit),
        text.NOTHING if not middle else _change(last.value / middle),
        row.points[0].created_utc[:10],
    )


def _change(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f} %"


def in_unit(value: float, unit: str) -> str:
    """Return a metric's value as one reads it, e.g. 458.1 us as ``458 µs``."""
    shown: dict[str, Callable[[float], str]] = {
        "ns": text.duration,
        "us": lambda us: text.duration(us * 1e3),
        "s": lambda s: text.duration(s * 1e9),
        "1/s": text.rate,
        "bytes": lambda size: text.size(round(size)),
    }
    return shown[unit](value) if unit in shown else f"{value:,.6g} {unit}"


_KINDS: dict[str, Callable[[Any], PlainTable]] = {
    "gated": _gated,
    "trends": _trends,
    "rate_searches": _rate_searches,
    "cold_starts": _cold_starts,
    "soaks": _soaks,
    "scenarios": _scenarios,
    "breakdowns": _breakdowns,
    "pipelines": _pipelines,
}
