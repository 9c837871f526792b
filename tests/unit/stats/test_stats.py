from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from harness.errors import UsageError
from harness.stats import is_steady, percentile, samples_needed, summarise

PERCENTS = st.floats(min_value=1, max_value=99.9)


@pytest.mark.parametrize(
    ("percent", "over", "needed"),
    [(90, 0, 44), (99, 0, 459), (99.9, 0, 4_603), (90, 10, 197), (99, 10, 2_010), (99.9, 10, 20_140)],
)
def test_samples_needed_reproduces_the_published_table(percent: float, over: int, needed: int) -> None:
    """The rule gives MLPerf's numbers of samples at 99 % confidence."""
    assert samples_needed(percent, over=over) == needed


@given(percent=PERCENTS, over=st.integers(0, 30), confidence=st.floats(0.5, 0.999))
def test_samples_needed_is_the_smallest_number_the_binomial_accepts(
    percent: float, over: int, confidence: float
) -> None:
    """By SciPy's binomial distribution the number is enough, and one sample fewer is not."""
    needed = samples_needed(percent, over=over, confidence=confidence)
    risk = 1 - confidence
    assert binom.cdf(over, needed, (100 - percent) / 100) <= risk * (1 + 1e-9)
    assert needed == over + 1 or binom.cdf(over, needed - 1, (100 - percent) / 100) > risk * (1 - 1e-9)


@pytest.mark.parametrize("arguments", [{"percent": 0}, {"percent": 100}, {"percent": float("nan")}])
def test_samples_needed_refuses_percentiles_outside_the_open_range(arguments: dict[str, Any]) -> None:
    """0 and 100 are no percentiles that samples could establish."""
    with pytest.raises(UsageError, match="between 0 and 100"):
        samples_needed(**arguments)


@pytest.mark.parametrize("options", [{"over": -1}, {"confidence": 0.0}, {"confidence": 1.0}])
def test_samples_needed_refuses_impossible_options(options: dict[str, Any]) -> None:
    """A negative count and a confidence of 0 or 1 are errors that show the value."""
    with pytest.raises(UsageError, match="got"):
        samples_needed(99, **options)


@pytest.mark.parametrize(("n", "sufficient"), [(458, False), (459, True)])
def test_percentile_needs_its_number_of_samples(n: int, sufficient: Any) -> None:
    """A p99 of 458 samples is withheld, of 459 it is given."""
    found = percentile(np.arange(n), 99)
    assert (found.sufficient, found.n, found.needed) == (sufficient, n, 459)
    assert (found.value_ns is None, found.upper_ns is None) == (not sufficient, not sufficient)


def test_percentile_is_numpys_and_bounded_by_an_order_statistic() -> None:
    """Of 2,010 samples, ten may exceed the bound of the p99, so the bound is the eleventh largest."""
    samples = np.random.default_rng(3).permutation(2_010).astype(float)
    found = percentile(samples, 99)
    assert found.value_ns == np.percentile(samples, 99)
    assert found.upper_ns == 1_999


def test_upper_bound_is_the_largest_sample_where_none_may_exceed_it() -> None:
    """With just enough samples only the largest of them bounds the percentile."""
    assert percentile(np.arange(459), 99).upper_ns == 458


def test_upper_bound_holds_as_often_as_it_claims() -> None:
    """Over 2,000 seeded draws the bound of the p90 lies below the true p90 in about 1 % of them, and no more."""
    rng = np.random.default_rng(7)
    true_p90 = -np.log(0.1)
    missed = sum(percentile(rng.exponential(size=300), 90).upper_ns < true_p90 for _ in range(2_000))
    assert 0 < missed <= 34  # 1 % of 2,000 and three standard deviations


def test_summarise_knows_a_known_sample() -> None:
    """1 to 9 have mean and median 5 and sample standard deviation sqrt(7.5)."""
    found = summarise([5, 1, 9, 2, 8, 3, 7, 4, 6], percents=(50, 90))
    assert (found.n, found.mean_ns, found.median_ns, found.min_ns, found.max_ns) == (9, 5, 5, 1, 9)
    assert found.stddev_ns == pytest.approx(7.5**0.5)
    assert [each.sufficient for each in found.percentiles] == [True, False]


def test_a_single_sample_has_no_standard_deviation() -> None:
    """One sample says nothing about the spread."""
    assert summarise([4]).stddev_ns is None


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=60), st.randoms())
def test_summary_does_not_depend_on_order(samples: Any, random: Any) -> None:
    """Shuffled samples have the same summary."""
    shuffled = random.sample(samples, len(samples))
    assert summarise(samples) == summarise(shuffled)


@pytest.mark.parametrize("samples", [[[1, 2], [3, 4]], [1.0, float("nan")], [float("inf")]])
def test_unfit_samples_are_refused(samples: Any) -> None:
    """A table, a NaN and an infinity are no samples."""
    with pytest.raises(UsageError, match="samples must be"):
        summarise(samples)


def test_no_sample_is_refused() -> None:
    """There is no summary of nothing."""
    with pytest.raises(UsageError, match="no sample"):
        summarise([])


@pytest.mark.parametrize(
    ("windows", "steady"),
    [
        ([100, 105, 110], True),
        ([100, 105, 110.1], False),
        ([500, 1, 100, 105, 110], True),
        ([110, 100, 105], True),
        ([100, 100], False),
        ([], False),
        ([0, 0, 0], False),
        ([100, float("nan"), 100], False),
        ([-1, -1, -1], False),
    ],
)
def test_steadiness_looks_at_the_last_three_windows(windows: list[float], steady: Any) -> None:
    """Three windows that agree within 10 % are steady; fewer, zero or no numbers are not."""
    assert is_steady(windows) is steady
