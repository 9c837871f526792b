"""What a cast keeps and what it refuses."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.casting import cast
from harness.dtypes import DTYPES, dtype_of_name
from harness.errors import TensorError

_NUMBERS = [row.name for row in DTYPES if row.kind not in {"opaque", "string"} and row.is_native]

KEPT: list[tuple[Any, str, Any]] = [
    (np.array([0, 1]), "bool", np.array([False, True])),
    (np.array([True, False]), "int64", np.array([1, 0])),
    (np.array([255], np.int64), "uint8", np.array([255], np.uint8)),
    (np.array([2.0, -3.0]), "int8", np.array([2, -3], np.int8)),
    (np.array([2**63 - 1], np.uint64), "int64", np.array([2**63 - 1])),
    (np.array([-(2.0**63)]), "int64", np.array([-(2**63)])),
    (np.array([0.1]), "float32", np.array([0.1], np.float32)),
    (np.array([np.inf, -np.inf, np.nan]), "float16", np.array([np.inf, -np.inf, np.nan], np.float16)),
    (np.array([2**53 + 1]), "float64", np.array([2.0**53])),
    (np.array([1 + 0j]), "float32", np.array([1], np.float32)),
    (np.array([1.5]), "complex64", np.array([1.5 + 0j], np.complex64)),
    (np.array([7]), "int4", np.array([7], ml_dtypes.int4)),
    (np.array([3], ml_dtypes.int4), "float32", np.array([3], np.float32)),
    (np.array([6.5]), "float4_e2m1fn", np.array([6], ml_dtypes.float4_e2m1fn)),
    (np.array([1.5]), "bfloat16", np.array([1.5], ml_dtypes.bfloat16)),
    (np.array([1.5], ml_dtypes.bfloat16), "float16", np.array([1.5], np.float16)),
    (np.array([65504.0]), "float16", np.array([65504], np.float16)),
    (np.array([np.finfo(np.float64).max]), "float64", np.array([np.finfo(np.float64).max])),
]


@pytest.mark.parametrize(("array", "name", "expected"), KEPT)
def test_what_fits_is_kept(array: np.ndarray, name: str, expected: np.ndarray) -> None:
    """A value that the dtype holds (rounded, among floats) comes out in that dtype."""
    got = cast(array, dtype_of_name(name))
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got.astype(np.complex128), expected.astype(np.complex128))


REFUSED: list[tuple[Any, str]] = [
    (np.array([-1]), "uint64"),
    (np.array([-1], np.int8), "uint8"),
    (np.array([2**63], np.uint64), "int64"),
    (np.array([256]), "uint8"),
    (np.array([2]), "bool"),
    (np.array([1.5]), "int32"),
    (np.array([np.nan]), "int32"),
    (np.array([np.inf]), "uint8"),
    (np.array([2.0**63]), "int64"),
    (np.array([2.0**64]), "uint64"),
    (np.array([65504], np.float16), "int8"),
    (np.array([1e39]), "float32"),
    (np.array([70000]), "float16"),
    (np.array([1e6]), "float8_e4m3fn"),
    (np.array([np.inf]), "float8_e4m3fn"),
    (np.array([np.nan]), "float4_e2m1fn"),
    (np.array([100.0]), "float4_e2m1fn"),
    (np.array([8]), "int4"),
    (np.array([1 + 1j]), "float64"),
    (np.array([1 + 1j]), "int64"),
    (np.array([1e300 + 0j]), "complex64"),
    (np.array([1e300j]), "complex64"),
]


@pytest.mark.parametrize(("array", "name"), REFUSED)
def test_what_does_not_fit_is_refused(array: np.ndarray, name: str) -> None:
    """A value that would wrap, lose its fraction, its imaginary part or its finiteness is refused."""
    with pytest.raises(TensorError, match=rf"x: .* at \[0\] cannot be held in {name} without changing it"):
        cast(array, dtype_of_name(name), name="x")


def test_the_first_unfit_value_and_their_number_are_named() -> None:
    """The message names the first value that does not fit, its place, and how many there are."""
    with pytest.raises(TensorError, match=r"x: 300 at \[1, 0\] cannot be held in uint8 .*\(2 of 4 values cannot\)"):
        cast(np.array([[1, 2], [300, -1]]), dtype_of_name("uint8"), name="x")


def test_a_scalar_has_no_place() -> None:
    """A scalar that does not fit is named without an index."""
    with pytest.raises(TensorError, match="x: 300 cannot be held in uint8"):
        cast(np.array(300), dtype_of_name("uint8"), name="x")


@pytest.mark.parametrize("shape", [(0,), (2, 0, 3)])
@pytest.mark.parametrize("name", _NUMBERS)
def test_empty_arrays_fit_anything(shape: tuple[int, ...], name: str) -> None:
    """An array without elements is cast to any dtype and keeps its shape."""
    got = cast(np.zeros(shape), dtype_of_name(name))
    assert got.shape == shape
    assert got.dtype == dtype_of_name(name).numpy


def test_the_array_itself_is_returned_when_nothing_changes() -> None:
    """No copy is made of an array that has the dtype already."""
    array = np.zeros(3, np.float32)
    assert cast(array, dtype_of_name("float32")) is array


@given(
    array=hnp.arrays(
        st.sampled_from([np.int8, np.uint8, np.int32, np.uint32, np.int64, np.uint64, np.float32, np.float64]),
        hnp.array_shapes(max_dims=2, max_side=4),
    ),
    name=st.sampled_from([name for name in _NUMBERS if "int" in name]),
)
def test_integers_come_out_exactly_or_not_at_all(array: np.ndarray, name: str) -> None:
    """Cast to an integer dtype, the values are the very same numbers, or the cast is refused because one is not."""
    limits = np.iinfo(dtype_of_name(name).numpy)
    values = array.reshape(-1).tolist()
    fits = all(value == value and abs(value) != float("inf") and int(value) == value for value in values)  # noqa: PLR0124
    fits = fits and all(limits.min <= int(value) <= limits.max for value in values)
    try:
        got = cast(array, dtype_of_name(name))
    except TensorError:
        assert not fits
    else:
        assert fits
        assert got.reshape(-1).tolist() == [int(value) for value in values]


@given(
    array=hnp.arrays(np.float64, hnp.array_shapes(max_dims=2, max_side=4)),
    name=st.sampled_from([row.name for row in DTYPES if row.kind == "float"]),
)
def test_floats_stay_what_they_are(array: np.ndarray, name: str) -> None:
    """Cast among floats, finite stays finite, NaN stays NaN and infinity stays infinity; the rest is ml_dtypes'."""
    dtype = dtype_of_name(name)
    try:
        got = cast(array, dtype).astype(np.float64)
    except TensorError:
        with np.errstate(all="ignore"):
            bent = array.astype(dtype.numpy).astype(np.float64)
        finfo: Any = ml_dtypes.finfo
        limit = float(finfo(dtype.numpy).max)
        changed = (np.isfinite(array) != np.isfinite(bent)) | (np.isnan(array) != np.isnan(bent))
        assert changed.any() or (np.abs(array) > limit).any()
    else:
        np.testing.assert_array_equal(np.isnan(got), np.isnan(array))
        np.testing.assert_array_equal(np.isinf(got), np.isinf(array))
