"""Python values, text and foreign tensors as arrays."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from harness.dtypes import DTYPES
from harness.errors import TensorError
from harness.tensors import as_array

_HELD = [row for row in DTYPES if row.numpy_name is not None]
_PLAIN = [row for row in _HELD if not row.name.startswith("q")]


def _assert_same(got: np.ndarray, expected: np.ndarray) -> None:
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    assert got.tobytes() == expected.tobytes() if got.dtype != object else got.tolist() == expected.tolist()


AS_GIVEN: list[tuple[Any, str | None, Any]] = [
    (1, None, np.array(1)),
    (1.5, None, np.array(1.5)),
    (True, None, np.array(True)),
    ([], None, np.zeros(0)),
    ([[1, 2], [3, 4]], None, np.array([[1, 2], [3, 4]])),
    ([[1, 2], [3, 4]], "float32", np.array([[1, 2], [3, 4]], np.float32)),
    ((1, 2), "uint8", np.array([1, 2], np.uint8)),
    ([1.0, 2.0], "int32", np.array([1, 2], np.int32)),
    ([0, 1], "bool", np.array([False, True])),
    (2**63, None, np.array(2**63, np.uint64)),
    ([np.float32(1), np.float32(2)], "float32", np.array([1, 2], np.float32)),
    (np.array([1], ">f4"), "float32", np.array([1], np.float32)),
    (np.array([1.5]), "bfloat16", np.array([1.5], ml_dtypes.bfloat16)),
    ([1], "qint8", np.array([1], np.int8)),
    (range(3), "int64", np.arange(3)),
]


@pytest.mark.parametrize(("value", "name", "expected"), AS_GIVEN)
def test_numbers_become_arrays(value: Any, name: str | None, expected: np.ndarray) -> None:
    """Python numbers and nested lists become arrays of the dtype asked for, or of NumPy's choice."""
    _assert_same(as_array(value, name), expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", b"a"),
        (b"a\0", b"a\0"),
        (np.bytes_(b"a\0"), b"a\0"),
        (np.str_("é"), "é".encode()),
        (["a", b"\xff\0"], [b"a", b"\xff\0"]),
        ([["a"], ["b"]], [[b"a"], [b"b"]]),
        (np.array(["a", "bc"]), [b"a", b"bc"]),
        (np.array([b"a"], dtype=object), [b"a"]),
    ],
)
@pytest.mark.parametrize("name", [None, "string"])
def test_text_becomes_bytes(value: Any, expected: Any, name: str | None) -> None:
    """Text is UTF-8, bytes stay as they are, trailing NULs among them, with or without a dtype asked for."""
    got = as_array(value, name)
    assert got.dtype == object
    assert got.tolist() == expected


@pytest.mark.parametrize(
    ("value", "name", "text"),
    [
        ([[1], [2, 3]], None, "x: no rectangular array can be made of this list"),
        ([["a"], ["b", "c"]], "string", "nested lists must be rectangular"),
        ([["a"], ["b", "c"]], None, r"x: (no rectangular array|a string tensor holds)"),
        ([1, "a"], None, r"but element 0 is int \(1\)"),
        ([1, 2], "string", r"a string tensor holds str or bytes, but element 0 is int"),
        ([None], "string", "but element 0 is NoneType"),
        (["1"], "float32", "float32 wanted, but the value holds text or objects"),
        ([None], "int32", "int32 wanted, but the value holds text or objects"),
        ([2**64], "int64", "no tensor holds integers beyond 64 bits"),
        (2**64, None, "no tensor holds integers beyond 64 bits"),
        ("\udc80", None, "no text that UTF-8 can hold"),
        ([300], "uint8", r"300 at \[0\] cannot be held in uint8"),
        ([1.5], "int32", r"1.5 at \[0\] cannot be held in int32"),
        ([1j], "float32", "cannot be held in float32"),
        ([1], "resource", "resource tensors cannot be held"),
        ([1], "float", "'float' is not a TensorFlow dtype"),
        (np.array(["2020-01-01"], "datetime64[D]"), None, "x: a NumPy array of dtype datetime64"),
    ],
)
def test_what_no_tensor_holds_is_refused(value: Any, name: str | None, text: str) -> None:
    """Ragged lists, mixed kinds and values out of range are refused with what was seen."""
    with pytest.raises(TensorError, match=text):
        as_array(value, name, name="x")


class _Column:
    """Something that gives an array, like a tf.Tensor or a pandas column."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:  # noqa: FBT001 - NumPy's protocol
        del dtype, copy
        return self._array


def test_what_gives_an_array_is_taken_for_it() -> None:
    """An object with __array__ is the array it gives."""
    assert as_array(_Column(np.array([1, 2], np.int16))).dtype == np.int16
    assert as_array(_Column(np.array([1, 2], np.int16)), "float32").dtype == np.float32


@pytest.mark.parametrize("array", [np.zeros(2, np.float32), np.array([b"a"], dtype=object)])
def test_nothing_is_copied_without_need(array: np.ndarray) -> None:
    """An array that is already right is returned itself."""
    assert as_array(array) is array
    assert as_array(array, "string" if array.dtype == object else "float32") is array
