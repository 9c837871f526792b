"""Limits on latency: their text, what a run says of them, and how long a run must be."""

from __future__ import annotations

import pytest

from fixtures.load_results import made_result
from harness.errors import UsageError
from harness.load import Arrivals
from harness.measure.objective import Objective, judge, limited_ns, parse_objectives, step_seconds
from harness.stats import samples_needed

P90 = Objective(percent=90.0, limit_ns=20e6)
OPEN = Arrivals(rate_per_s=100.0)


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("p99=20ms", [(99.0, 20e6)]),
        ("p99.9=1.5s, p50=800us", [(99.9, 1.5e9), (50.0, 800e3)]),
    ],
)
def test_limits_are_read(text: str, limits: list[tuple[float, float]]) -> None:
    """Each part is a percentile and a limit in us, ms or s."""
    assert [(one.percent, one.limit_ns) for one in parse_objectives(text, "--slo")] == limits


@pytest.mark.parametrize("text", ["", "99=20ms", "p99", "p99=20", "p99=20min", "p0=1ms", "p99=0ms", "p9=1s,p9=2s"])
def test_other_texts_are_refused(text: str) -> None:
    """What is no limit, or limits a percentile twice, is told with an example."""
    with pytest.raises(UsageError, match=r"--slo .* should be percentiles of latency.*p99=20ms,p50=5ms"):
        parse_objectives(text, "--slo")


@pytest.mark.parametrize(
    ("quick", "slow", "judgement"),
    [
        (44, 0, "kept"),
        (43, 0, "undecided"),
        (187, 10, "kept"),
        (186, 10, "undecided"),
        (89, 11, "missed"),
    ],
)
def test_a_limit_is_kept_where_that_is_established(quick: int, slow: int, judgement: str) -> None:
    """MLPerf's counts for p90: 44 requests with none over the limit, 197 with ten over it."""
    assert judge(made_result([1.0] * quick + [30.0] * slow, arrivals=OPEN), [P90]) == judgement


def test_errors_count_as_slow() -> None:
    """Requests without an answer miss the limit, however soon they failed."""
    status = [0] * 80 + [14] * 20
    assert judge(made_result([1.0] * 100, arrivals=OPEN, status=status), [P90]) == "missed"
    assert judge(made_result([], arrivals=OPEN), [P90]) == "undecided"


def test_every_limit_must_be_kept() -> None:
    """One of two that is missed, or not decided, decides."""
    result = made_result([10.0] * 100, arrivals=OPEN)
    assert judge(result, [P90, Objective(percent=50.0, limit_ns=5e6)]) == "missed"
    assert judge(result, [P90, Objective(percent=99.0, limit_ns=20e6)]) == "undecided"
    assert judge(result, [P90, Objective(percent=50.0, limit_ns=11e6)]) == "kept"


@pytest.mark.parametrize(
    ("latency_ms", "lag_ms", "judgement"),
    [
        (15.0, 12.0, "kept"),  # kept with the lateness in it
        (25.0, 1.0, "missed"),  # no lateness to speak of
        (25.0, 12.0, "void"),  # the generator's lateness may be what missed it
        (45.0, 12.0, "missed"),  # the server alone took longer than the limit
    ],
)
def test_a_late_generator_is_told_from_a_slow_server(latency_ms: float, lag_ms: float, judgement: str) -> None:
    """A miss counts if the requests were sent in time, or if the server alone missed the limit."""
    assert judge(made_result([latency_ms] * 100, lag_ms=lag_ms, arrivals=OPEN), [P90]) == judgement


def test_a_rate_that_was_not_reached_is_not_kept() -> None:
    """Where too few requests left within the measured time, quick answers say nothing of the rate asked for."""
    lag_ms = [0.0] * 90 + [5000.0] * 10
    assert judge(made_result([1.0] * 90 + [5001.0] * 10, lag_ms=lag_ms, arrivals=OPEN), [P90]) == "void"


def test_steps_are_long_enough() -> None:
    """A step has samples enough for the limit, ten slow ones included if that takes no longer than half a minute."""
    assert step_seconds([P90], 10_000.0, least_s=5.0) == 5.0
    assert step_seconds([P90], 100.0, least_s=0.5) * 100 > samples_needed(90.0, over=10)
    assert step_seconds([P90], 1.0, least_s=0.5) * 1 > samples_needed(90.0)
    assert step_seconds([P90], 1.0, least_s=0.5) < samples_needed(90.0, over=10)
    assert step_seconds([P90, Objective(percent=99.9, limit_ns=1e9)], 1e3, least_s=0.5) * 1e3 > samples_needed(99.9)


def test_the_limited_percentile_is_told() -> None:
    """As it was measured, and not at all with insufficient samples."""
    assert limited_ns(made_result([10.0] * 100), P90) == 10e6
    assert limited_ns(made_result([10.0] * 10), P90) is None
