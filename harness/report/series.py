"""Several results files as one: the newest run, and how each of its measurements has moved over the runs before it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from harness.errors import ReportError
from harness.report import text
from harness.results import Fingerprint, Trend, TrendPoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.results import Latency, Results, Throughput

__all__ = ["in_series"]

_Key = tuple[str, str, str]  # model, metric, title
_Value = tuple[_Key, str, bool, float]  # key, unit, whether lower is better, value


def in_series(several: Sequence[Results], labels: Sequence[str]) -> Results:
    """Return the newest of several runs, with a trend for each measurement that it shares with an older one.

    Args:
        several: the runs, in any order.
        labels: what each is called, e.g. its file.

    Raises:
        ReportError: there is none.
    """
    if not several:
        raise ReportError("there are no results to combine; name at least one results.json")
    runs = sorted(zip(several, labels, strict=True), key=lambda run: _when(run[0]))
    newest = runs[-1][0]
    if len(runs) == 1:
        return newest
    now = _fingerprint(newest)
    found: dict[_Key, list[TrendPoint]] = {}
    kinds: dict[_Key, tuple[str, bool]] = {}
    for results, label in runs:
        for key, unit, lower_is_better, value in _values(results):
            kinds[key] = (unit, lower_is_better)
            point = TrendPoint(
                created_utc=results.run.created_utc,
                label=label,
                value=value,
                comparable=_fingerprint(results) == now,
            )
            found.setdefault(key, []).append(point)
    trends = tuple(
        Trend(
            model=key[0], metric=key[1], title=key[2], unit=kinds[key][0], lower_is_better=kinds[key][1], points=points
        )
        for key, listed in found.items()
        if len(points := tuple(listed)) > 1 and points[-1].created_utc == newest.run.created_utc
    )
    return replace(newest, trends=(*newest.trends, *trends))


def _when(results: Results) -> datetime:
    return datetime.fromisoformat(results.run.created_utc.replace("Z", "+00:00"))


def _fingerprint(results: Results) -> Fingerprint:
    return Fingerprint.of(results.machine, results.backend, results.run.versions)


def _values(results: Results) -> Iterator[_Value]:
    for latency in results.latency:
        title = f"{_title(latency)}, {latency.name or latency.how}"
        yield (latency.model, "median_ns", f"{title}: median latency"), "ns", True, latency.median_ns
    for row in results.throughput:
        if row.void or not row.n:
            continue
        yield (row.model, "rate_per_s", f"{_title(row)}: throughput"), "1/s", False, row.rate_per_s
        for each in row.percentiles:
            if each.value_ns is not None and each.percent in (50.0, 99.0):
                name = text.percent_name(each.percent)
                yield (row.model, f"{name}_ns", f"{_title(row)}: {name} latency"), "ns", True, each.value_ns
        if row.server_cpu_us_per_request is not None:
            title = f"{_title(row)}: server CPU per request"
            yield (row.model, "cpu_us", title), "us", True, row.server_cpu_us_per_request
    for gated in results.gated:
        for metric in gated.metrics:
            title = f"{text.api_name(gated.api)} gate: {metric.title}"
            yield (gated.model, metric.metric, title), metric.unit, metric.lower_is_better, metric.candidate


def _title(row: Latency | Throughput) -> str:
    asked = getattr(row, "asked_rate_per_s", None)
    load = f"{row.concurrency} in flight" if asked is None else f"at {text.rate(asked)}"
    batch = "" if row.batch_size is None else f", batch {row.batch_size:,}"
    return f"{text.api_name(row.api)} {row.method}{batch}, {load}"
