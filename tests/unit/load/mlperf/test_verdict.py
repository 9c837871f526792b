"""LoadGen's logs, read; the logs are written by hand in LoadGen's format."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import ReportError
from harness.load.mlperf.verdict import Verdict, parse_detail, parse_summary, read_verdict

if TYPE_CHECKING:
    from pathlib import Path

_RULE = "================================================"
_STATS = f"""
{_RULE}
Additional Stats
{_RULE}
Scheduled samples per second : 99.50
50.00 percentile latency (ns)   : 2000000
99.90 percentile latency (ns)   : 9000000

{_RULE}
Test Parameters Used
{_RULE}
samples_per_query : 1
target_qps : 100

No warnings encountered during test.
"""
_SINGLE = f"""{_RULE}
MLPerf Results Summary
{_RULE}
SUT name : PySUT
Scenario : SingleStream
Mode     : PerformanceOnly
90.0th percentile latency (ns) : 1234567
Result is : VALID
  Min duration satisfied : Yes
  Min queries satisfied : Yes
  Early stopping satisfied: Yes
Early Stopping Result:
 * Processed at least 64 queries (70).
 * Would discard 2 highest latency queries.
 * Early stopping 90.0th percentile estimate: 2345678
 * Not enough queries processed for 99.0th percentile
 early stopping estimate (would need to process at
 least 662 total queries).
{_STATS}"""
_SERVER = f"""{_RULE}
MLPerf Results Summary
{_RULE}
SUT name : PySUT
Scenario : Server
Mode     : PerformanceOnly
Completed samples per second    : 98.25
Result is : INVALID
  Performance constraints satisfied : NO
  Min duration satisfied : Yes
  Min queries satisfied : Yes
  Early stopping satisfied: NO
Recommendations:
 * Reduce target QPS to improve latency.
Early Stopping Result:
 * Run unsuccessful.
 * Processed 500 queries.
{_STATS}"""
_OFFLINE = f"""{_RULE}
MLPerf Results Summary
{_RULE}
SUT name : PySUT
Scenario : Offline
Mode     : PerformanceOnly
Samples per second: 1.5e+06
Result is : INVALID
  Min duration satisfied : NO
  Min queries satisfied : Yes
  Early stopping satisfied: Yes
Recommendations:
 * Increase expected QPS so the loadgen pre-generates a larger (coalesced) query.
{_STATS}"""


def _event(key: str, value: Any, **kinds: bool) -> str:
    metadata = {"is_error": False, "is_warning": False, **kinds, "file": "a.cc", "line_no": 1}
    return ":::MLLOG " + json.dumps({"key": key, "value": value, "time_ms": 0.5, "metadata": metadata})


def test_a_valid_run_is_read_whole() -> None:
    """Verdict, metric, checks and the estimates of early stopping come from the summary, parameters do not."""
    verdict = parse_summary(_SINGLE)

    assert verdict == Verdict(
        scenario="SingleStream",
        valid=True,
        metric="90.0th percentile latency (ns)",
        value=1_234_567.0,
        checks={
            "Min duration satisfied": "Yes",
            "Min queries satisfied": "Yes",
            "Early stopping satisfied": "Yes",
            "Early stopping": (
                "Processed at least 64 queries (70). Would discard 2 highest latency queries. Early stopping 90.0th"
                " percentile estimate: 2345678 Not enough queries processed for 99.0th percentile early stopping"
                " estimate (would need to process at least 662 total queries)."
            ),
        },
        numbers={
            "Early stopping 90.0th percentile estimate (ns)": 2_345_678.0,
            "Scheduled samples per second": 99.5,
            "50.00 percentile latency (ns)": 2_000_000.0,
            "99.90 percentile latency (ns)": 9_000_000.0,
        },
    )


def test_an_invalid_run_says_what_failed_and_what_is_recommended() -> None:
    """The check that failed is NO, and LoadGen's recommendation becomes a warning."""
    verdict = parse_summary(_SERVER)

    assert not verdict.valid
    assert (verdict.metric, verdict.value) == ("Completed samples per second", 98.25)
    assert verdict.checks["Performance constraints satisfied"] == "NO"
    assert verdict.checks["Early stopping"] == "Run unsuccessful. Processed 500 queries."
    assert verdict.warnings == ("Reduce target QPS to improve latency.",)


def test_a_large_number_with_an_exponent_is_a_number() -> None:
    """LoadGen writes large rates with an exponent."""
    verdict = parse_summary(_OFFLINE)

    assert (verdict.metric, verdict.value) == ("Samples per second", 1_500_000.0)
    assert "Early stopping" not in verdict.checks


@pytest.mark.parametrize("text", ["", _SINGLE[:200], _SINGLE.replace("VALID", "PERHAPS"), "nonsense\n" * 50])
def test_a_summary_without_verdict_is_refused(text: str) -> None:
    """What holds no verdict is an error, never a valid run."""
    with pytest.raises(ReportError, match="no verdict"):
        parse_summary(text)


def test_errors_and_warnings_of_the_detailed_log_are_kept_once() -> None:
    """Errors and warnings come in their order, the same one once; damaged lines are passed over."""
    lines = [
        _event("result_query_count", 70),
        _event("generic_message", "all is well"),
        _event("error_runtime", "Ran out of generated queries", is_error=True),
        _event("warning_generic_message", "slow", is_warning=True),
        _event("warning_generic_message", "slow", is_warning=True),
        ':::MLLOG {"key": "bro"ken"}',
        "something else",
    ]

    assert parse_detail("\n".join(lines)) == (
        70,
        (
            "LoadGen's error: error_runtime: Ran out of generated queries",
            "LoadGen's warning: warning_generic_message: slow",
        ),
    )


def test_a_folder_of_logs_is_one_verdict(tmp_path: Path) -> None:
    """Both logs together give the verdict: troubles first, then recommendations."""
    (tmp_path / "mlperf_log_summary.txt").write_text(_SERVER)
    trouble = _event("error_runtime", "e", is_error=True)
    (tmp_path / "mlperf_log_detail.txt").write_text(f"{_event('result_query_count', 500)}\n{trouble}\n")

    verdict = read_verdict(tmp_path)

    assert verdict.n == 500
    assert verdict.warnings == ("LoadGen's error: error_runtime: e", "Reduce target QPS to improve latency.")


def test_missing_logs_are_an_error(tmp_path: Path) -> None:
    """A folder without logs is no verdict."""
    with pytest.raises(ReportError, match="left no log"):
        read_verdict(tmp_path)
