"""How much of an answer hangs on the last bit of the question."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.checks.request import Request
from harness.checks.rounding import nudged, widened
from harness.checks.tolerance import TOLERANCES
from harness.checks.ulps import ulps_apart


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_float_moves_one_step(dtype: Any) -> None:
    """Each element goes up or down by one ulp, what is not finite stays, and the same seed moves alike."""
    values = np.array([0, 1, -1, 1e30, np.nan, np.inf, np.finfo(dtype).max], dtype)
    request = Request(inputs={"x": np.tile(values, 20), "n": np.arange(3)}, name="a")
    moved = nudged(request)
    assert moved is not None
    pairs = list(zip(request.inputs["x"], moved.inputs["x"], strict=True))
    steps = [ulps_apart(left, right) for left, right in pairs if np.isfinite(left) and abs(left) < 1e31]
    assert set(steps) == {1}
    assert {bool(right > left) for left, right in pairs if left == 1} == {True, False}
    assert all(np.isfinite(right) == np.isfinite(left) for left, right in pairs)
    assert moved.inputs["n"] is request.inputs["n"]
    again = nudged(request)
    assert again is not None
    np.testing.assert_array_equal(again.inputs["x"], moved.inputs["x"])


@pytest.mark.parametrize(
    "inputs", [{}, {"x": np.arange(3)}, {"x": np.ones(2, np.float16)}, {"x": np.zeros((0, 3), np.float32)}]
)
def test_what_holds_no_floats_is_not_moved(inputs: dict[str, Any]) -> None:
    """Integers, strings, floats whose step is no rounding, and nothing at all have no neighbours."""
    assert nudged(Request(inputs=inputs)) is None
    assert nudged(Request(method="classify", examples=({"x": 1.0},))) is None


def test_a_model_that_rounds_well_keeps_the_usual_tolerance() -> None:
    """Answers that move in their last bits are within what is usual anyway."""
    expected = np.array([100.0, 1e-4], np.float32)
    assert widened(TOLERANCES, "float32", expected, expected * np.float32(1.0000001)) == TOLERANCES["float32"]
    assert widened(TOLERANCES, "float32", expected, expected) == TOLERANCES["float32"]


@pytest.mark.parametrize(("moved_by", "atol"), [(1e-3, 0.04), (0.25, 8.0), (3.0, 100.0)])
def test_a_model_that_rounds_badly_has_more(moved_by: float, atol: float) -> None:
    """Thirty-two times what the nudge moves is allowed, rounded up to one digit so that files stay readable."""
    expected = np.zeros((2, 2), np.float32)
    again = expected + np.array([[0, np.nan], [0, moved_by]], np.float32)
    found = widened(TOLERANCES, "float32", expected, again)
    assert found.atol == pytest.approx(atol)
    assert (found.rtol, found.roundings) == (TOLERANCES["float32"].rtol, TOLERANCES["float32"].roundings)
