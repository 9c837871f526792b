"""TensorProto to array, with the leniency of TensorFlow's ``Tensor::FromProto`` (behaviour items 49 and 50).

Fewer values than elements: the last one is repeated. None: zeros or empty strings. More: the rest is not looked at.
``tf.make_ndarray`` refuses most of this, so it cannot stand in.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.standin.arrays import ready_to_feed
from harness.standin.dtypes import BY_NUMBER, DType
from harness.standin.wire import FIXED_WIDTH, fields, read_varint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.standin.wire import LargeField

__all__ = ["Opaque", "decode"]

_MANY = 64
_CONTENT_FIELD = 4
_MAX_DIMS = 254
_MAX_ELEMENTS = 2**63 - 1


class Opaque:
    """A tensor no array can hold (resource, variant): it has a dtype, and no model can be fed with it."""

    def __init__(self, dtype: DType) -> None:
        """Remember the dtype, for the error to name."""
        self.dtype = dtype


def decode(proto: Any, large: LargeField | None = None) -> np.ndarray[Any, Any] | Opaque | None:
    """Return the tensor a TensorProto stands for, or None if it stands for none.

    ``unknown_rank``, dimension names and ``version_number`` are not looked at.

    Args:
        proto: the TensorProto.
        large: its one large field, if that was cut out of it.
    """
    dtype = BY_NUMBER.get(proto.dtype)
    sizes = [dim.size for dim in proto.tensor_shape.dim]
    count = math.prod(sizes)
    if dtype is None or len(sizes) > _MAX_DIMS or min(sizes, default=0) < 0 or _overflows(sizes):
        return None
    if dtype.numpy is None:
        return Opaque(dtype)
    try:
        content = _content_of(proto, large) if count else b""
        flat = _content(dtype, content, count) if content else _typed(dtype, _values(dtype, proto, large), count)
        return ready_to_feed(flat).reshape(sizes)
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


def _content_of(proto: Any, large: LargeField | None) -> bytes | memoryview:
    """``tensor_content``; each look at the proto's is a copy."""
    if large is not None and large.number == _CONTENT_FIELD:
        return large.data
    return proto.tensor_content  # type: ignore[no-any-return]


def _content(dtype: DType, content: bytes | memoryview, count: int) -> np.ndarray[Any, Any]:
    """The elements in ``tensor_content``; ValueError if its length does not fit."""
    if dtype.name == "string":
        return _strings(_split_strings(bytes(content), count), count)
    assert dtype.numpy is not None  # noqa: S101 - decode() has dealt with opaque dtypes
    if len(content) != count * dtype.numpy.itemsize:
        raise ValueError(f"{len(content)} bytes for {count} elements of {dtype.name}")
    if dtype.name == "bool" and bytes(content).translate(None, b"\0\1"):
        raise ValueError("a bool is one byte, 0 or 1")
    return np.frombuffer(content, dtype.numpy)


def _split_strings(content: bytes, count: int) -> list[bytes]:
    """Strings as TensorFlow packs them: all lengths as varints, then all bytes."""
    position, lengths = 0, []
    for _ in range(count):
        length, position = read_varint(content, position)
        lengths.append(length)
    if position + sum(lengths) != len(content):
        raise ValueError("the lengths do not add up to the content's")
    strings = []
    for length in lengths:
        strings.append(content[position : position + length])
        position += length
    return strings


def _strings(values: Sequence[bytes], count: int) -> np.ndarray[Any, Any]:
    flat = np.empty(count, dtype=object)
    flat[: len(values)] = values
    flat[len(values) :] = values[-1] if values else b""
    return flat


def _values(dtype: DType, proto: Any, large: LargeField | None) -> Any:
    """The values in the dtype's own field: a list of numbers or texts, bytes, or an array of many numbers.

    In the wire form of a proto, numbers of fixed width are an array already; that is much faster than to make a
    Python number of each.
    """
    number, stored_as = FIXED_WIDTH.get(dtype.field, (0, ""))
    if large is not None and large.number == number:
        return np.frombuffer(large.data, stored_as)
    values = getattr(proto, dtype.field)
    if number and len(values) > _MANY:
        return _packed_field(proto.SerializeToString(), number, stored_as)
    return values


def _typed(dtype: DType, values: Any, count: int) -> np.ndarray[Any, Any]:
    """The elements that the values of the dtype's own field make, repeated or cut to ``count``."""
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
    field = next(field for field in fields(wire, 0, len(wire)) if field.number == number)
    dtype = np.dtype(stored_as)
    return np.frombuffer(wire, dtype, field.size // dtype.itemsize, field.begin)


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
