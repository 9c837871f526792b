"""The search for a rate, on a server of arithmetic."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.load_results import POOL, made_result
from harness.endpoint import Endpoint
from harness.errors import ConnectionFailedError
from harness.measure.objective import Objective
from harness.measure.rate_search import RateFinder
from harness.measure.runner import Measured, Runner, RunSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.load import LoadResult
    from harness.measure.runner import Load

LIMITS = (Objective(percent=90.0, limit_ns=20e6), Objective(percent=50.0, limit_ns=19e6))


class _Arithmetic(Runner):
    """A runner of which each run is `answer(rate, seconds)`; a closed loop has a rate of 0."""

    def __init__(self, answer: Callable[[float, float], LoadResult]) -> None:
        super().__init__(
            endpoints=(Endpoint(grpc="127.0.0.1:1", rest=None, model="m"),), settings=RunSettings(duration_s=0.5)
        )
        object.__setattr__(self, "answer", answer)
        object.__setattr__(self, "asked", [])

    def run(self, _pool: Any, load: Load, *, duration_s: float | None = None, **_: Any) -> Measured:
        rate_per_s = 0.0 if load.arrivals is None else load.arrivals.rate_per_s
        assert duration_s is not None
        self.asked.append((rate_per_s, duration_s))
        result = self.answer(rate_per_s, duration_s)
        return Measured(result=result, row=result.throughput())


def _server(capacity_per_s: float, *, alone_ms: float = 2.0) -> Callable[[float, float], LoadResult]:
    """Return a server that answers quickly below its capacity, and late from it on."""

    def answer(rate_per_s: float, duration_s: float) -> LoadResult:
        n = round((rate_per_s or 200.0) * duration_s)
        return made_result([alone_ms if rate_per_s < capacity_per_s else 99.0] * n, duration_s=duration_s)

    return answer


def _finder(answer: Callable[[float, float], LoadResult], **options: Any) -> RateFinder:
    return RateFinder(runner=_Arithmetic(answer), pool=POOL, objectives=LIMITS, **options)


def test_the_bracket_holds_the_capacity() -> None:
    """From half of what one request at a time reaches, by doubling and halving, to within the tolerance."""
    finder = _finder(_server(1000.0), tolerance=0.05)
    row = finder.find()
    assert row.kept_per_s is not None
    assert row.missed_per_s is not None
    assert row.kept_per_s < 1000.0 <= row.missed_per_s <= row.kept_per_s * 1.05
    assert row.why_open == ""
    assert row.steps[0].asked_rate_per_s == 100.0  # half of 200
    assert [(step.verdict, step.limited_ns) for step in row.steps[:1]] == [("kept", 2e6)]
    assert (row.percent, row.limit_ns, row.model, row.payload_bytes) == (90.0, 20e6, "m", 3)
    assert [(each.percent, each.limit_ns) for each in row.further_limits] == [(50.0, 19e6)]


def test_a_start_that_is_given_is_taken() -> None:
    """There is no closed loop before it then."""
    finder = _finder(_server(1000.0), start_per_s=900.0, tolerance=0.5)
    finder.find()
    assert finder.runner.asked[0][0] == 900.0  # type: ignore[attr-defined]


def test_a_limit_below_the_latency_of_one_at_a_time_ends_the_search() -> None:
    """No rate can keep it, and the row says why without a step."""
    row = _finder(_server(1000.0, alone_ms=30.0)).find()
    assert (row.kept_per_s, row.missed_per_s, row.steps) == (None, None, ())
    assert row.why_open == "requests sent one at a time take 30.0 ms, half of them longer"


def test_rates_far_below_the_first_are_not_tried() -> None:
    """Latency is then no matter of the rate, and each step would take twice as long as the one before."""
    row = _finder(_server(1.0), start_per_s=1000.0).find()
    assert row.kept_per_s is None
    assert [step.asked_rate_per_s for step in row.steps] == [1000.0, 500.0, 250.0, 125.0, 62.5]
    assert row.why_open == "not even 62.5/s did"


def test_what_decided_nothing_is_measured_again() -> None:
    """A step in which the limit is kept but not established is repeated, four times as long."""

    def one_in_twelve_is_late(rate_per_s: float, duration_s: float) -> LoadResult:
        n = round(rate_per_s * duration_s)
        return made_result([99.0 if number % 12 == 0 else 2.0 for number in range(n)], duration_s=duration_s)

    finder = _finder(one_in_twelve_is_late, start_per_s=600.0)
    finder.find()
    (first, first_s), (second, second_s) = finder.runner.asked[:2]  # type: ignore[attr-defined]
    assert (first, second) == (600.0, 600.0)
    assert second_s == 4 * first_s


def test_a_late_generator_is_given_a_second_chance() -> None:
    """A void step is repeated, and ends as void if it is void again: the bracket says it is the generator's end."""

    def late(rate_per_s: float, duration_s: float) -> LoadResult:
        n = round(rate_per_s * duration_s)
        at_end = rate_per_s > 300
        return made_result([25.0 if at_end else 2.0] * n, lag_ms=12.0 if at_end else 0.0, duration_s=duration_s)

    finder = _finder(late, start_per_s=200.0, tolerance=0.9)
    row = finder.find()
    assert [step.verdict for step in row.steps] == ["kept", "void", "kept"]
    assert [rate for rate, _ in finder.runner.asked] == [200.0, 400.0, 400.0, 300.0]  # type: ignore[attr-defined]
    assert row.why_open == "at 400.0/s the load generator was at its end, not the server"


@pytest.mark.parametrize("ended", ["interrupted", "server gone"])
def test_an_early_end_keeps_the_steps(ended: str) -> None:
    """Ctrl-C, or a server that goes away, ends the search; the bracket so far is told, and why it is open."""

    def answer(rate_per_s: float, duration_s: float) -> LoadResult:
        result = _server(1000.0)(rate_per_s, duration_s)
        return replace(result, ended=ended, reason="so it was") if rate_per_s > 300 else result

    finder = _finder(answer, start_per_s=200.0)
    row = finder.find()
    assert (row.kept_per_s, row.missed_per_s, len(row.steps)) == (200.0, None, 1)
    assert row.why_open == f"the search ended early, {ended}: so it was"
    assert finder.interrupted == (ended == "interrupted")


def test_a_second_ctrl_c_keeps_the_steps_too() -> None:
    """It comes as an exception in the middle of a run."""

    def answer(rate_per_s: float, duration_s: float) -> LoadResult:
        if rate_per_s > 300:
            raise KeyboardInterrupt
        return _server(1000.0)(rate_per_s, duration_s)

    finder = _finder(answer, start_per_s=200.0)
    assert finder.find().kept_per_s == 200.0
    assert finder.interrupted


def test_a_run_that_cannot_be_made_is_an_error_only_if_there_was_none_before() -> None:
    """With a step done, the row tells the error."""
    fault = ConnectionFailedError("nobody listens", target="t", api="grpc", request="r")

    def answer(rate_per_s: float, duration_s: float) -> LoadResult:
        if rate_per_s > 300:
            raise fault
        return _server(1000.0)(rate_per_s, duration_s)

    assert "the next run failed: nobody listens" in _finder(answer, start_per_s=200.0).find().why_open
    with pytest.raises(ConnectionFailedError):
        _finder(answer, start_per_s=400.0).find()
