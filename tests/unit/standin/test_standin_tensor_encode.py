"""Arrays become TensorProtos with typed fields, which come back as the same arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.protos import tensor_pb2
from harness.standin.dtypes import BY_NUMBER, DType
from harness.standin.tensor_decode import decode
from harness.standin.tensor_encode import encode, encode_large

_DTYPES = [dtype for dtype in BY_NUMBER.values() if dtype.numpy is not None]


def array(dtype: DType, shape: tuple[int, ...], seed: int) -> np.ndarray[Any, Any]:
    """An array of that dtype with arbitrary contents."""
    count = int(np.prod(shape))
    generator = np.random.default_rng(seed)
    if dtype.name == "string":
        flat = np.empty(count, object)
        flat[:] = [generator.bytes(3) for _ in range(count)]
        return flat.reshape(shape)
    assert dtype.numpy is not None
    if dtype.name in {"bool", "int4", "uint4"}:
        return generator.integers(0, 2, count).astype(dtype.numpy).reshape(shape)
    return np.frombuffer(generator.bytes(count * dtype.numpy.itemsize), dtype.numpy).reshape(shape)


@settings(deadline=None)
@given(st.sampled_from(_DTYPES), st.lists(st.integers(0, 9), max_size=3), st.booleans(), st.integers(0, 99))
def test_arrays_come_back(dtype: DType, shape: list[int], content: bool, seed: int) -> None:  # noqa: FBT001
    """Encoding and decoding give the same values, dtype and shape, in the typed field as in tensor_content."""
    original = array(dtype, tuple(shape), seed)
    proto = encode(original, tensor_content=content)
    assert proto.dtype == dtype.number
    tensor = decode(proto)
    assert isinstance(tensor, np.ndarray)
    assert tensor.shape == original.shape
    assert tensor.dtype == original.dtype
    if dtype.numpy is not None and dtype.numpy.kind in "fc":
        assert np.array_equal(tensor, original, equal_nan=True)
    elif dtype.name == "string":
        assert tensor.tolist() == original.tolist()
    else:
        assert tensor.tobytes() == original.tobytes()


@pytest.mark.parametrize("dtype", _DTYPES, ids=lambda dtype: dtype.name)
def test_values_go_into_the_typed_field(dtype: DType) -> None:
    """Without the flag tensor_content stays empty, with it the typed field (behaviour item 60)."""
    values = array(dtype, (3,), 1)
    typed, packed = encode(values), encode(values, tensor_content=True)
    assert not typed.tensor_content
    assert len(getattr(typed, dtype.field)) == 3 * dtype.per_element
    assert packed.tensor_content
    assert not getattr(packed, dtype.field)


def test_a_scalar_has_a_shape_without_dimensions() -> None:
    """The shape is always there (behaviour item 61)."""
    proto = encode(np.float32(2.5))
    assert proto.HasField("tensor_shape")
    assert not proto.tensor_shape.dim
    assert list(proto.float_val) == [2.5]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_large_arrays_are_encoded_like_small_ones(dtype: type) -> None:
    """The short way for many numbers writes what the long way writes, transposed arrays included."""
    values = np.arange(600).reshape(20, 30).T.astype(dtype)
    proto = encode(values)
    field = BY_NUMBER[proto.dtype].field
    flat = values.reshape(-1)
    numbers = flat.view(flat.real.dtype) if np.iscomplexobj(flat) else flat
    assert list(getattr(proto, field)) == numbers.tolist()


@pytest.mark.parametrize("tensor_content", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128, np.int64, np.uint8])
def test_a_large_tensor_in_parts_is_the_same_message(dtype: type, *, tensor_content: bool) -> None:
    """The parts joined are what encode() serialises to; the elements are not copied for it."""
    array = (np.arange(1 << 17) % 251).astype(dtype).reshape(2, -1)[:, ::1]
    parts = encode_large(array, tensor_content=tensor_content)
    if parts is None:
        assert not tensor_content
        assert dtype in (np.int64, np.uint8)
        return
    assert tensor_pb2.TensorProto.FromString(b"".join(parts)) == encode(array, tensor_content=tensor_content)
    assert np.shares_memory(np.frombuffer(parts[-1], np.uint8), array)


def test_an_array_with_gaps_is_encoded_in_order() -> None:
    """What does not lie in one piece is put into one first."""
    array = np.arange(1 << 16, dtype=np.float32).reshape(256, 256).T
    parts = encode_large(array)
    assert parts is not None
    assert tensor_pb2.TensorProto.FromString(b"".join(parts)) == encode(array)


def test_small_tensors_and_texts_have_no_parts() -> None:
    """They go the ordinary way."""
    assert encode_large(np.zeros(10, np.float32)) is None
    assert encode_large(np.full(1 << 17, b"x", object), tensor_content=True) is None
