"""Array to TensorProto, into the typed fields as tensorflow_model_server answers (behaviour items 60 and 61)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.protos import tensor_pb2
from harness.standin.dtypes import BY_NUMPY, DType
from harness.standin.wire import FIXED_WIDTH, varint

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LARGE_BYTES", "encode", "encode_into", "encode_large"]

LARGE_BYTES = 1 << 16
_CONTENT = 4


def encode(array: np.ndarray[Any, Any], *, tensor_content: bool = False) -> Any:
    """Return a new TensorProto of an array; strings are object arrays of bytes."""
    proto = tensor_pb2.TensorProto()
    encode_into(proto, array, tensor_content=tensor_content)
    return proto


def encode_into(proto: Any, array: np.ndarray[Any, Any], *, tensor_content: bool = False) -> None:
    """Fill an empty TensorProto with an array.

    Args:
        proto: the message to fill.
        array: of any shape and dtype TensorFlow has; strings are object arrays of bytes.
        tensor_content: write the elements' bytes to ``tensor_content`` instead of the typed field.
    """
    dtype = BY_NUMPY[array.dtype]
    proto.dtype = dtype.number
    shape = proto.tensor_shape
    shape.SetInParent()
    for size in array.shape:
        shape.dim.add(size=size)
    if not array.size:
        return
    if tensor_content:
        proto.tensor_content = _packed_strings(array) if dtype.name == "string" else array.tobytes()
    elif dtype.field in FIXED_WIDTH:
        _merge_packed(proto, array, *FIXED_WIDTH[dtype.field])
    else:
        _fill(proto, array.reshape(-1), dtype)


def _fill(proto: Any, flat: np.ndarray[Any, Any], dtype: DType) -> None:
    if dtype.field == "float8_val":
        proto.float8_val = flat.tobytes()
        return
    convert = _CONVERSIONS.get(dtype.field)
    getattr(proto, dtype.field).extend(convert(flat, dtype) if convert else flat.tolist())


def _as_integers(flat: np.ndarray[Any, Any], dtype: DType) -> Any:
    if dtype.numpy is not None and dtype.numpy.fields is not None:
        return flat.view(dtype.numpy.fields[dtype.name][0]).tolist()
    return flat.astype(np.int32).tolist()


_CONVERSIONS: dict[str, Callable[[np.ndarray[Any, Any], DType], Any]] = {
    "int_val": _as_integers,
    "half_val": lambda flat, _: flat.view(np.uint16).tolist(),
}


def _merge_packed(proto: Any, array: np.ndarray[Any, Any], number: int, stored_as: str) -> None:
    """Append a packed field of fixed-width values by writing its wire form; every bit of a NaN is kept."""
    proto.MergeFromString(b"".join(_packed(array, number, stored_as)))


def _packed(array: np.ndarray[Any, Any], number: int, stored_as: str) -> tuple[bytes, memoryview]:
    """Return the header and the bytes of a packed field of fixed-width values."""
    values = np.ascontiguousarray(array).view(stored_as[1:]).astype(stored_as, copy=False)
    return bytes([number << 3 | 2]) + varint(values.nbytes), values.reshape(-1).view(np.uint8).data


def encode_large(array: np.ndarray[Any, Any], *, tensor_content: bool = False) -> list[bytes | memoryview] | None:
    """Return a large array as the parts of a serialised TensorProto, of which the last is the array's own memory.

    No part is a copy of the elements. None for an array that is not large, or whose elements have to be converted.
    """
    dtype = BY_NUMPY[array.dtype]
    number, stored_as = FIXED_WIDTH.get(dtype.field, (0, ""))
    if tensor_content and dtype.name != "string":
        number, stored_as = _CONTENT, "<u1"
    if array.nbytes < LARGE_BYTES or not number:
        return None
    head = tensor_pb2.TensorProto(dtype=dtype.number)
    for size in array.shape:
        head.tensor_shape.dim.add(size=size)
    return [head.SerializeToString(), *_packed(array, number, stored_as)]


def _packed_strings(array: np.ndarray[Any, Any]) -> bytes:
    """Strings as TensorFlow packs them into tensor_content: all lengths as varints, then all bytes."""
    flat = list(array.reshape(-1))
    return b"".join([*(varint(len(text)) for text in flat), *flat])
