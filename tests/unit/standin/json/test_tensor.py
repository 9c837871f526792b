"""Request bodies become the tensors, or the errors, that the server makes of them."""

from __future__ import annotations

import base64
import json
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.protos import types_pb2
from harness.standin.json.base64 import decode_base64
from harness.standin.json.reader import parse
from harness.standin.json.tensor import COLUMNS, ROWS, fill_inputs
from harness.standin.status import StatusError


class Input(NamedTuple):
    """All that is asked of a signature's input."""

    dtype: int


FLOAT, INT32, INT8 = Input(types_pb2.DT_FLOAT), Input(types_pb2.DT_INT32), Input(types_pb2.DT_INT8)
STRING, HALF, UINT64 = Input(types_pb2.DT_STRING), Input(types_pb2.DT_HALF), Input(types_pb2.DT_UINT64)


def filled(text: str, **wanted: Input) -> tuple[str, dict[str, Any]]:
    """Return form and tensors (values as lists, with shapes) of a body."""
    form, tensors = fill_inputs(parse(text.encode()), wanted or {"x": FLOAT})
    return form, {name: (list(tensor.values), tensor.shape) for name, tensor in tensors.items()}


@pytest.mark.parametrize(
    ("text", "form", "values", "shape"),
    [
        ('{"instances": [1, 2.5]}', ROWS, [1.0, 2.5], (2,)),
        ('{"instances": [{"x": 1}, {"x": 2}]}', ROWS, [1.0, 2.0], (2,)),
        ('{"instances": [[1, 2], [3, 4]]}', ROWS, [1.0, 2.0, 3.0, 4.0], (2, 2)),
        ('{"instances": [[], []]}', ROWS, [], (2, 0)),
        ('{"instances": [{"x": 1, "x": 2}, {"x": 3}]}', ROWS, [1.0, 2.0], (2,)),
        ('{"inputs": []}', COLUMNS, [], (0,)),
        ('{"inputs": 7}', COLUMNS, [7.0], ()),
        ('{"inputs": {"x": [[1], [2]], "other": 3}}', COLUMNS, [1.0, 2.0], (2, 1)),
        ('{"inputs": [1e39, -1e39, 1e-40, -1e-40, 16777217]}', COLUMNS, [np.inf, -np.inf, 0, 0, 16777216.0], (5,)),
    ],
)
def test_both_forms_give_tensors(text: str, form: str, values: list[float], shape: tuple[int, ...]) -> None:
    """Rows are stacked into a batch, columns are taken as they are."""
    assert filled(text) == (form, {"x": (values, shape)})


def test_names_in_changing_order_are_sorted_out() -> None:
    """Rows may name their inputs in any order."""
    _, tensors = filled('{"instances": [{"a": 1, "b": 2}, {"b": 4, "a": 3}]}', a=FLOAT, b=INT32)
    assert tensors == {"a": ([1.0, 3.0], (2,)), "b": ([2, 4], (2,))}


def test_small_integers_wrap_around() -> None:
    """Integers are checked against int32 only, then cut to the dtype."""
    assert filled('{"inputs": [128, 255, -129]}', x=INT8)[1]["x"][0] == [-128, -1, 127]


def test_strings_and_base64_mix() -> None:
    """A string input takes text and base64 objects side by side."""
    _, tensors = filled('{"instances": ["abc", {"b64": "YWI"}]}', x=STRING)
    assert tensors == {"x": ([b"abc", b"ab"], (2,))}


def test_a_dtype_json_cannot_express_passes_without_elements() -> None:
    """An empty list of half is no error, as no value is converted."""
    assert filled('{"inputs": []}', x=HALF)[1]["x"] == ([], (0,))


_ECHO = "JSON Value: "
_ROW = "Failed to process element: "


@pytest.mark.parametrize(
    ("text", "wanted", "message"),
    [
        ('{"a": 1}', {"x": FLOAT}, "Missing 'inputs' or 'instances' key"),
        (
            '{"instances": 1, "inputs": 2}',
            {"x": FLOAT},
            _ECHO + '{\n    "instances": 1,\n    "inputs": 2\n} Not formatted correctly expecting only one of '
            "'inputs' or 'instances' keys to exist ",
        ),
        (
            '{"instances": 1}',
            {"x": FLOAT},
            _ECHO + "{\n    \"instances\": 1\n} Expecting 'instances' to be an list/array",
        ),
        ('{"instances": []}', {"x": FLOAT}, _ECHO + "{\n    \"instances\": []\n} No values in 'instances' array"),
        ('{"inputs": ["a"]}', {"x": FLOAT}, _ECHO + '"a" Type: String is not of expected type: float'),
        ('{"inputs": [1.0]}', {"x": INT32}, _ECHO + "1.0 Type: Number is not of expected type: int32"),
        ('{"inputs": [2147483648]}', {"x": INT8}, _ECHO + "2147483648 Type: Number is not of expected type: int8"),
        ('{"inputs": [-1]}', {"x": UINT64}, _ECHO + "-1 Type: Number is not of expected type: uint64"),
        ('{"inputs": [true]}', {"x": INT32}, _ECHO + "true Type: True is not of expected type: int32"),
        (
            '{"inputs": [{"b64": 1}]}',
            {"x": STRING},
            _ECHO + '{\n    "b64": 1\n} not formatted correctly for base64 data',
        ),
        ('{"inputs": {"b64": "-_"}}', {"x": STRING}, "Unable to base64 decode"),
        (
            '{"inputs": [[1, 2], [3]]}',
            {"x": FLOAT},
            "Encountered list at unexpected size: 1 at level: 1 expected size: 2",
        ),
        ('{"inputs": [1, [2]]}', {"x": FLOAT}, "Encountered list at unexpected level: 1 expected < 1"),
        (
            '{"inputs": [[1], 2.0]}',
            {"x": FLOAT},
            _ECHO + "2.0 found at incorrect level: 2 in the JSON DOM. Expected at level: 2",
        ),
        ('{"inputs": {}}', {"x": FLOAT}, "Missing named input: x in 'inputs' object."),
        (
            '{"inputs": [1]}',
            {"a": FLOAT, "b": FLOAT},
            (
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                "tensorinfo_map"
            ),
        ),
        (
            '{"instances": [1]}',
            {"a": FLOAT, "b": FLOAT},
            (
                "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
                "tensorinfo_map"
            ),
        ),
        ('{"instances": [{"x": 1}, 2]}', {"x": FLOAT}, "Expecting object but got list at item 1 of input list"),
        ('{"instances": [1, {"x": 2}]}', {"x": FLOAT}, "Expecting value/list but got object at item 1 of input list"),
        (
            '{"instances": [{"foo": 1}]}',
            {"x": FLOAT},
            _ROW
            + "0 key: foo of 'instances' list. Error: INVALID_ARGUMENT: JSON object: does not have named input: foo",
        ),
        (
            '{"instances": [{"b": 1}]}',
            {"b": FLOAT, "a": FLOAT},
            _ROW + "0 of 'instances' list. JSON object: {\n    \"b\": 1\n} keys must be equal to: a,b",
        ),
        (
            '{"instances": [[1, 2], [3]]}',
            {"x": FLOAT},
            _ROW + "1 of 'instances' list. Error: INVALID_ARGUMENT: Expecting tensor size: 2 but got: 1",
        ),
        (
            '{"instances": [[[1], [2]], [[3, 4]]]}',
            {"x": FLOAT},
            _ROW + "1 of 'instances' list. Error: INVALID_ARGUMENT: Expecting shape [2,1] but got: [1,2]",
        ),
        (
            '{"instances": [1]}',
            {"x": HALF},
            _ROW + "0 of 'instances' list. Error: UNIMPLEMENTED: Conversion of JSON Value: 1 to type: half",
        ),
    ],
)
def test_faults_are_told_in_the_servers_words(text: str, wanted: dict[str, Input], message: str) -> None:
    """The first fault in document order is named, with its place."""
    with pytest.raises(StatusError) as caught:
        fill_inputs(parse(text.encode()), wanted)
    assert (caught.value.code, caught.value.message) == ("INVALID_ARGUMENT", message)


def test_a_dtype_json_cannot_express_is_unimplemented_in_column_form() -> None:
    """The column form passes the conversion's own code on."""
    with pytest.raises(StatusError, match="Conversion of JSON Value: 1 to type: half") as caught:
        fill_inputs(parse(b'{"inputs": 1}'), {"x": HALF})
    assert caught.value.code == "UNIMPLEMENTED"


@pytest.mark.parametrize("rows", [1500, 5000])
def test_a_fault_far_down_is_found_at_its_row(rows: int) -> None:
    """Rows that are read in bulk keep their numbers."""
    body = json.dumps({"instances": [[0.5, 1.5]] * rows + [[0.5, "x"]]})
    with pytest.raises(StatusError, match=f"element: {rows} of"):
        fill_inputs(parse(body.encode()), {"x": FLOAT})


def test_large_rows_take_the_blocks_of_their_names() -> None:
    """Named rows of many numbers are stacked like short ones."""
    row = list(range(500))
    _, tensors = filled(json.dumps({"instances": [{"x": row}, {"x": row}]}))
    assert tensors == {"x": ([*map(float, row), *map(float, row)], (2, 500))}


@given(st.lists(st.lists(st.floats(-100, 100, width=32), min_size=2, max_size=2), min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
def test_rows_and_columns_give_the_same_values(rows: list[list[float]]) -> None:
    """Regular rows are the same tensor in either form."""
    by_rows = filled(json.dumps({"instances": rows}))[1]
    assert by_rows == filled(json.dumps({"inputs": rows}))[1]
    assert by_rows == filled(json.dumps({"instances": [{"x": row} for row in rows]}))[1]


def test_a_thousand_levels_are_a_tensor_of_rank_a_thousand() -> None:
    """Depth needs no recursion."""
    _, tensors = filled('{"inputs": ' + "[" * 1000 + "1" + "]" * 1000 + "}")
    assert tensors["x"][1] == (1,) * 1000


@given(data=st.binary(max_size=30), padded=st.booleans())
def test_base64_of_any_bytes_decodes(*, data: bytes, padded: bool) -> None:
    """Padding may be there or not."""
    text = base64.b64encode(data)
    assert decode_base64(text if padded else text.rstrip(b"=")) == data


@pytest.mark.parametrize("text", [b"!", b"A", b"AAAAA", b"-_-_", b"YWI==", b"=", b"YQ=a", b"YWJj="])
def test_broken_base64_is_refused(text: bytes) -> None:
    """Other alphabets, lone digits and misplaced padding are no base64."""
    assert decode_base64(text) is None


def test_base64_skips_white_space_and_takes_dots_for_padding() -> None:
    """Absl's decoder skips spaces, and a dot pads like an equals sign."""
    assert decode_base64(b" Y W\nI . ") == b"ab"
