"""What a result says of itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.load import Arrivals, LoadResult, Samples, lateness
from harness.load.status import NOT_SENT

MS = 1_000_000


def _result(*, lag_ms: float = 0.0, latency_ms: float = 10.0, unsent: int = 0, **options: Any) -> LoadResult:
    """Return a second of open loop at 1,000 a second, the last of which were never sent."""
    scheduled_ns = np.arange(1_000) * MS
    sent_ns = scheduled_ns + int(lag_ms * MS)
    done_ns = scheduled_ns + int(latency_ms * MS)
    status = np.zeros(1_000)
    if unsent:
        sent_ns[-unsent:] = done_ns[-unsent:] = 5_000 * MS
        status[-unsent:] = NOT_SENT
    order = np.roll(np.arange(1_000), 7)  # samples need not come in the order of the schedule
    columns = {"scheduled_ns": scheduled_ns, "sent_ns": sent_ns, "done_ns": done_ns, "status": status}
    samples = Samples(**{name: column[order] for name, column in columns.items()}, response_bytes=status)
    values: dict[str, Any] = {
        "arrivals": Arrivals(rate_per_s=1_000),
        "steady": True,
        "warmup_s": 0.0,
        "payload_bytes": 1,
    }
    values |= {"model": "m", "api": "grpc", "engine": "http2", "target": "t", "concurrency": 8, "duration_s": 1.0}
    return LoadResult(samples=samples, **values | options)


def test_an_open_loop_that_kept_its_schedule_is_not_void() -> None:
    """Sent on time, at the rate that was asked, it tells of the server."""
    result = _result(lag_ms=0.5)
    assert (result.void, result.warnings) == ("", ())
    assert result.sent_rate_per_s == pytest.approx(1_000)
    assert result.lag.value_ns == 0.5 * MS


def test_a_late_generator_makes_a_run_void() -> None:
    """A p99 of the lag above a tenth of the latency's median is told with both numbers."""
    assert _result(lag_ms=1.5).void == "void: the generator was late, p99 1,500 us, over 10 % of p50 latency 10,000 us"


def test_requests_that_were_not_sent_make_a_run_void() -> None:
    """Of 1,000 that were due 50 never left: they are errors, and the run says that fewer left than asked."""
    result = _result(unsent=50)
    assert result.errors == {"NOT_SENT": 50}
    assert result.void == "void: 1,000.0 requests a second were to leave, only 950.0 did"
    assert _result(unsent=5).void == ""


def test_several_runs_are_void_together() -> None:
    """What is few in one run counts by its share of all; no runs are not void."""
    assert lateness([_result(), _result(unsent=50)]).startswith("void: 1,000.0 requests a second were to leave")
    assert lateness([_result(unsent=12), *[_result()] * 3]) == ""
    assert lateness([]) == ""


def test_a_closed_loop_is_never_void() -> None:
    """It has no schedule to be late for."""
    assert _result(lag_ms=5, arrivals=None).void == ""


def test_a_busy_generator_is_warned_of() -> None:
    """Near a whole core, the rate may be the generator's."""
    (warning,) = _result(generator_cpu_share=0.97).warnings
    assert "97% of a core" in warning
