"""TensorProtos are read as TensorFlow's own Tensor::FromProto reads them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.protos import config_pb2, load, tensor_pb2
from harness.standin.dtypes import BY_NUMBER, DType
from harness.standin.session import Session
from harness.standin.status import StatusError
from harness.standin.tensor_decode import Opaque, decode

_FEEDABLE = [dtype for dtype in BY_NUMBER.values() if dtype.numpy is not None and not dtype.name.startswith("float8")]


@cache
def parse_tensor_session(dtype: int) -> Session:
    """A graph with TensorFlow's ParseTensor op, which is Tensor::FromProto, for one dtype."""
    graph = load("meta_graph_pb2").MetaGraphDef().graph_def
    text = graph.node.add(name="text", op="Placeholder")
    text.attr["dtype"].type = 7
    parse = graph.node.add(name="parse", op="ParseTensor", input=["text"])
    parse.attr["out_type"].type = dtype
    return Session(graph, config_pb2.ConfigProto(device_count={"GPU": 0}))


def parsed_by_tensorflow(proto: Any) -> np.ndarray[Any, Any] | None:
    """What TensorFlow makes of a TensorProto, None if it refuses it."""
    data = np.array(proto.SerializeToString(), dtype=object)
    try:
        return parse_tensor_session(proto.dtype).run({"text:0": data}, ["parse:0"])[0]
    except StatusError as error:
        if "parse tensor" in error.message:
            return None
        raise


def as_bytes(tensor: Any, dtype: DType) -> Any:
    """A tensor's elements for an exact comparison: NaN equals itself, and so does -0.0."""
    flat = np.asarray(tensor).reshape(-1)
    if dtype.name in {"int4", "uint4"}:  # half of each byte means nothing
        return flat.astype(np.int8).tolist()
    return flat.tolist() if dtype.name == "string" else flat.tobytes()


@st.composite
def protos(draw: st.DrawFn) -> Any:
    """TensorProtos with too few, too many, enough or no values, in the right field, a wrong one, or as content."""
    dtype = draw(st.sampled_from(_FEEDABLE))
    proto = tensor_pb2.TensorProto(dtype=dtype.number)
    for size in draw(st.lists(st.integers(-1, 3), max_size=3)):
        proto.tensor_shape.dim.add(size=size, name=draw(st.sampled_from(["", "rows"])))
    proto.tensor_shape.unknown_rank = draw(st.booleans())
    proto.version_number = draw(st.integers(0, 3))
    values = {
        "float_val": st.floats(width=32),
        "double_val": st.floats(),
        "scomplex_val": st.floats(width=32),
        "dcomplex_val": st.floats(),
        "int_val": st.integers(-(2**31), 2**31 - 1),
        "half_val": st.integers(-(2**31), 2**31 - 1),
        "int64_val": st.integers(-(2**63), 2**63 - 1),
        "uint32_val": st.integers(0, 2**32 - 1),
        "uint64_val": st.integers(0, 2**64 - 1),
        "bool_val": st.booleans(),
        "string_val": st.binary(max_size=4),
    }
    fields = draw(st.lists(st.sampled_from([dtype.field, *values]), max_size=2, unique=True))
    for field in fields:
        getattr(proto, field).extend(draw(st.lists(values[field], max_size=8)))
    if draw(st.integers(0, 3)) == 0:
        proto.tensor_content = draw(st.binary(max_size=24))
    return proto


@settings(max_examples=400, deadline=None)
@given(protos())
def test_any_proto_is_read_as_tensorflow_reads_it(proto: Any) -> None:
    """Values, repeats, cuts, zeros and refusals are those of TensorFlow's own parser."""
    dtype = BY_NUMBER[proto.dtype]
    expected, seen = parsed_by_tensorflow(proto), decode(proto)
    if expected is None:
        assert seen is None
        return
    assert isinstance(seen, np.ndarray)
    assert seen.shape == np.shape(expected)
    assert as_bytes(seen, dtype) == as_bytes(expected, dtype)


@pytest.mark.parametrize("dtype", [0, 101, 107, 99, 250])
def test_unknown_and_reference_dtypes_are_refused(dtype: int) -> None:
    """DT_INVALID, reference dtypes and numbers without a dtype are no tensor."""
    assert decode(tensor_pb2.TensorProto(dtype=dtype)) is None


@pytest.mark.parametrize("sizes", [[2**62, 4], [2**40, 2**40], [1] * 255, [0, -1]])
def test_impossible_shapes_are_refused(sizes: list[int]) -> None:
    """Too many elements, too many dimensions and negative sizes are no tensor."""
    proto = tensor_pb2.TensorProto(dtype=1)
    for size in sizes:
        proto.tensor_shape.dim.add(size=size)
    assert decode(proto) is None


def test_the_most_dimensions_are_those_of_an_array() -> None:
    """A tensor of 64 dimensions is read; beyond that NumPy has no array, where TensorFlow would go on to 254."""
    proto = tensor_pb2.TensorProto(dtype=1, float_val=[2.5])
    for _ in range(64):
        proto.tensor_shape.dim.add(size=1)
    tensor = decode(proto)
    assert isinstance(tensor, np.ndarray)
    assert tensor.shape == (1,) * 64


@pytest.mark.parametrize("field", ["float_val", "double_val", "scomplex_val", "dcomplex_val"])
@pytest.mark.parametrize("name", ["", "rows"])
def test_many_values_are_read_like_few(field: str, name: str) -> None:
    """Long lists of numbers, which are read from the wire form, come out as they went in."""
    dtype = next(dtype for dtype in _FEEDABLE if dtype.field == field)
    values = [number / 4 for number in range(-200, 400)]
    proto = tensor_pb2.TensorProto(dtype=dtype.number, version_number=7, int_val=[5])
    proto.tensor_shape.dim.add(size=len(values) // dtype.per_element, name=name)
    getattr(proto, field).extend(values)
    tensor, expected = decode(proto), parsed_by_tensorflow(proto)
    assert isinstance(tensor, np.ndarray)
    assert expected is not None
    assert tensor.tolist() == expected.tolist()


def test_a_variant_is_opaque() -> None:
    """A variant is read, as something that no array can hold."""
    tensor = decode(tensor_pb2.TensorProto(dtype=21))
    assert isinstance(tensor, Opaque)
    assert tensor.dtype.name == "variant"
