"""Values <-> NumPy arrays <-> TensorProto.

Encoding writes ``tensor_content`` (one copy of the bytes); decoding reads either form, since tensorflow_model_server
answers with the typed fields (behaviour item 60) unless it is told otherwise. The JSON forms are in
``harness.tensors_json``.
"""

from __future__ import annotations

import math
import sys
from functools import lru_cache
from typing import Any

import numpy as np

from harness.casting import cast
from harness.dtypes import DTYPES, DType, dtype_of_array, dtype_of_enum, dtype_of_name
from harness.errors import TensorError
from harness.protos import tensor_pb2, tensor_shape_pb2
from harness.text_values import as_bytes, byte_array, byte_list, split_packed

__all__ = ["as_array", "fill_proto", "from_proto", "to_proto"]

_IS_LITTLE_ENDIAN = sys.byteorder == "little"
_FEW = 128
_PAIRED_FIELDS = {"scomplex_val": np.float32, "dcomplex_val": np.float64}
# Fields that hold the values themselves in their own width, by dtype number.
_PLAIN_FIELDS: dict[int, tuple[str, np.dtype]] = {
    row.enum: (row.field, row.numpy)
    for row in map(dtype_of_name, ("float32", "float64", "int32", "int64", "uint32", "uint64", "bool"))
    if row.field is not None
}
_NO_FIELD = ("", np.dtype(np.float32))
# Dtypes whose bytes in memory are the content; on big-endian machines only those of one byte are.
_PLAIN_NUMBERS: dict[np.dtype, int] = {
    row.numpy: row.enum
    for row in DTYPES
    if row.is_native and not row.is_string and not row.name.startswith("q")
    if _IS_LITTLE_ENDIAN or row.numpy.itemsize == 1
}


def as_array(value: Any, dtype: str | DType | None = None, *, name: str = "value") -> np.ndarray:
    """Return a value as an array of the wanted dtype, shape as given.

    Args:
        value: an array (or what gives one: a tf.Tensor, a pandas column), a scalar, ``bytes``, ``str``, or nested
            lists of them.
        dtype: TensorFlow dtype name; None takes an array as it is and NumPy's choice for Python values.
        name: what messages call the value, e.g. the input's name.

    Returns:
        Array of any shape; string tensors are object arrays of ``bytes``. An array that already has the dtype is
        returned itself, not copied.

    Raises:
        TensorError: ragged lists, text that is not UTF-8, or values the dtype cannot hold (numbers for strings, 300
            for uint8, 1.5 for int32). Rounding to a float type is no error, as it is none in TensorFlow.
    """
    wanted = dtype_of_name(dtype) if isinstance(dtype, str) else dtype
    array = _given(value, wanted, name)
    row = wanted if wanted is not None else _dtype_of(array, name)
    if row.is_string:
        return as_bytes(array, name)
    if array.dtype.kind in "OSUT":
        raise TensorError(f"{name}: {row.name} wanted, but the value holds text or objects (NumPy {array.dtype})")
    return cast(array, row, name=name)


def _given(value: Any, wanted: DType | None, name: str) -> np.ndarray:
    """Return the array NumPy makes of a value, with text kept in Python objects."""
    if isinstance(value, np.ndarray):
        return value
    try:
        if isinstance(value, str | bytes) or (wanted is not None and wanted.is_string):
            return np.array(value, dtype=object)
        array = _numbers(value)
        if array is None:
            return np.array(value, dtype=object)
    except (ValueError, TypeError) as exc:
        raise TensorError(f"{name}: no rectangular array can be made of this {type(value).__name__} ({exc})") from exc
    if array.dtype.kind == "O":
        _refuse_huge_integers(array, name)
    return array


def _numbers(value: Any) -> np.ndarray | None:
    """Return NumPy's choice, or None for text: NumPy drops its trailing NUL bytes and makes text of all beside it."""
    try:
        array = np.asarray(value)
    except UnicodeError:  # text beside bytes that are not ASCII
        return None
    return None if array.dtype.kind in "SU" else array


def _refuse_huge_integers(array: np.ndarray, name: str) -> None:
    """NumPy turns integers beyond 64 bits into objects, which would be reported as bad text."""
    huge = next((element for element in array.reshape(-1).tolist() if type(element) is int), None)
    if huge is not None and all(isinstance(element, int | float) for element in array.reshape(-1).tolist()):
        raise TensorError(f"{name}: no tensor holds integers beyond 64 bits, as there are around {huge}")


def _dtype_of(array: np.ndarray, name: str) -> DType:
    try:
        return dtype_of_array(array)
    except TensorError as exc:
        raise TensorError(f"{name}: {exc}") from None


@lru_cache(maxsize=4096)
def _shape_proto(shape: tuple[int, ...]) -> Any:
    return tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=n) for n in shape])


def fill_proto(proto: Any, array: np.ndarray, dtype: DType | None = None, *, name: str = "value") -> None:
    """Write an array into an empty TensorProto: ``tensor_content`` for numbers, ``string_val`` for strings.

    Args:
        proto: the message to fill, e.g. ``request.inputs["image"]``; filling in place saves a copy of the bytes.
        array: values of any shape, byte order and memory layout.
        dtype: the row of the dtype table, where the array's own type leaves a choice (quantised types).
        name: what messages call the value, e.g. the input's name.

    Raises:
        TensorError: TensorFlow has no such dtype, or the array is not of the dtype asked for. The proto is as it was.
    """
    number = None if dtype is not None else _PLAIN_NUMBERS.get(array.dtype)
    if number is not None:  # the common case in as few steps as can be
        proto.dtype = number
        proto.tensor_shape.MergeFrom(_shape_proto(array.shape))
        proto.tensor_content = array.tobytes()
        return
    row = _dtype_of(array, name) if dtype is None else _checked(array, dtype, name)
    strings = byte_list(array, name) if row.is_string else ()
    proto.dtype = row.enum
    proto.tensor_shape.MergeFrom(_shape_proto(array.shape))
    if row.is_string:
        proto.string_val.extend(strings)
    elif row.field == "int_val" and not row.is_native:  # four bits and fewer: TensorFlow writes them typed
        proto.int_val.extend(array.astype(np.int32).reshape(-1).tolist())
    else:
        proto.tensor_content = _little_endian(array).tobytes()


def _checked(array: np.ndarray, dtype: DType, name: str) -> DType:
    own = _dtype_of(array, name)
    if own.numpy_name != dtype.numpy_name:
        raise TensorError(
            f"{name}: {dtype.name} is sent from arrays of {dtype.numpy}, but this one is {own.numpy}; use as_array()"
        )
    return dtype


def _little_endian(array: np.ndarray) -> np.ndarray:
    """``tensor_content`` has little-endian bytes on every machine."""
    if _IS_LITTLE_ENDIAN and array.dtype.isnative:
        return array
    return array.astype(array.dtype.newbyteorder("<"))


def to_proto(array: np.ndarray, dtype: DType | None = None) -> Any:
    """Return a new TensorProto of an array, see ``fill_proto``."""
    proto = tensor_pb2.TensorProto()
    fill_proto(proto, array, dtype)
    return proto


def from_proto(proto: Any, *, name: str = "tensor") -> np.ndarray:
    """Return the array of a TensorProto.

    Fewer typed values than elements repeat the last one, none give zeros or ``b""``, and ``tensor_content`` wins over
    typed values, as TensorFlow reads them (behaviour item 50); everything else that does not fit the shape is an error.

    Returns:
        A writable array of the proto's shape; string tensors are object arrays of ``bytes``.

    Raises:
        TensorError: unknown dtype, unknown or negative dimensions, content of the wrong length, surplus values, or
            more elements than this machine's memory holds.
    """
    shape_proto = proto.tensor_shape
    shape = tuple([dim.size for dim in shape_proto.dim])
    if shape_proto.unknown_rank or (shape and min(shape) < 0):
        seen = "of unknown rank" if shape_proto.unknown_rank else list(shape)
        raise TensorError(f"{name}: a tensor's shape must be known, but it is {seen}")
    content = proto.tensor_content
    field, plain = _PLAIN_FIELDS.get(proto.dtype, _NO_FIELD)
    if not content and field:  # what servers answer to most models: read with as few steps as can be
        values = _numbers_of(getattr(proto, field), plain)
        return values.reshape(shape) if values.size == math.prod(shape) else _spread(values, shape, name)
    dtype = dtype_of_enum(proto.dtype)
    if dtype.numpy_name is None:
        raise TensorError(f"{name}: {dtype.name} tensors cannot be held in a NumPy array")
    return (
        _from_content(content, dtype, shape, name)
        if content
        else _spread(_typed_values(proto, dtype, name), shape, name)
    )


def _spread(values: np.ndarray, shape: tuple[int, ...], name: str) -> np.ndarray:
    """Give typed values their shape, the last one repeated as often as it takes."""
    count = math.prod(shape)
    if values.size > count:
        raise TensorError(f"{name}: {values.size} values for the {count} elements of shape {list(shape)}")
    if values.size == count:
        return values.reshape(shape)
    if not values.size:
        values = byte_array([b""], (1,)) if values.dtype == object else np.zeros(1, dtype=values.dtype)
    try:
        array = np.empty(count, dtype=values.dtype)
    except (MemoryError, ValueError) as exc:
        raise TensorError(f"{name}: {values.dtype} {list(shape)} does not fit into memory ({exc})") from exc
    array[: values.size] = values
    array[values.size :] = values[-1:]  # an array, as NumPy would drop the trailing NUL bytes of a byte string
    return array.reshape(shape)


def _from_content(content: bytes, dtype: DType, shape: tuple[int, ...], name: str) -> np.ndarray:
    if dtype.is_string:
        return byte_array(split_packed(content, math.prod(shape), name), shape)
    wanted = math.prod(shape) * dtype.numpy.itemsize
    if len(content) != wanted:
        raise TensorError(
            f"{name}: tensor_content holds {len(content)} bytes, but {dtype.name} {list(shape)} takes {wanted}"
        )
    array = np.frombuffer(content, dtype=dtype.numpy.newbyteorder("<")).reshape(shape)
    return array.astype(dtype.numpy)  # a copy: the caller may write into it


def _typed_values(proto: Any, dtype: DType, name: str) -> np.ndarray:
    values = getattr(proto, str(dtype.field))
    if dtype.is_string:
        return byte_array(values, (len(values),))
    if dtype.field == "float8_val":
        return np.array(np.frombuffer(values, dtype=dtype.numpy))
    if dtype.field in _PAIRED_FIELDS:
        if len(values) % 2:
            raise TensorError(f"{name}: {len(values)} parts of complex numbers; each number has two")
        return _numbers_of(values, _PAIRED_FIELDS[dtype.field]).view(dtype.numpy)
    if dtype.field == "half_val":  # bit patterns
        return _numbers_of(values, np.int32).astype(np.uint16).view(dtype.numpy)
    return _numbers_of(values, np.int32).astype(dtype.numpy)  # int_val; what is too wide wraps


def _numbers_of(values: Any, dtype: Any) -> np.ndarray:
    """Read a repeated field; for a few values, NumPy's search for a buffer takes longer than reading one by one."""
    if len(values) < _FEW:
        return np.fromiter(values, dtype=dtype, count=len(values))
    return np.array(values, dtype=dtype)
