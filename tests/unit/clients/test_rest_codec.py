"""Bodies of REST requests and answers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness import Signature, TensorSpec
from harness.clients.rest_codec import examples_body, predict_body, read_outputs
from harness.dtypes import DTYPES
from harness.errors import TensorError, UsageError
from harness.tensors import as_array


def _signature(*outputs: tuple[str, str, Any]) -> Signature:
    specs = tuple(TensorSpec(name=name, dtype=dtype, shape=shape) for name, dtype, shape in outputs)
    return Signature(name="s", method_name="", inputs=(), outputs=specs)


def _body(arrays: dict[str, np.ndarray], layout: Any) -> Any:
    return json.loads(predict_body(arrays, signature_name="s", layout=layout))


def test_the_column_layout_keeps_shapes() -> None:
    """Each tensor stands under its name as it is, scalars as bare values."""
    arrays = {"a": np.array([[1, 2]]), "b": np.array(1.5), "c": as_array(["t"]), "d_bytes": as_array(b"x")}
    assert _body(arrays, "column") == {
        "signature_name": "s",
        "inputs": {"a": [[1, 2]], "b": 1.5, "c": ["t"], "d_bytes": {"b64": "eA=="}},
    }


def test_the_row_layout_lists_examples() -> None:
    """Each example is an object with all inputs, without the batch dimension."""
    arrays = {"a": np.array([[1, 2], [3, 4]]), "b": np.array([0.5, 1.5]), "c": as_array(["t", b"\xff"])}
    assert _body(arrays, "row") == {
        "signature_name": "s",
        "instances": [{"a": [1, 2], "b": 0.5, "c": "t"}, {"a": [3, 4], "b": 1.5, "c": {"b64": "/w=="}}],
    }


def test_non_finite_numbers_go_in_rows_too() -> None:
    """NaN in one example is a bare token there."""
    body = predict_body({"a": np.array([[1.0], [np.nan]], np.float32)}, signature_name="s", layout="row")
    assert b'{"a":[NaN]}' in body


def test_inputs_without_a_common_batch_have_no_rows() -> None:
    """Scalars and different batch sizes cannot be sent as rows; the error says which sizes there are."""
    for arrays in ({"a": np.zeros(2), "b": np.zeros(3)}, {"a": np.array(1)}):
        with pytest.raises(TensorError, match=r"one batch size for all inputs, .*use layout='column'"):
            predict_body(arrays, signature_name="s", layout="row")


def test_no_rows_are_an_empty_list() -> None:
    """An empty batch, or no input at all, is sent as no instances: the server refuses that in its own words."""
    assert _body({"a": np.zeros((0, 2))}, "row")["instances"] == []
    assert _body({}, "row")["instances"] == []


def test_an_unknown_layout_is_refused() -> None:
    """There are two layouts; a misspelt one is not silently a third."""
    with pytest.raises(UsageError, match=r"'rows' is no layout .* 'column' or 'row'"):
        predict_body({"a": np.zeros(1)}, signature_name="s", layout="rows")  # type: ignore[arg-type] # the point


def test_a_context_is_sent_even_if_empty() -> None:
    """No context and an empty one are different requests."""
    assert "context" not in json.loads(examples_body([{"a": 1}], None, signature_name="s"))
    assert json.loads(examples_body([{"a": 1}], {}, signature_name="s"))["context"] == {}


@pytest.mark.parametrize(
    ("body", "outputs", "layout", "expected"),
    [
        (b'{"outputs": 6.0}', [("y", "float32", ())], "column", {"y": 6.0}),
        (
            b'{"outputs": {"b": 1, "a": [true]}}',
            [("a", "bool", None), ("b", "int8", ())],
            "column",
            {"a": [True], "b": 1},
        ),
        (b'{"predictions": [[1], [2]]}', [("y", "float32", (None, 1))], "row", {"y": [[1.0], [2.0]]}),
        (
            b'{"predictions": [{"a": "t", "b": [1]}, {"b": [2], "a": "u"}]}',
            [("a", "string", (None,)), ("b", "int32", (None, 1))],
            "row",
            {"a": [b"t", b"u"], "b": [[1], [2]]},
        ),
        (b'{"predictions": []}', [("a", "string", (None,)), ("b", "int32", (None,))], "row", {"a": [], "b": []}),
    ],
)
def test_answers_are_read_in_both_layouts(body: bytes, outputs: Any, layout: Any, expected: Any) -> None:
    """A single output stands without its name, several under theirs; the signature says the dtypes (items 155-158)."""
    got = read_outputs(body, _signature(*outputs), layout=layout)
    assert {name: array.tolist() for name, array in got.items()} == expected
    assert [array.dtype.name for array in got.values()] == [
        "object" if dtype == "string" else dtype for _, dtype, _ in outputs
    ]


@pytest.mark.parametrize(
    ("body", "shape", "expected"),
    [
        (b"[]", (None, 4), (0, 4)),
        (b"[]", (None, 4, 2), (0, 4, 2)),
        (b"[[], []]", (None, 0, 3), (2, 0, 3)),
        (b"[]", (None, None), (0,)),
        (b"[]", None, (0,)),
        (b"[]", (None,), (0,)),
        (b"[[1]]", (None, 4), (1, 1)),
    ],
)
def test_dimensions_inside_empty_lists_come_from_the_signature(body: bytes, shape: Any, expected: Any) -> None:
    """An empty batch keeps its inner sizes where the signature knows them; nothing else is reshaped."""
    got = read_outputs(b'{"outputs": ' + body + b"}", _signature(("y", "float32", shape)), layout="column")
    assert got["y"].shape == expected


@pytest.mark.parametrize(
    ("body", "layout", "text"),
    [
        (
            b'{"outputs": {"a": [1]}}',
            "column",
            r"the answer holds \['a'\], but the signature's outputs are \['a', 'b'\]",
        ),
        (b'{"outputs": {"a": [1], "b": [1], "c": [1]}}', "column", r"the answer holds \['a', 'b', 'c'\]"),
        (b'{"outputs": [1]}', "column", "the answer holds list"),
        (b'{"outputs": [1]}', "row", "the answer has no 'predictions'"),
        (b'{"predictions": {"a": 1}}', "row", "every row of the answer should be an object"),
        (b'{"predictions": [1]}', "row", "every row of the answer should be an object"),
        (b'{"predictions": [{"a": 1, "b": 1}, {"a": 1}]}', "row", "every row of the answer should be an object"),
    ],
)
def test_answers_of_another_form_are_refused(body: bytes, layout: Any, text: str) -> None:
    """Missing, surplus and bare outputs do not fit the signature, and the error says what was seen."""
    with pytest.raises(TensorError, match=text):
        read_outputs(body, _signature(("a", "int32", None), ("b", "int32", None)), layout=layout)


@given(data=st.data(), layout=st.sampled_from(["column", "row"]))
def test_any_tensors_survive_both_layouts(data: st.DataObject, layout: Any) -> None:
    """What a server that echoes would answer is what was sent, whatever the dtypes and layout."""
    batch = data.draw(st.integers(1, 3))
    arrays = {}
    for name in ("a", "b"):
        row = data.draw(st.sampled_from([row for row in DTYPES if row.rest_input and not row.is_string]))
        shape = (batch, *data.draw(hnp.array_shapes(min_dims=0, max_dims=2, max_side=3)))
        arrays[name] = data.draw(hnp.arrays(row.numpy, shape))
    body = predict_body(arrays, signature_name="s", layout=layout)
    answer = body.replace(b'"inputs"', b'"outputs"').replace(b'"instances"', b'"predictions"')
    signature = _signature(*((name, array.dtype.name, None) for name, array in arrays.items()))
    for name, array in read_outputs(answer, signature, layout=layout).items():
        np.testing.assert_array_equal(array, arrays[name])
        assert array.dtype == arrays[name].dtype
