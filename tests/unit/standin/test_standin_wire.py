"""Large tensors are cut out of requests without changing what the requests say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.protos import predict_pb2, tensor_pb2
from harness.standin.dtypes import BY_NUMBER
from harness.standin.tensor_decode import decode
from harness.standin.wire import cut_large_tensors, map_entry, read_varint, varint

_MANY = 20_000
_NUMBERS = {"float_val": 1, "double_val": 2, "scomplex_val": 8, "dcomplex_val": 18, "int_val": 3, "int64_val": 9}


def request(*fields: str, name: str = "x") -> Any:
    """A PredictRequest whose one input has many values in these fields, ``tensor_content`` among them."""
    message = predict_pb2.PredictRequest()
    message.model_spec.name = "m"
    message.output_filter.append("y")
    message.inputs["small"].float_val.append(1.0)
    tensor = message.inputs[name]
    tensor.dtype = _NUMBERS.get(fields[0], 1)
    for field in fields:
        if field == "tensor_content":
            tensor.tensor_content = np.arange(_MANY, dtype=np.float32).tobytes()
        else:
            getattr(tensor, field).extend(range(_MANY))
    dtype = BY_NUMBER[tensor.dtype]
    tensor.tensor_shape.dim.add(size=_MANY // dtype.per_element)
    return message


@given(st.integers(0, 2**64 - 1))
def test_numbers_come_back(number: int) -> None:
    """A varint is read as it was written, to its end."""
    assert read_varint(varint(number) + b"rest", 0) == (number, len(varint(number)))


@pytest.mark.parametrize("field", ["tensor_content", *_NUMBERS])
def test_the_tensor_is_the_same_without_its_field(field: str) -> None:
    """What is decoded from the two parts is what the whole would give."""
    message = request(field)
    wire, large = cut_large_tensors(message.SerializeToString())
    assert ("x" in large) == (field not in {"int_val", "int64_val"}), "varints cannot be viewed as an array"
    parsed = predict_pb2.PredictRequest.FromString(wire)
    assert parsed.model_spec == message.model_spec
    assert parsed.inputs["small"] == message.inputs["small"]
    expected, seen = decode(message.inputs["x"]), decode(parsed.inputs["x"], large.get("x"))
    assert isinstance(expected, np.ndarray)
    assert isinstance(seen, np.ndarray)
    assert seen.dtype == expected.dtype
    assert np.array_equal(seen, expected)


def test_content_wins_over_large_values() -> None:
    """With both given, tensor_content counts, and such a request is left to the parser."""
    message = request("tensor_content", "float_val")
    wire, large = cut_large_tensors(message.SerializeToString())
    assert not large
    assert predict_pb2.PredictRequest.FromString(wire) == message


def test_values_of_another_dtype_are_not_seen() -> None:
    """A large field that is not the dtype's own gives zeros, cut out or not (behaviour item 50)."""
    message = request("double_val")
    message.inputs["x"].dtype = 1
    wire, large = cut_large_tensors(message.SerializeToString())
    tensor = decode(predict_pb2.PredictRequest.FromString(wire).inputs["x"], large["x"])
    assert isinstance(tensor, np.ndarray)
    assert not tensor.any()


def test_small_requests_are_left_alone() -> None:
    """A request without anything large is not even looked at."""
    wire = predict_pb2.PredictRequest().SerializeToString()
    assert cut_large_tensors(wire) == (wire, {})


@pytest.mark.parametrize("change", ["twice", "cut short", "no text", "odd length"])
def test_the_unusual_is_left_to_the_parser(change: str) -> None:
    """Whatever only a full parse can judge comes back as it is."""
    wire = request("float_val").SerializeToString()
    if change == "twice":
        wire += request("float_val").SerializeToString()
    elif change == "cut short":
        wire = wire[:-1]
    elif change == "no text":
        wire = request("float_val", name="name").SerializeToString().replace(b"name", b"\xff\xff\xff\xff")
    else:
        odd = b"\x08\x01" + b"\x2a" + varint(70_001) + bytes(70_001)
        entry = b"\x0a\x01x\x12" + varint(len(odd)) + odd
        wire = b"\x12" + varint(len(entry)) + entry
    assert cut_large_tensors(wire) == (wire, {})


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(0, 300))
def test_junk_never_raises(junk: bytes, position: int) -> None:
    """Any bytes come back as some bytes that parse as the original does."""
    wire = bytes(request("float_val").SerializeToString())
    cut_large_tensors(wire[:position] + junk + wire[position:])


def test_large_arrays_are_ready_to_be_fed() -> None:
    """A large array is writeable and on a 64-byte border, so TensorFlow does not copy it again."""
    message = request("tensor_content")
    tensor = decode(message.inputs["x"])
    assert isinstance(tensor, np.ndarray)
    assert tensor.flags.writeable
    assert tensor.ctypes.data % 64 == 0


def test_an_entry_in_parts_joins_the_message_around_it() -> None:
    """A serialised response followed by a map's entry is the response with that entry."""
    response = predict_pb2.PredictResponse()
    response.model_spec.name = "m"
    tensor = tensor_pb2.TensorProto(dtype=1, float_val=[1.0] * 300)
    value = tensor.SerializeToString()
    wire = response.SerializeToString() + b"".join(map_entry(1, "naïve", [value[:7], value[7:]]))
    response.outputs["naïve"].CopyFrom(tensor)
    assert predict_pb2.PredictResponse.FromString(wire) == response
