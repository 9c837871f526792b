"""Estimates from pairs: centre, interval, probabilities, and the correction for several metrics."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.errors import UsageError
from harness.gate.estimate import estimate, hodges_lehmann, holm


def test_hodges_lehmann_is_the_median_of_pairwise_means() -> None:
    """Of 1, 2 and 9 the pairwise means are 1, 1.5, 2, 5, 5.5, 9: their median is 3.5."""
    assert hodges_lehmann(np.array([1.0, 2.0, 9.0])) == 3.5
    assert hodges_lehmann(np.array([[1.0, 2.0, 9.0], [0.0, 0.0, 0.0]])).tolist() == [3.5, 0.0]
    assert hodges_lehmann(np.array([[1.0, 0.0], [2.0, 0.0], [9.0, 0.0]]), axis=0).tolist() == [3.5, 0.0]


def test_a_burst_moves_the_estimate_little() -> None:
    """One pair of twelve that is ten times off moves the centre by less than the noise of the others."""
    values = np.random.default_rng(0).normal(0.1, 0.02, 12)
    burst = values.copy()
    burst[3] += math.log(10)
    assert abs(estimate(burst).center - estimate(values).center) < 0.02


def test_interval_and_probabilities_agree() -> None:
    """A clear difference has an interval above 0 and a tiny probability of none; its mirror image the reverse."""
    values = np.random.default_rng(1).normal(0.1, 0.02, 12)
    above, below = estimate(values), estimate(-values)
    assert 0 < above.low < above.center < above.high
    assert above.p_above < 0.001
    assert above.p_below > 0.99
    assert below.center == -above.center
    assert below.p_below < 0.001


def test_the_same_pairs_give_the_same_estimate() -> None:
    """The drawing is seeded: a verdict can be had again from the stored ratios."""
    values = np.random.default_rng(2).normal(0, 0.05, 12)
    assert estimate(values) == estimate(values)


@pytest.mark.parametrize("value", [0.0, 0.1, -0.1])
def test_pairs_that_all_agree(value: float) -> None:
    """Without any spread the estimate is that value, and certain."""
    found = estimate([value] * 8)
    assert (found.low, found.center, found.high) == (value, value, value)
    assert found.p_above == (0.0 if value > 0 else 1.0)
    assert found.p_below == (0.0 if value < 0 else 1.0)


@pytest.mark.parametrize("values", [[], [0.1] * 5, [0.1] * 6 + [math.nan], [[0.1] * 6]])
def test_too_little_to_go_by(values: list[float]) -> None:
    """Fewer than six ratios, one that is no number, or no flat list is refused."""
    with pytest.raises(UsageError, match="6 finite ratios"):
        estimate(values)


def test_holm_corrects_for_looking_at_several() -> None:
    """The smallest probability must be below alpha / 3, the next below alpha / 2, the last below alpha."""
    assert holm({"a": 0.008, "b": 0.012, "c": 0.024}, alpha=0.025) == {"a", "b", "c"}
    assert holm({"a": 0.009, "b": 0.001, "c": 0.024}, alpha=0.025) == {"a", "b", "c"}
    assert holm({"a": 0.009, "b": 0.009, "c": 0.009}, alpha=0.025) == set()
    assert holm({"a": 0.008, "b": 0.013, "c": 0.001}, alpha=0.025) == {"a", "b", "c"}
    assert holm({"a": 0.02, "b": 0.008, "c": 0.5}, alpha=0.025) == {"b"}
    assert holm({}, alpha=0.025) == set()
