"""Arrays and the values of REST bodies, against the standard library's JSON."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.dtypes import DTYPES, dtype_of_name
from harness.errors import TensorError
from harness.tensors import as_array
from harness.tensors_json import dumps, from_json_value, loads, to_json_value

_NUMBERS = [row for row in DTYPES if row.kind in {"bool", "int", "uint", "float"} and not row.name.startswith("q")]


def _through(array: np.ndarray, dtype: str, name: str = "x") -> np.ndarray:
    """Write an array and read it back, as a server that echoes would."""
    return from_json_value(loads(dumps({"v": to_json_value(array, name=name)}))["v"], dtype, name=name)


@pytest.mark.parametrize("shape", [(), (6,), (2, 3), (1, 6, 1)])
@pytest.mark.parametrize("row", _NUMBERS, ids=lambda row: row.name)
def test_every_kind_of_number_comes_back(row: Any, shape: tuple[int, ...]) -> None:
    """Written and read, numbers of any dtype and shape are what they were."""
    array = (np.arange(math.prod(shape)) % 2).astype(row.numpy).reshape(shape)
    got = _through(array, row.name)
    assert got.dtype == row.numpy
    assert got.shape == shape
    assert got.tolist() == array.tolist()


@given(data=st.data())
def test_any_numbers_come_back_exactly(data: st.DataObject) -> None:
    """Any array of what REST carries comes back bit for bit, NaN and infinities among floats."""
    row = data.draw(st.sampled_from([row for row in DTYPES if row.rest_input and not row.is_string]))
    array = data.draw(hnp.arrays(row.numpy, hnp.array_shapes(max_dims=3, max_side=4)))
    for form in (array, np.asfortranarray(array), array.astype(row.numpy.newbyteorder())):
        got = _through(form, row.name)
        assert got.dtype == row.numpy
        np.testing.assert_array_equal(got, array)


@given(array=hnp.arrays(np.float32, hnp.array_shapes(max_dims=2, max_side=4), elements={"allow_nan": False}))
def test_bodies_are_json_to_others(array: np.ndarray) -> None:
    """The standard library reads the same numbers from a body."""
    assert np.array(json.loads(dumps(to_json_value(array))), np.float32).tolist() == array.tolist()


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 3), (1, 2, 0)])
def test_empty_arrays_keep_the_lists_there_are(shape: tuple[int, ...]) -> None:
    """An empty array is the nested lists it has; lists inside an empty one cannot be seen."""
    value = json.loads(dumps(to_json_value(np.zeros(shape, np.float32))))
    assert value == np.zeros(shape).tolist()
    seen = shape[: shape.index(0) + 1]
    assert from_json_value(value, "float32").shape == seen


@pytest.mark.parametrize(
    ("number", "token"),
    [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity")],
)
def test_non_finite_numbers_are_bare_tokens(number: float, token: str) -> None:
    """NaN and infinities are written as the server reads them, in arrays, scalars and lists."""
    assert dumps(to_json_value(np.array([1, number], np.float32))) == f"[1.0,{token}]".encode()
    assert dumps(to_json_value(np.array(number))) == token.encode()
    assert dumps({"a": [[number]], "b": np.zeros(2, np.int32)}) == f'{{"a":[[{token}]],"b":[0,0]}}'.encode()
    assert str(loads(token.encode())) == str(number)


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63)])
def test_int64_extremes_stay_exact(number: int) -> None:
    """The ends of int64 are not rounded through floats."""
    assert _through(np.array([number]), "int64").tolist() == [number]
    assert _through(np.array([2**64 - 1], np.uint64), "uint64").tolist() == [2**64 - 1]


def test_floats_are_written_as_decimals() -> None:
    """A whole float keeps its point, so that a server does not take it for an integer (behaviour item 169)."""
    assert dumps({"a": 2.0, "b": np.array([2.0])}) == b'{"a":2.0,"b":[2.0]}'


@pytest.mark.parametrize(
    ("value", "name", "expected"),
    [
        (b"text", "x", "text"),
        ("é", "x", "é"),
        (b"\xff\0", "x", {"b64": base64.b64encode(b"\xff\0").decode()}),
        (b"text", "x_bytes", {"b64": base64.b64encode(b"text").decode()}),
        ([[b"a"], [b"\xff"]], "x", [["a"], [{"b64": "/w=="}]]),
        ([], "x", []),
    ],
)
def test_text_is_written_as_strings_or_base64(value: Any, name: str, expected: Any) -> None:
    """Text is a JSON string; other bytes, and all of a tensor named ``*_bytes``, are {"b64": ...}."""
    assert to_json_value(as_array(value, "string"), name=name) == expected


@given(values=st.lists(st.binary(max_size=12), max_size=5), name=st.sampled_from(["x", "x_bytes"]))
def test_any_bytes_come_back(values: list[bytes], name: str) -> None:
    """Byte strings of any content come back as they were, whatever the tensor's name."""
    assert _through(as_array(values, "string"), "string", name).tolist() == values


def test_raw_bytes_of_an_answer_are_kept() -> None:
    """A server writes bytes that are not UTF-8 as they are (behaviour item 165): they are read as those bytes."""
    assert from_json_value(loads(b'["\xff\x00a", "\xc3\xa9"]'.replace(b"\x00", b"\\u0000")), "string").tolist() == [
        b"\xff\0a",
        "é".encode(),
    ]


@pytest.mark.parametrize("name", ["complex64", "complex128"])
def test_complex_numbers_have_no_json_form(name: str) -> None:
    """Complex tensors are refused with the way out."""
    with pytest.raises(TensorError, match=f"x: {name} values have no JSON form; send them over gRPC"):
        to_json_value(np.zeros(1, name), name="x")
    with pytest.raises(TensorError, match=f"the JSON values are not {name}"):
        from_json_value([1.0], name)


@pytest.mark.parametrize(
    ("value", "name", "text"),
    [
        ([[1], [1, 2]], "float32", "do not form a rectangular tensor at depth 1"),
        ([[1], 2], "float32", "do not form a rectangular tensor at depth 1"),
        ([[[1]], [[1, 2]]], "float32", "do not form a rectangular tensor at depth 2"),
        ([1, [2]], "float32", "are not float32: there are elements of type list"),
        (["1"], "float32", "are not float32: there are elements of type string"),
        ([True], "float32", "there are elements of type boolean"),
        ([None], "int32", "there are elements of type null"),
        ([1.0], "int32", "there are elements of type decimal"),
        ([1], "bool", "there are elements of type integer"),
        ([{"b64": "AA=="}], "float32", "there are elements of type object"),
        ([300], "uint8", r"300 at \[0\] cannot be held in uint8"),
        ([-1], "uint64", "the JSON values are not uint64"),
        ([2**63], "int64", "the JSON values are not int64"),
        ([1e39], "float32", r"1e\+39 at \[0\] cannot be held in float32"),
        ([1], "string", r'a string or {"b64": ...}, not 1'),
        ([{"b64": "?"}], "string", "is not base64"),
        ([{"b64": 1}], "string", "is not base64"),
        ([{"b64": "é"}], "string", "is not base64"),
        ([{"b64": "AA==", "x": 1}], "string", "a string tensor's JSON element"),
        ([1], "resource", "are not resource"),
        ([1, "a"], None, "a string tensor's JSON element"),
    ],
)
def test_values_of_another_kind_are_refused(value: Any, name: str | None, text: str) -> None:
    """Nothing is converted on the way in: text to numbers, decimals to integers, numbers to booleans."""
    with pytest.raises(TensorError, match=text):
        from_json_value(value, name, name="x")


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(1, "int64"), ([1, 2.5], "float64"), ([True], "bool"), (["a"], "string"), ([{"b64": "AA=="}], "string")],
)
def test_without_a_dtype_the_values_decide(value: Any, dtype: str) -> None:
    """Where no signature says the dtype, the JSON tokens do."""
    assert from_json_value(value, None).dtype == dtype_of_name(dtype).numpy


def test_integers_are_fit_for_floats() -> None:
    """A float output that happens to be whole is read, also where it was written without a point."""
    assert from_json_value([1, 2.5], "float32").tolist() == [1.0, 2.5]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1] x", b"nope", b"[" * 100_000 + b"]" * 100_000, b"\xff"], ids=lambda body: repr(body[:9])
)
def test_what_is_no_json_is_a_value_error(body: bytes) -> None:
    """A body that cannot be read is a ValueError, also when it is nested beyond any reader."""
    with pytest.raises(ValueError, match=r"."):
        loads(body)


@pytest.mark.parametrize("document", [{"a": object()}, {"a": "\udc80"}, {"a": 2**70}, {"a": [math.nan, object()]}])
def test_what_has_no_json_form_is_a_tensor_error(document: Any) -> None:
    """A document that cannot be written is refused before anything is sent."""
    with pytest.raises(TensorError, match="cannot be written as JSON"):
        dumps(document)


def test_types_of_ml_dtypes_are_written_as_plain_numbers() -> None:
    """bfloat16, float8 and int4 go as decimals and integers."""
    assert dumps(to_json_value(np.array([1.5], ml_dtypes.bfloat16))) == b"[1.5]"
    assert dumps(to_json_value(np.array([1.5], ml_dtypes.float8_e5m2))) == b"[1.5]"
    assert dumps(to_json_value(np.array([-3], ml_dtypes.int4))) == b"[-3]"
    assert dumps(to_json_value(np.array(-3, ml_dtypes.int4))) == b"-3"
