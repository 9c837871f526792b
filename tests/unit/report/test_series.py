"""Several results files as one report."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from harness.errors import ReportError
from harness.report import render_html, render_markdown
from harness.report.series import in_series

if TYPE_CHECKING:
    from harness.results import Results


def _run(results: Results, day: int, rate_per_s: float, kernel: str = "Linux 6.8.0") -> Results:
    row = replace(results.throughput[0], rate_per_s=rate_per_s)
    return replace(
        results,
        run=replace(results.run, created_utc=f"2031-04-{day:02}T00:00:00+00:00"),
        machine=replace(results.machine, kernel=kernel),
        throughput=(row, *results.throughput[1:]),
        trends=(),
    )


def test_the_newest_stands_with_its_past(results: Results) -> None:
    """Given in any order, the newest run is shown, and each measurement it shares with older ones over time."""
    runs = [_run(results, 3, 1500.0), _run(results, 1, 1000.0, kernel="Linux 5"), _run(results, 2, 1400.0)]
    whole = in_series(runs, ["c", "a", "b"])
    assert whole.run == runs[0].run
    (trend,) = [each for each in whole.trends if each.title == "gRPC predict, batch 1, 1 in flight: throughput"]
    assert [point.value for point in trend.points] == [1000.0, 1400.0, 1500.0]
    assert [point.label for point in trend.points] == ["a", "b", "c"]
    assert [point.comparable for point in trend.points] == [False, True, True]
    assert not trend.lower_is_better
    assert trend.title in render_html(whole)
    assert "throughput" in render_markdown(whole)


def test_what_only_one_run_measured_has_no_trend(results: Results) -> None:
    """A measurement that an older run lacks, or the newest, has nothing to be compared with."""
    old, new = _run(results, 1, 1000.0), _run(results, 2, 1100.0)
    without = replace(old, throughput=(), latency=(), gated=())
    assert in_series([without, new], ["a", "b"]).trends == ()
    assert in_series([old, replace(without, run=new.run)], ["a", "b"]).trends == ()


def test_a_single_run_is_itself(results: Results) -> None:
    """One file is rendered as it is; none is an error."""
    assert in_series([results], ["a"]) is results
    with pytest.raises(ReportError, match="no results to combine"):
        in_series([], [])
