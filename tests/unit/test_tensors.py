"""Values, arrays and TensorProtos, against TensorFlow's own encoder and decoder."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.dtypes import DTYPES, DType, dtype_of_enum, dtype_of_name
from harness.errors import TensorError
from harness.protos import tensor_pb2
from harness.tensors import as_array, fill_proto, from_proto, to_proto

_HELD = [row for row in DTYPES if row.numpy_name is not None]
_PLAIN = [row for row in _HELD if not row.name.startswith("q")]


def _samples(row: DType, shape: tuple[int, ...] = (2, 3)) -> np.ndarray:
    """Six values of a dtype, not all alike."""
    if row.is_string:
        values = np.empty(6, dtype=object)
        values[:] = [b"", b"a\0", b"\0", b"\xff\xfe", "é".encode(), b"x" * 300]
        return values.reshape(shape)
    if row.kind == "complex":
        return (np.arange(6) - 1j * np.arange(6)).astype(row.numpy).reshape(shape)
    return (np.arange(6) % 2).astype(row.numpy).reshape(shape)


def _typed(row: DType, array: np.ndarray) -> Any:
    """The same tensor in its typed field, as tensorflow_model_server answers (behaviour item 60)."""
    proto = tensor_pb2.TensorProto(dtype=row.enum)
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    flat = array.reshape(-1)
    if row.field == "float8_val":
        proto.float8_val = flat.tobytes()
    elif row.field == "half_val":
        proto.half_val.extend(flat.view(np.uint16).tolist())
    elif row.kind == "complex":
        parts = flat.view(np.float32 if row.name == "complex64" else np.float64)
        getattr(proto, str(row.field)).extend(parts.tolist())
    else:
        values = flat if row.is_native else flat.astype(np.int32)
        getattr(proto, str(row.field)).extend(values.tolist())
    return proto


def _assert_same(got: np.ndarray, expected: np.ndarray) -> None:
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    assert got.tobytes() == expected.tobytes() if got.dtype != object else got.tolist() == expected.tolist()


@pytest.mark.parametrize("shape", [(6,), (2, 3), (1, 6, 1)])
@pytest.mark.parametrize("row", _HELD, ids=lambda row: row.name)
def test_every_dtype_comes_back_from_its_own_proto(row: DType, shape: tuple[int, ...]) -> None:
    """Encoded and decoded, an array of any dtype and shape is bit for bit what it was."""
    array = _samples(row, shape)
    proto = to_proto(array, row)
    assert proto.dtype == row.enum
    _assert_same(from_proto(proto), array)


@pytest.mark.parametrize("row", _HELD, ids=lambda row: row.name)
def test_typed_values_are_read(row: DType) -> None:
    """A tensor in typed fields is the same array, and one that can be written into."""
    array = _samples(row)
    got = from_proto(_typed(row, array))
    _assert_same(got, array)
    got[0, 0] = got[1, 1]


@pytest.mark.parametrize("row", _HELD, ids=lambda row: row.name)
@pytest.mark.parametrize("given_values", [0, 1, 2])
def test_the_last_typed_value_is_repeated(row: DType, given_values: int) -> None:
    """Fewer values than elements: the last is repeated; none: zeros or empty strings (behaviour item 50)."""
    array = _samples(row, (6,))
    proto = _typed(row, array[:given_values])
    proto.tensor_shape.dim[0].size = 4
    zero = b"" if row.is_string else row.numpy.type(0)
    expected = array[:4].copy()
    for index in range(given_values, 4):
        expected[index] = array[given_values - 1] if given_values else zero
    _assert_same(from_proto(proto), expected)


@pytest.mark.parametrize("row", _HELD, ids=lambda row: row.name)
def test_surplus_typed_values_are_refused(row: DType) -> None:
    """More values than the shape has elements are an error, named with both counts."""
    proto = _typed(row, _samples(row, (6,)))
    proto.tensor_shape.dim[0].size = 5
    with pytest.raises(TensorError, match=r"y: 6 values for the 5 elements of shape \[5\]"):
        from_proto(proto, name="y")


@pytest.mark.parametrize("row", [row for row in _PLAIN if not row.is_string], ids=lambda row: row.name)
@pytest.mark.parametrize("content", [b"\0" * 3, b"\0" * 100])
def test_content_of_another_length_is_refused(row: DType, content: bytes) -> None:
    """tensor_content that does not fit the shape is an error, named with both lengths."""
    proto = tensor_pb2.TensorProto(dtype=row.enum, tensor_content=content)
    proto.tensor_shape.dim.add(size=5)
    wanted = 5 * row.numpy.itemsize
    with pytest.raises(TensorError, match=rf"holds {len(content)} bytes, but {row.name} \[5\] takes {wanted}"):
        from_proto(proto)


def test_content_wins_over_typed_values() -> None:
    """Where both are set, tensor_content counts (behaviour item 50)."""
    proto = to_proto(np.array([1.5], np.float32))
    proto.float_val.append(2.5)
    assert from_proto(proto).tolist() == [1.5]


def test_values_in_another_dtypes_field_are_not_seen() -> None:
    """A float tensor whose values stand in int_val is all zeros (behaviour item 50)."""
    proto = tensor_pb2.TensorProto(dtype=1, int_val=[7])
    proto.tensor_shape.dim.add(size=2)
    assert from_proto(proto).tolist() == [0.0, 0.0]


def test_int_val_wraps_into_narrow_dtypes() -> None:
    """An int_val beyond int8 wraps, as TensorFlow reads it (behaviour item 50)."""
    proto = tensor_pb2.TensorProto(dtype=dtype_of_name("int8").enum, int_val=[300])
    proto.tensor_shape.dim.add(size=1)
    assert from_proto(proto).tolist() == [44]


@pytest.mark.parametrize(
    ("fields", "sizes", "text"),
    [
        ({"dtype": 1}, [-1], r"must be known, but it is \[-1\]"),
        ({"dtype": 1}, [2, -5], r"must be known, but it is \[2, -5\]"),
        ({"dtype": 0}, [], "invalid tensors cannot be held"),
        ({"dtype": 20}, [], "resource tensors cannot be held"),
        ({"dtype": 21, "tensor_content": b"x"}, [], "variant tensors cannot be held"),
        ({"dtype": 101}, [], "101 is not a TensorFlow dtype"),
        ({"dtype": 8, "scomplex_val": [1, 2, 3]}, [2], "3 parts of complex numbers"),
        ({"dtype": 1, "float_val": [1.0]}, [2**31, 2**31, 2**31], "does not fit into memory"),
    ],
)
def test_unreadable_protos_say_why(fields: dict[str, Any], sizes: list[int], text: str) -> None:
    """A proto that is no array is refused with what it is."""
    proto = tensor_pb2.TensorProto(**fields)
    for size in sizes:
        proto.tensor_shape.dim.add(size=size)
    with pytest.raises(TensorError, match=text):
        from_proto(proto)


def test_an_unknown_rank_is_refused() -> None:
    """A tensor of unknown rank has no shape to take."""
    proto = tensor_pb2.TensorProto(dtype=1)
    proto.tensor_shape.unknown_rank = True
    with pytest.raises(TensorError, match="of unknown rank"):
        from_proto(proto)


@pytest.mark.parametrize("row", _PLAIN, ids=lambda row: row.name)
def test_protos_are_tensorflows_own(row: DType, tf: Any) -> None:
    """tf.make_ndarray reads our protos, and we read those of tf.make_tensor_proto."""
    array = _samples(row)
    _assert_same(from_proto(tf.make_tensor_proto(array)), array)
    theirs = tf.make_ndarray(to_proto(array))
    assert theirs.shape == array.shape
    assert theirs.tolist() == array.tolist()


# tf.make_tensor_proto cannot encode single values of these.
_SINGLE = [row for row in _PLAIN if row.name not in {"float8_e4m3fnuz", "float8_e4m3b11fnuz", "float8_e5m2fnuz"}]


# TensorFlow 2.21 sets an array's dtype in place, which NumPy 2.5 has begun to discourage.
@pytest.mark.filterwarnings("ignore:Setting the dtype:DeprecationWarning")
@pytest.mark.parametrize("row", _SINGLE, ids=lambda row: row.name)
def test_single_values_and_empty_tensors_agree_with_tensorflow(row: DType, tf: Any) -> None:
    """Scalars and tensors without elements go both ways, too."""
    for array in (_samples(row, (6,))[1:2].reshape(()), _samples(row, (6,))[:0].reshape(0, 2)):
        _assert_same(from_proto(tf.make_tensor_proto(array)), array)
        if array.size or row.field != "float8_val":  # TensorFlow cannot read back its own empty tensors of these
            assert tf.make_ndarray(to_proto(array)).tolist() == array.tolist()


_KERNELS = [row for row in _PLAIN if not row.name.startswith(("float8", "float4", "int2", "uint2", "int4", "uint4"))]


@pytest.mark.parametrize("row", _KERNELS, ids=lambda row: row.name)
def test_the_runtime_reads_our_protos(row: DType, tf: Any) -> None:
    """TensorFlow's C++ decoder, which servers use, takes our bytes for the same tensor."""
    array = _samples(row)
    parsed = tf.io.parse_tensor(to_proto(array).SerializeToString(), tf.dtypes.as_dtype(row.enum))
    assert parsed.numpy().tolist() == array.tolist()


def _packed(strings: list[bytes]) -> Any:
    """Strings in tensor_content: lengths as varints, then the bytes."""
    lengths = b"".join(bytes([len(s)]) if len(s) < 128 else bytes([len(s) % 128 + 128, len(s) // 128]) for s in strings)
    proto = tensor_pb2.TensorProto(dtype=7, tensor_content=lengths + b"".join(strings))
    proto.tensor_shape.dim.add(size=len(strings))
    return proto


@pytest.mark.parametrize("strings", [[b"a"], [b"", b"a\0b", b"\xff"], [b"x" * 300, b"y" * 127, b"z" * 128], [b""] * 3])
def test_packed_strings_are_read_as_the_runtime_reads_them(strings: list[bytes], tf: Any) -> None:
    """String tensors in tensor_content (--enable_serialization_as_tensor_content) are read like TensorFlow does."""
    proto = _packed(strings)
    assert tf.io.parse_tensor(proto.SerializeToString(), tf.string).numpy().tolist() == strings
    assert from_proto(proto).tolist() == strings


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\x05abc", "its 1 strings take 6"),
        (b"\x01abc", "its 1 strings take 2"),
        (b"\x80", "ends within the lengths"),
        (b"\xff" * 12, "ends within the lengths"),
    ],
)
def test_torn_packed_strings_are_refused(content: bytes, text: str) -> None:
    """Packed strings whose lengths do not fit the content are an error."""
    proto = tensor_pb2.TensorProto(dtype=7, tensor_content=content)
    proto.tensor_shape.dim.add(size=1)
    with pytest.raises(TensorError, match=text):
        from_proto(proto)


_NUMBERS = [row.numpy for row in _PLAIN if not row.is_string and row.is_native]


@given(data=st.data())
def test_any_numbers_survive(data: st.DataObject) -> None:
    """Any array of numbers, whatever its memory layout and byte order, comes back as it was."""
    dtype = data.draw(st.sampled_from(_NUMBERS))
    array = data.draw(hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)))
    for form in (
        array,
        np.asfortranarray(array),
        array.astype(dtype.newbyteorder()),
        array[..., ::-1].T if array.ndim else array,
    ):
        got = from_proto(to_proto(form))
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, form)


@given(values=st.lists(st.binary(max_size=20), max_size=6))
def test_any_bytes_survive(values: list[bytes]) -> None:
    """Byte strings of any content, NULs and broken UTF-8 among them, come back as they were."""
    assert from_proto(to_proto(as_array(values, "string"))).tolist() == values


@pytest.mark.parametrize("name", ["qint8", "quint8", "qint16", "quint16", "qint32"])
def test_quantised_dtypes_are_asked_for_by_name(name: str) -> None:
    """A quantised tensor is sent from a plain integer array, if the dtype is given."""
    row = dtype_of_name(name)
    array = np.array([1, 2], row.numpy)
    assert dtype_of_enum(to_proto(array).dtype).name == row.numpy.name
    assert dtype_of_enum(to_proto(array, row).dtype) is row


def test_an_array_of_another_dtype_than_asked_for_is_refused() -> None:
    """int64 values are not sent as qint8 bytes; the proto stays empty."""
    proto = tensor_pb2.TensorProto()
    with pytest.raises(TensorError, match="x: qint8 is sent from arrays of int8, but this one is int64"):
        fill_proto(proto, np.array([1]), dtype_of_name("qint8"), name="x")
    assert proto == tensor_pb2.TensorProto()


def test_a_refused_string_tensor_leaves_the_proto_empty() -> None:
    """Numbers among the strings are refused before anything is written."""
    proto = tensor_pb2.TensorProto()
    with pytest.raises(TensorError, match=r"x: a string tensor holds str or bytes, but element 1 is int \(2\)"):
        fill_proto(proto, np.array(["a", 2], dtype=object), name="x")
    assert proto == tensor_pb2.TensorProto()
