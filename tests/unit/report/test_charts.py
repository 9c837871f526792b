"""Where the marks of the report's plots lie."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from harness.report import render_html
from harness.report.charts import breakdown_chart, forest, timelines, tradeoffs, trend_charts

if TYPE_CHECKING:
    from harness.results import Results


def test_forest_places_ratios(results: Results) -> None:
    """No change is in the middle, more is right of it, the interval spans the estimate, and each pair has a mark."""
    (gated,) = results.gated
    chart = forest(gated)
    assert chart is not None
    (row,) = chart.rows
    assert chart.same == 50
    assert row.low is not None
    assert row.high is not None
    assert 50 < row.worse_from < row.low < row.at < row.high <= 98
    assert len(row.points) == 12
    assert [tick.label for tick in chart.ticks] == ["-10%", "-5%", "0%", "+5%", "+10%", "+15%"]
    assert sorted(tick.at for tick in chart.ticks) == [tick.at for tick in chart.ticks]
    assert forest(replace(gated, metrics=())) is None


def test_forest_of_a_rate_is_worse_to_the_left(results: Results) -> None:
    """Where more is better, what is tolerated ends left of the middle; an extreme ratio stays on the plot."""
    (gated,) = results.gated
    row = replace(gated.metrics[0], lower_is_better=False, ratio=0.001, low=0.0005, high=0.002, ratios=(0.001,))
    chart = forest(replace(gated, metrics=(row,)))
    assert chart is not None
    assert chart.rows[0].worse_from < 50
    assert chart.rows[0].at >= 0
    assert chart.rows[0].low == chart.rows[0].at


def test_tradeoff_draws_rates_and_limits(results: Results) -> None:
    """Points rise with the rate to the right, one series for each API, and the searched limit is a line."""
    (digits, reviews) = tradeoffs(results.throughput, results.rate_searches)
    assert digits.percent == "p99"
    assert [series.api for series in digits.series] == ["grpc", "rest"]
    xs = [point.x for point in digits.series[0].points]
    assert xs == sorted(xs)
    assert [limit.label for limit in digits.limits] == ["limit 20.0 ms"]
    assert reviews.percent == "p90"  # there are too few samples for p99
    assert reviews.limits == ()


def test_tradeoff_needs_more_than_one_load(results: Results) -> None:
    """One row draws no curve, and void rows are not drawn."""
    one, other = results.throughput[:2]
    assert tradeoffs([one]) == ()
    assert tradeoffs([one, replace(other, void=True)]) == ()
    assert len(tradeoffs([one, other])) == 1


def test_timeline_shows_the_stall(results: Results) -> None:
    """A slice without answers has no latency, one with failures is marked, and processor time has its own strip."""
    (chart,) = timelines(results.throughput)
    stalled, failing = chart.slices[15], chart.slices[16]
    assert (stalled.p50, stalled.most) == (None, None)
    assert failing.errors == 12
    assert failing.most is not None
    assert failing.p50 is not None
    assert failing.most < failing.p50
    assert "12 failed" in failing.label
    assert stalled.cpu is not None
    assert failing.cpu is not None
    assert stalled.cpu > failing.cpu
    assert chart.slices[-1].x + chart.slices[-1].width == pytest.approx(98)
    assert timelines([replace(results.throughput[-2], windows=())]) == ()


def test_trend_marks_what_is_comparable(results: Results) -> None:
    """Points are evenly spaced, the largest is highest, and one of another machine is told apart."""
    (chart,) = trend_charts(results.trends)
    assert [mark.comparable for mark in chart.marks] == [False, True, True]
    assert [mark.x for mark in chart.marks] == [3.0, 50.0, 97.0]
    assert chart.marks[2].y < chart.marks[1].y < chart.marks[0].y
    assert chart.last == "420 µs"
    same = replace(results.trends[0], points=(results.trends[0].points[1],) * 2)
    assert len(trend_charts([same])[0].marks) == 2
    assert trend_charts([replace(same, points=same.points[:1])]) == ()


def test_breakdown_bars_add_up(results: Results) -> None:
    """The longest call fills the width, parts follow each other, and a call without time is not drawn."""
    row, whole = results.breakdowns
    short = replace(row, api="grpc", parts=tuple(replace(part, mean_ns=part.mean_ns / 2) for part in row.parts))
    chart = breakdown_chart([row, short])
    assert chart is not None
    long, half = (bar.segments for bar in chart.bars)
    assert long[-1].start + long[-1].width == pytest.approx(100)
    assert half[-1].start + half[-1].width == pytest.approx(50)
    assert long[1].start == pytest.approx(long[0].width)
    assert [name.name for name in chart.names] == ["encode request", "server", "read answer"]
    assert breakdown_chart([replace(row, parts=())]) is None
    pipeline = breakdown_chart([whole])
    assert pipeline is not None
    assert len({(part.where, part.place) for part in pipeline.names}) >= len(pipeline.names) - 2


def test_every_plot_is_on_the_page(results: Results) -> None:
    """The page draws each of them, with a description for those who do not see it."""
    page = render_html(results)
    for text in (
        'aria-label="server CPU per request: +11.2 % (+8.4 to +14.1 %), regressed"',
        'aria-label="p99 latency against requests per second, digits',
        'aria-label="Latency over time, gRPC, reviews',
        'aria-label="digits, server CPU per request over time:',
        'aria-label="REST, digits · predict: encode request 51.0 µs, 10%; server 412 µs, 82%; read answer 37.0 µs, 7%"',
    ):
        assert text in page, text
