"""Comparing outputs, against numpy.testing."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness import Prediction, assert_close
from harness.checks import compare
from harness.checks.compare import Mismatch
from harness.checks.tolerance import Tolerance
from harness.dtypes import dtype_of_name
from harness.errors import CheckError


def _texts(seen: Any, expected: Any, **options: Any) -> list[str]:
    return [str(mismatch) for mismatch in compare({"y": seen}, {"y": expected}, **options)]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (np.array([1.0]), np.array([1.0 + 1e-7])),
        (np.array([np.inf, -np.inf]), np.array([np.inf, -np.inf])),
        (np.array(2.0), np.array(2.0)),
        (np.zeros((0, 3)), np.zeros((0, 3))),
        (np.array([b"a\0"], dtype=object), np.array([b"a\0"], dtype=object)),
        (np.array([1, 2]), np.array([1, 2])),
        (np.array([True]), np.array([True])),
        (np.array([1 + 1j]), np.array([1 + 1j])),
        (np.array([1.5], ml_dtypes.bfloat16), np.array([1.5], ml_dtypes.bfloat16)),
        (np.array([1.5], ml_dtypes.float8_e5m2), np.array([1.5], ml_dtypes.float8_e5m2)),
        (np.array([3], ml_dtypes.int4), np.array([3], ml_dtypes.int4)),
    ],
)
def test_equal_within_tolerance_is_no_mismatch(seen: Any, expected: Any) -> None:
    """Floats may differ within tolerance; everything else that is equal is equal."""
    assert _texts(seen, expected) == []


@pytest.mark.parametrize(
    ("seen", "expected", "text"),
    [
        (np.zeros(2, np.float32), np.zeros(2), "y: dtype float32, expected float64"),
        (np.zeros((2, 1)), np.zeros(2), "y: shape [2, 1], expected [2]"),
        (np.array([1, 2, 3]), np.array([1, 5, 4]), "y: [1] is 2, expected 5 (2 of 3 differ)"),
        (
            np.array([0, 2], np.uint64),
            np.array([2**64 - 1, 1], np.uint64),
            "y: [0] is 0, expected 18446744073709551615",
        ),
        (np.array([0, 120], np.int8), np.array([1, -120], np.int8), "y: [1] is 120, expected -120 (2 of 2 differ)"),
        (
            np.array([b"a" * 99], object),
            np.array([b"b"], object),
            f"y: [0] is b'{'a' * 58}... (99 bytes), expected",
        ),
        (
            np.array([100.1, 1.01], np.float32),
            np.array([100.0, 1.0], np.float32),
            "y: [1] is 1.01, expected 1.0 (relative error 0.01, 83,886 ulps, allowed",
        ),
        (np.array(1), np.array(2), "y: the scalar is 1, expected 2 (1 of 1 differ)"),
        (
            np.array([[b"a", b"b"]], object),
            np.array([[b"a", b"c"]], object),
            "y: [0, 1] is b'b', expected b'c' (1 of 2 differ)",
        ),
        (np.array([b"a"], object), np.array([b"a\0"], object), r"y: [0] is b'a', expected b'a\x00' (1 of 1 differ)"),
        (np.array(b"a", object), np.array(b"b", object), "y: the scalar is b'a', expected b'b' (1 of 1 differ)"),
        (np.array([True]), np.array([False]), "y: [0] is True, expected False (1 of 1 differ)"),
        (
            np.array([1.0, 2.0, 30.0]),
            np.array([1.0, 2.5, 3.0]),
            "y: [2] is 30.0, expected 3.0 (relative error 9, 1.52e+16 ulps, allowed 1e-07 relative + 1e-10 absolute;",
        ),
        (np.array(1.0), np.array(2.0), "y: the scalar is 1.0, expected 2.0 (relative error 0.5, 4.5e+15 ulps, allowed"),
        (np.array([np.nan]), np.array([np.nan]), "y: [0] is nan, expected nan"),
        (np.array([np.nan, 9.0]), np.array([1.0, 1.0]), "y: [0] is nan, expected 1.0"),
        (np.array([np.inf]), np.array([1.0]), "y: [0] is inf, expected 1.0"),
        (np.array([np.inf]), np.array([-np.inf]), "y: [0] is inf, expected -inf"),
        (np.array([1.0]), np.array([0.0]), "y: [0] is 1.0, expected 0.0"),
        (np.array([1 + 1j]), np.array([1 - 1j]), "y: [0] is (1+1j), expected (1-1j) (relative error 1.41"),
        (np.array([1.5], ml_dtypes.bfloat16), np.array([2.5], ml_dtypes.bfloat16), "y: [0] is 1.5, expected 2.5"),
        (np.array([3], ml_dtypes.int4), np.array([4], ml_dtypes.int4), "y: [0] is 3, expected 4 (1 of 1 differ)"),
        (np.array([0.5], np.float16), np.array([-0.5], np.float16), "y: [0] is 0.5, expected -0.5"),
    ],
)
def test_the_worst_difference_is_named(seen: Any, expected: Any, text: str) -> None:
    """One line says what differs: dtype, shape, or the worst element with both values and how many differ."""
    (got,) = _texts(seen, expected)
    assert got.startswith(text)


def test_the_worst_elements_place_is_known() -> None:
    """A mismatch of values says where it is; one of dtype, shape or presence has no place."""
    zeros, ones = np.zeros((2, 3)), np.zeros((2, 3))
    ones[1, 2] = 1
    assert [mismatch.index for mismatch in compare({"y": ones}, {"y": zeros})] == [(1, 2)]
    assert [mismatch.index for mismatch in compare({"y": ones[1, 2]}, {"y": zeros[1, 2]})] == [()]
    assert [mismatch.index for mismatch in compare({"y": ones, "z": ones}, {"y": zeros[0]})] == [None, None]


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "complex64"])
def test_the_usual_tolerance_grows_with_the_dtypes_coarseness(dtype: str) -> None:
    """Without tolerances, a float may be off by one step of its dtype, and not by a fifth of its value or more."""
    kind = dtype_of_name(dtype).numpy
    step = float(ml_dtypes.finfo(np.float32 if dtype == "complex64" else kind).eps)
    one, next_one, far = (np.full(3, value, np.float64).astype(kind) for value in (1, 1 + step, 1.25))
    assert _texts(next_one, one) == []
    assert _texts(far, one) != []


def test_a_small_element_may_carry_the_roundings_of_a_large_one() -> None:
    """Where sums cancel, an error is measured against the largest element too; given tolerances are taken as given."""
    expected = np.array([1000.0, 0.0], np.float32)
    seen = expected + np.array([0.0, 3e-4], np.float32)
    assert _texts(seen, expected) == []
    assert _texts(seen, expected, rtol=1e-5, atol=1e-6) != []
    assert _texts(seen * 2, expected) != []


def test_tolerances_are_given_by_dtype() -> None:
    """A tolerance for one dtype leaves the others as they are."""
    single, double = np.ones(1, np.float32), np.ones(1)
    loose = {"float32": Tolerance(rtol=0.1, atol=0)}
    assert [m.name for m in compare({"a": single * 1.05, "b": double * 1.05}, {"a": single, "b": double})] == ["a", "b"]
    found = compare({"a": single * 1.05, "b": double * 1.05}, {"a": single, "b": double}, tolerances=loose)
    assert [mismatch.name for mismatch in found] == ["b"]


@pytest.mark.parametrize("numbers", [(-1, 0, 0), (0, -1, 0), (0, 0, -1), (float("nan"), 0, 0)])
def test_a_tolerance_below_zero_is_refused(numbers: tuple[float, float, float]) -> None:
    """No answer could meet it."""
    with pytest.raises(CheckError, match="tolerances below 0, or no numbers: rtol="):
        Tolerance(rtol=numbers[0], atol=numbers[1], roundings=numbers[2])


def test_missing_and_surplus_outputs_are_named() -> None:
    """An output on one side only is a mismatch."""
    one = np.zeros(1)
    assert [str(mismatch) for mismatch in compare({"a": one, "c": one}, {"b": one, "c": one})] == [
        "a: was not expected",
        "b: is missing",
    ]
    assert compare({"a": one}, {})[0] == Mismatch(name="a", text="was not expected")


def test_nan_equals_nan_only_on_request() -> None:
    """With equal_nan, NaN in the same place is no difference; elsewhere it is."""
    nans = np.array([np.nan, 1.0])
    assert _texts(nans, nans, equal_nan=True) == []
    assert _texts(nans, nans[::-1], equal_nan=True) != []


def test_given_tolerances_are_as_documented() -> None:
    """A difference may be atol + rtol * abs(expected)."""
    expected = np.array([100.0])
    assert _texts(expected + 1.09, expected, rtol=0.01, atol=0.1) == []
    assert _texts(expected + 1.11, expected, rtol=0.01, atol=0.1) != []
    assert _texts(np.array([0.1]), np.array([0.0]), rtol=1.0, atol=0.1) == []


_floats = hnp.arrays(np.float64, st.just((3,)), elements=st.floats(-10, 10) | st.sampled_from([np.inf, -np.inf]))


@given(seen=_floats, expected=_floats)
def test_the_verdict_is_numpys(seen: np.ndarray, expected: np.ndarray) -> None:
    """Whether two float arrays differ is what numpy.testing.assert_allclose says."""
    try:
        np.testing.assert_allclose(seen, expected, rtol=1e-5, atol=1e-6)
    except AssertionError:
        assert _texts(seen, expected, rtol=1e-5, atol=1e-6) != []
    else:
        assert _texts(seen, expected, rtol=1e-5, atol=1e-6) == []


def _prediction(**outputs: np.ndarray) -> Prediction:
    return Prediction(model="m", model_version=1, signature_name="s", outputs=outputs)


def test_assert_close_names_every_output_that_differs() -> None:
    """The assertion lists each mismatch; predictions that agree pass, whoever gave them."""
    left = _prediction(a=np.array([1.0]), b=np.array([1]), c=np.array([1]))
    assert_close(left, _prediction(a=np.array([1.0 + 1e-9]), b=np.array([1]), c=np.array([1])))
    with pytest.raises(AssertionError, match=r"the predictions differ:\n  a: .*\n  b: ") as caught:
        assert_close(left, _prediction(a=np.array([2.0]), b=np.array([2]), c=np.array([1])))
    assert "  c:" not in str(caught.value)
    assert_close(left, _prediction(a=np.array([1.5]), b=np.array([1]), c=np.array([1])), atol=1.0)
