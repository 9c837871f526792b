"""Units in the last place, against NumPy's own steps."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.checks.ulps import ulps_apart


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@given(data=st.data())
def test_a_step_to_the_next_number_is_one(dtype: type[Any], data: st.DataObject) -> None:
    """From any finite number to the next, towards either side and across zero, is one ulp."""
    width = np.dtype(dtype).itemsize * 8
    number = dtype(data.draw(st.floats(width=width, allow_nan=False, allow_infinity=False)))
    with np.errstate(all="ignore"):
        above = np.nextafter(number, dtype(np.inf))
    assert ulps_apart(number, number) == 0
    if np.isfinite(above):
        assert ulps_apart(number, above) == ulps_apart(above, number) == 1


@pytest.mark.parametrize("name", ["bfloat16", "float8_e5m2", "float8_e4m3fn", "float4_e2m1fn"])
def test_types_that_numpy_lacks_have_ulps_too(name: str) -> None:
    """One step above 1 is one ulp, and from -1 to 1 are twice those from 0 to 1."""
    kind = getattr(ml_dtypes, name)
    zero, one = kind(0), kind(1)
    assert ulps_apart(kind(1 + float(ml_dtypes.finfo(kind).eps)), one) == 1
    assert ulps_apart(kind(-1), one) == 2 * ulps_apart(zero, one)


def test_zeros_are_the_same() -> None:
    """-0 and +0 are no ulps apart."""
    assert ulps_apart(np.float32(-0.0), np.float32(0.0)) == 0
