"""When two answers are the same."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from harness.checks.likeness import unlike
from harness.tensors import as_array


def _y(values: Any, dtype: Any = np.float32) -> dict[str, np.ndarray]:
    return {"y": np.asarray(values, dtype)}


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (_y([1.00005, 100.0]), _y([1.0, 100.0])),
        (_y([0.005, 100.0]), _y([0.0, 100.0])),
        (_y([np.nan, np.inf, 1.0]), _y([np.nan, np.inf, 1.0])),
        (_y([1.00001], np.float64), _y([1.0], np.float64)),
        (_y([1.001], np.float16), _y([1.0], np.float16)),
        (_y([1.05], ml_dtypes.bfloat16), _y([1.0], ml_dtypes.bfloat16)),
        (_y([1 + 1e-5j], np.complex64), _y([1], np.complex64)),
        (_y([], np.float32), _y([], np.float32)),
        ({"y": as_array(["a"])}, {"y": as_array(["a"])}),
        ({}, {}),
    ],
)
def test_noise_is_no_difference(seen: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """The last bits of floats do not count, measured at the largest value of the output; NaN is NaN."""
    assert unlike(seen, expected) == ""


@pytest.mark.parametrize(
    ("seen", "expected", "text"),
    [
        (_y([1.01, 1.0]), _y([1.0, 1.0]), "y: [0] is 1.01, expected 1.0"),
        (_y([1.001], np.float64), _y([1.0], np.float64), "y: [0] is 1.001, expected 1.0"),
        (_y([1.5], ml_dtypes.bfloat16), _y([1.0], ml_dtypes.bfloat16), "y: [0] is 1.5, expected 1 ("),
        (_y([np.nan]), _y([1.0]), "y: [0] is nan, expected 1.0"),
        (_y([2], np.int64), _y([1], np.int64), "y: [0] is 2, expected 1"),
        (_y([1.0], np.float64), _y([1.0]), "y: dtype float64, expected float32"),
        (_y([[1.0]]), _y([1.0]), "y: shape [1, 1], expected [1]"),
        ({}, _y([1.0]), "y: is missing"),
        (_y([1.0]), {}, "y: was not expected"),
        ({"y": as_array(["a"])}, {"y": as_array(["b"])}, "y: [0] is b'a', expected b'b'"),
    ],
)
def test_more_than_noise_is_told(seen: dict[str, np.ndarray], expected: dict[str, np.ndarray], text: str) -> None:
    """Other values, dtypes, shapes and outputs are named, as are integers and texts that differ at all."""
    assert unlike(seen, expected).startswith(text)
