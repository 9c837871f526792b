"""Answers to the same request, and what can be relied on in them."""

from __future__ import annotations

import numpy as np

from harness.checks.noise import Noise
from harness.checks.stability import judge


def _answer(a: float, b: float = 1.0) -> dict[str, np.ndarray]:
    return {"a": np.array([a], np.float32), "b": np.array([b], np.float32)}


def test_equal_answers_are_relied_on_exactly() -> None:
    """If answers are the same bits, another answer must be so as well; NaN is the same as NaN."""
    stability = judge([_answer(np.nan), _answer(np.nan)], Noise())
    assert not stability.noisy
    assert not stability.random
    assert not stability.mismatches(_answer(np.nan), stability.answer)
    assert [one.name for one in stability.mismatches(_answer(np.nan, 1.0000001), stability.answer)] == ["b"]


def test_noisy_outputs_are_compared_within_noise() -> None:
    """An output whose answers differ in the last bits may do so again, and by no more."""
    stability = judge([_answer(1.0), _answer(1.0000001)], Noise())
    assert stability.noisy == {"a"}
    assert not stability.mismatches(_answer(1.00001), stability.answer)
    assert [one.name for one in stability.mismatches(_answer(1.1, 1.0000001), stability.answer)] == ["a", "b"]


def test_of_random_outputs_dtype_and_rank_are_compared() -> None:
    """An output whose answers differ by more is random: its values and sizes say nothing, its form does."""
    stability = judge([_answer(1.0), _answer(1.0000001), _answer(3.0)], Noise())
    assert not stability.noisy
    assert list(stability.random) == ["a"]
    assert not stability.mismatches({**_answer(0.0), "a": np.zeros(5, np.float32)}, stability.answer)
    for other in (np.zeros((1, 1), np.float32), np.zeros(1)):
        assert [one.name for one in stability.mismatches({**_answer(0.0), "a": other}, stability.answer)] == ["a"]
    assert [one.name for one in stability.mismatches({"b": _answer(0.0)["b"]}, stability.answer)] == ["a"]
