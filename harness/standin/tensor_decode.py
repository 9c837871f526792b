"""TensorProto to array, with the leniency of TensorFlow's ``Tensor::FromProto`` (behaviour items 49 and 50).

Fewer values than elements: the last one is repeated. None: zeros or empty strings. More: the rest is not looked at.
``tf.make_ndarray`` refuses most of this, so it cannot stand in.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.standin.dtypes import BY_NUMBER, DType

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Opaque", "decode"]

# Fields of fixed width, by number and wire dtype: in the wire form of a proto they are arrays already, which is much
# faster than to make a Python number of each value.
_FIXED_WIDTH = {
    "float_val": (5, "<f4"),
    "double_val": (6, "<f8"),
    "scomplex_val": (9, "<f4"),
    "dcomplex_val": (12, "<f8"),
}
_MANY = 64
_VARINT, _FIXED_LENGTHS = 0, {1: 8, 5: 4}  # wire types
_MAX_DIMS = 254
_MAX_ELEMENTS = 2**63 - 1


class Opaque:
    """A tensor no array can hold (resource, variant): it has a dtype, and no model can be fed with it."""

    def __init__(self, dtype: DType) -> None:
        """Remember the dtype, for the error to name."""
        self.dtype = dtype


def decode(proto: Any) -> np.ndarray[Any, Any] | Opaque | None:
    """Return the tensor a TensorProto stands for, or None if it stands for none.

    ``unknown_rank``, dimension names and ``version_number`` are not looked at.
    """
    dtype = BY_NUMBER.get(proto.dtype)
    sizes = [dim.size for dim in proto.tensor_shape.dim]
    count = math.prod(sizes)
    if dtype is None or len(sizes) > _MAX_DIMS or min(sizes, default=0) < 0 or _overflows(sizes):
        return None
    if dtype.numpy is None:
        return Opaque(dtype)
    try:
        content = proto.tensor_content if count else b""  # each look at it is a copy
        flat = _content(dtype, content, count) if content else _typed(dtype, proto, count)
        return flat.reshape(sizes)
    except (ValueError, MemoryError):
        return None


def _overflows(sizes: list[int]) -> bool:
    """Whether the product, taken from the left as TensorFlow does, leaves 64 bits before a zero ends it."""
    product = 1
    for size in sizes:
        product *= size
        if product > _MAX_ELEMENTS:
            return True
    return False


def _content(dtype: DType, content: bytes, count: int) -> np.ndarray[Any, Any]:
    """The elements in ``tensor_content``; ValueError if its length does not fit."""
    if dtype.name == "string":
        return _strings(_split_strings(content, count), count)
    assert dtype.numpy is not None  # noqa: S101 - decode() has dealt with opaque dtypes
    if len(content) != count * dtype.numpy.itemsize:
        raise ValueError(f"{len(content)} bytes for {count} elements of {dtype.name}")
    if dtype.name == "bool" and content.translate(None, b"\0\1"):
        raise ValueError("a bool is one byte, 0 or 1")
    return np.frombuffer(content, dtype.numpy)


def _split_strings(content: bytes, count: int) -> list[bytes]:
    """Strings as TensorFlow packs them: all lengths as varints, then all bytes."""
    position, lengths = 0, []
    for _ in range(count):
        length, position = _varint(content, position)
        lengths.append(length)
    if position + sum(lengths) != len(content):
        raise ValueError("the lengths do not add up to the content's")
    strings = []
    for length in lengths:
        strings.append(content[position : position + length])
        position += length
    return strings


def _varint(content: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(content):
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise ValueError("a length is cut short")


def _strings(values: Sequence[bytes], count: int) -> np.ndarray[Any, Any]:
    flat = np.empty(count, dtype=object)
    flat[: len(values)] = values
    flat[len(values) :] = values[-1] if values else b""
    return flat


def _typed(dtype: DType, proto: Any, count: int) -> np.ndarray[Any, Any]:
    """The elements in the dtype's own field, repeated or cut to ``count``."""
    values = getattr(proto, dtype.field)
    if len(values) > _MANY and dtype.field in _FIXED_WIDTH:
        values = _packed_field(proto.SerializeToString(), *_FIXED_WIDTH[dtype.field])
    available = min(len(values) // dtype.per_element, count)
    if dtype.name == "string":
        return _strings(values[:available], count)
    taken = values if len(values) == available * dtype.per_element else values[: available * dtype.per_element]
    given = _as_elements(dtype, taken)
    if available == count:
        return given
    flat = np.zeros(count, dtype.numpy)
    if available:
        flat[:available] = given
        flat[available:] = given[-1]
    return flat


def _packed_field(wire: bytes, number: int, stored_as: str) -> np.ndarray[Any, Any]:
    """The values of a packed field in the wire form of a message that has it."""
    position = 0
    while True:
        tag, position = _varint(wire, position)
        length = _FIXED_LENGTHS.get(tag & 7)
        if length is None:
            length, after = _varint(wire, position)
            if tag & 7 == _VARINT:
                length, position = 0, after
            else:
                position = after
        if tag >> 3 == number:
            dtype = np.dtype(stored_as)
            return np.frombuffer(wire, dtype, length // dtype.itemsize, position)
        position += length


def _as_elements(dtype: DType, values: Any) -> np.ndarray[Any, Any]:
    """Field values as elements: bits are reinterpreted, pairs joined, integers cut to their width."""
    assert dtype.numpy is not None  # noqa: S101 - decode() has dealt with opaque dtypes
    if dtype.bits is not None:
        wide = values if isinstance(values, bytes) else np.asarray(values, np.int64)
        return (np.frombuffer(wide, dtype.bits) if isinstance(wide, bytes) else wide.astype(dtype.bits)).view(
            dtype.numpy
        )
    if dtype.per_element == 2:
        part = np.float32 if dtype.name == "complex64" else np.float64
        return np.ascontiguousarray(values, part).view(dtype.numpy)
    if isinstance(values, np.ndarray):
        return values
    if dtype.field != "int_val":
        return np.fromiter(values, dtype.numpy, len(values))
    wide = np.fromiter(values, np.int32, len(values))
    if dtype.numpy.fields is None:
        return wide.astype(dtype.numpy)
    return wide.astype(dtype.numpy.fields[dtype.name][0]).view(dtype.numpy)
