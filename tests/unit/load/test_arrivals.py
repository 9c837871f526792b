"""Schedules of an open loop."""

from __future__ import annotations

from itertools import islice, pairwise
from typing import Any

import numpy as np
import pytest

from harness.errors import UsageError
from harness.load import Arrivals

_KINDS: dict[str, dict[str, Any]] = {
    "constant": {"shape": "constant"},
    "poisson": {},
    "ramp up": {"shape": "ramp", "end_rate_per_s": 3000.0, "over_s": 2.0},
    "ramp down": {"shape": "ramp", "end_rate_per_s": 10.0, "over_s": 2.0},
    "step": {"shape": "step", "end_rate_per_s": 4000.0, "over_s": 1.0},
    "burst": {"shape": "burst", "burst": 7},
    "recorded": {"shape": "recorded", "times_s": (0.0, 0.001, 0.001, 0.003), "speed": 2.0},
}


def _times_s(arrivals: Arrivals, n: int) -> np.ndarray:
    return np.array(list(islice(arrivals.times_ns(), n))) / 1e9


@pytest.mark.parametrize("options", _KINDS.values(), ids=_KINDS.keys())
def test_times_never_fall_and_are_the_same_again(options: dict[str, Any]) -> None:
    """A schedule is in order across its chunks, begins at once, and is drawn alike each time."""
    arrivals = Arrivals(rate_per_s=1000, **options)
    times = list(islice(arrivals.times_ns(), 10_000))
    assert all(before <= after for before, after in pairwise(times))
    assert 0 <= times[0] < 20_000_000
    assert times == list(islice(arrivals.times_ns(), 10_000))


@pytest.mark.parametrize("options", _KINDS.values(), ids=_KINDS.keys())
@pytest.mark.parametrize("parts", [2, 3, 5])
def test_a_schedule_is_dealt_out_among_several_senders(options: dict[str, Any], parts: int) -> None:
    """Put together, the times of all parts are the whole schedule, of any shape and across its chunks."""
    arrivals = Arrivals(rate_per_s=1000, **options)
    dealt = [islice(arrivals.times_ns(part=part, parts=parts), 12_000 // parts) for part in range(parts)]
    assert sorted(time for part in dealt for time in part)[:9_000] == list(islice(arrivals.times_ns(), 9_000))


def test_constant_arrivals_are_evenly_spaced() -> None:
    """At 1,000 a second one comes each millisecond."""
    np.testing.assert_allclose(np.diff(_times_s(Arrivals(rate_per_s=1000, shape="constant"), 9000)), 1e-3, atol=2e-9)


def test_poisson_gaps_are_exponential() -> None:
    """The gaps' mean and their standard deviation are both one over the rate."""
    gaps = np.diff(_times_s(Arrivals(rate_per_s=500, seed=3), 40_000))
    assert gaps.mean() == pytest.approx(1 / 500, rel=0.03)
    assert gaps.std() == pytest.approx(1 / 500, rel=0.03)


def test_seeds_draw_different_schedules() -> None:
    """Another seed is another schedule."""
    first, second = (_times_s(Arrivals(rate_per_s=500, seed=seed), 100) for seed in (1, 2))
    assert not np.array_equal(first, second)


def test_a_step_changes_the_rate_at_its_time() -> None:
    """Within the first second there are as many as the first rate says, within the next as the second says."""
    times = _times_s(Arrivals(rate_per_s=100, shape="step", end_rate_per_s=400, over_s=1), 1000)
    assert [int(((times >= start) & (times < start + 1)).sum()) for start in (0, 1, 2)] == [100, 400, 400]


def test_a_ramp_goes_from_one_rate_to_the_other() -> None:
    """In two seconds from 100 to 300 a second: 150 in the first, 250 in the second, 300 in each after that."""
    times = _times_s(Arrivals(rate_per_s=100, shape="ramp", end_rate_per_s=300, over_s=2), 1000)
    counts = [int(((times >= start) & (times < start + 1)).sum()) for start in range(4)]
    assert counts == pytest.approx([150, 250, 300, 300], abs=1)


def test_bursts_come_at_once_and_keep_the_mean_rate() -> None:
    """Ten at once at 1,000 a second: every ten milliseconds."""
    times = _times_s(Arrivals(rate_per_s=1000, shape="burst", burst=10), 8200)
    assert len(set(times[:10])) == 1
    assert np.diff(times[::10]) == pytest.approx(0.01, abs=1e-8)


def test_a_recorded_schedule_repeats_a_mean_gap_after_its_end() -> None:
    """Three requests in two seconds come every three; at double speed in half the time; the mean rate is told."""
    arrivals = Arrivals.recorded([0.0, 0.5, 2.0])
    np.testing.assert_allclose(_times_s(arrivals, 7), [0, 0.5, 2, 3, 3.5, 5, 6])
    assert (arrivals.rate_per_s, arrivals.span_s) == (1.0, 2.0)
    faster = Arrivals.recorded([0.0, 0.5, 2.0], speed=2)
    np.testing.assert_allclose(_times_s(faster, 4), [0, 0.25, 1, 1.5])
    assert (faster.rate_per_s, faster.span_s) == (2.0, 1.0)


@pytest.mark.parametrize("parts", [1, 2])
def test_a_recorded_schedule_that_ends_sends_nothing_more(parts: int) -> None:
    """After the last recorded time the next one is years away, for each of several senders."""
    arrivals = Arrivals.recorded([0.0, 0.0, 1.0], repeats=False)
    year_ns = 365 * 86_400 * 10**9
    dealt = [islice(arrivals.times_ns(part=part, parts=parts), 10_000) for part in range(parts)]
    assert sorted(time for part in dealt for time in part if time < year_ns) == [0, 0, 10**9]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"rate_per_s": 0}, "rate_per_s must lie between 0"),
        ({"rate_per_s": float("nan")}, "rate_per_s must lie"),
        ({"rate_per_s": 1, "shape": "sinus"}, "'sinus' is no shape of arrivals; there are constant"),
        ({"rate_per_s": 1, "shape": "step"}, "end_rate_per_s and over_s go with"),
        ({"rate_per_s": 1, "end_rate_per_s": 2, "over_s": 1}, "go with the shapes ramp and step"),
        ({"rate_per_s": 1, "shape": "ramp", "end_rate_per_s": 2, "over_s": 0}, "over_s must lie between"),
        ({"rate_per_s": 1, "burst": 5}, "and the shape 'burst' with it"),
        ({"rate_per_s": 1, "shape": "burst", "burst": 0}, "burst=0: give a number of at least 1"),
        ({"rate_per_s": 1, "times_s": (0.0, 1.0)}, "times_s, speed and repeats go with the shape recorded"),
        ({"rate_per_s": 1, "speed": 2.0}, "times_s, speed and repeats go with"),
        ({"rate_per_s": 1, "shape": "recorded"}, "times_s must be seconds from the first request"),
        ({"rate_per_s": 1, "shape": "recorded", "times_s": (1.0, 2.0)}, "the first 0, never falling"),
        ({"rate_per_s": 1, "shape": "recorded", "times_s": (0.0, 2.0, 1.0)}, "the first 0, never falling"),
        ({"rate_per_s": 1, "shape": "recorded", "times_s": (0.0, float("inf"))}, "the first 0, never falling"),
        ({"rate_per_s": 1, "shape": "recorded", "times_s": (0.0, 0.0)}, "all the same, which no schedule can repeat"),
        ({"rate_per_s": 1, "shape": "recorded", "times_s": (0.0, 1.0), "speed": 0.0}, "speed must lie between 0"),
    ],
)
def test_values_that_make_no_schedule_are_refused(options: dict[str, Any], text: str) -> None:
    """Each is an error that says what to give."""
    with pytest.raises(UsageError, match=text):
        Arrivals(**options)
