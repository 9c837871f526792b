"""One JSON value becomes the elements and the shape of one tensor.

The rules are those of tensorflow_model_server (behaviour items 142 to 146): the shape follows the first elements
down the nesting, and every token must be of a kind the dtype takes. Regular input is converted at once; anything
else is walked value by value in the server's order, so the first fault found is the one it would name.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from harness.protos import types_pb2
from harness.standin.arrays import aligned
from harness.standin.json.base64 import decode_base64
from harness.standin.json.debug import echo
from harness.standin.json.value import JsonObject, NumberBlock, is_array, type_name
from harness.standin.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

__all__ = ["Filled", "dtype_name", "fill", "fill_fast", "is_base64_object", "round_to_floats", "shape_of"]

_INT32 = (-(2**31), 2**31 - 1)
_SMALLEST_NORMAL_FLOAT = np.float32(1.17549435e-38)
_DT_STRING, _DT_BOOL = types_pb2.DT_STRING, types_pb2.DT_BOOL

# Integer dtypes: the range a token must be in, and the array it goes to (int8 and the like wrap around).
_INTEGERS: dict[int, tuple[int, int, npt.DTypeLike]] = {
    types_pb2.DT_INT8: (*_INT32, np.int8),
    types_pb2.DT_INT16: (*_INT32, np.int16),
    types_pb2.DT_INT32: (*_INT32, np.int32),
    types_pb2.DT_UINT8: (*_INT32, np.uint8),
    types_pb2.DT_INT64: (-(2**63), 2**63 - 1, np.int64),
    types_pb2.DT_UINT32: (0, 2**32 - 1, np.uint32),
    types_pb2.DT_UINT64: (0, 2**64 - 1, np.uint64),
}
_FLOATS: dict[int, npt.DTypeLike] = {types_pb2.DT_FLOAT: np.float32, types_pb2.DT_DOUBLE: np.float64}
_SMALLEST_ORDINARY, _LARGEST_ORDINARY = 1.2e-38, 3.4e38
_FEW = 64
_PIECE = 1 << 16
_REF = 100  # DT_FLOAT_REF is DT_FLOAT + 100


class Filled(NamedTuple):
    """The elements of a tensor, flat (an array, or a list of bytes for strings), and its shape."""

    values: npt.NDArray[Any] | list[bytes]
    shape: tuple[int, ...]


def dtype_name(dtype: int) -> str:
    """Return the name messages give a dtype, e.g. ``float`` for DT_FLOAT."""
    suffix = "_ref" if dtype > _REF else ""
    name: str = types_pb2.DataType.Name(dtype)
    return name.removeprefix("DT_").lower().removesuffix("_ref") + suffix


def is_base64_object(value: Any) -> bool:
    """Tell whether the value is exactly ``{"b64": "..."}``."""
    return (
        type(value) is JsonObject
        and len(value.members) == 1
        and value.members[0][0] == b"b64"
        and type(value.members[0][1]) is bytes
    )


def shape_of(value: Any) -> tuple[int, ...]:
    """Return the lengths of the first elements down the nesting."""
    shape: list[int] = []
    while type(value) is list:
        shape.append(len(value))
        if not value:
            return tuple(shape)
        value = value[0]
    return (*shape, *value.shape) if type(value) is NumberBlock else tuple(shape)


def fill(value: Any, dtype: int) -> Filled:
    """Return the tensor of a value.

    Raises:
        StatusError: the value is ragged, or holds a token that the dtype does not take.
    """
    return fill_fast(value, dtype) or _fill_exactly(value, dtype)


def fill_fast(value: Any, dtype: int) -> Filled | None:
    """Return the tensor of a regular value whose tokens all fit, else None."""
    if type(value) is NumberBlock:
        numbers = _convert_block(value, dtype)
        return None if numbers is None else Filled(numbers, value.shape)
    shape = shape_of(value)
    if type(value) is list and value and type(value[0]) is NumberBlock:
        blocks = [_convert_block(item, dtype) if type(item) is NumberBlock else None for item in value]
        if any(block is None for block in blocks) or any(item.shape != shape[1:] for item in value):
            return None
        return Filled(np.concatenate(blocks), shape)  # type: ignore[arg-type]
    leaves = _leaves(value, shape)
    values = None if leaves is None else _convert(leaves, dtype)
    return None if values is None else Filled(values, shape)


def _leaves(value: Any, shape: tuple[int, ...]) -> list[Any] | None:
    """Flatten a nested list level by level; None if a level is uneven."""
    level = [value]
    for size in shape:
        if not all(type(item) is list and len(item) == size for item in level):
            return None
        level = list(chain.from_iterable(level))
    return level


def _convert_block(block: NumberBlock, dtype: int) -> npt.NDArray[Any] | None:
    """Return a block's values in the tensor's dtype; None if a token does not fit."""
    if dtype in _FLOATS:
        return _to_floats(block.values, dtype)
    if dtype not in _INTEGERS or block.values.dtype != np.int64:
        return None
    low, high, numpy = _INTEGERS[dtype]
    if low > -(2**63) and (block.values.min() < low or block.values.max() > min(high, 2**63 - 1)):
        return None
    return block.values.astype(numpy)


def _convert(leaves: list[Any], dtype: int) -> npt.NDArray[Any] | list[bytes] | None:
    """Return the values in the tensor's dtype; None if a token does not fit."""
    types = set(map(type, leaves))
    if dtype in _FLOATS and len(leaves) <= _FEW and types <= {int, float} and all(map(_is_ordinary, leaves)):
        return np.array(leaves, _FLOATS[dtype])
    if dtype in _FLOATS and types <= {int, float}:
        return _to_floats(np.array(leaves, np.float64), dtype)
    if dtype in _INTEGERS and types <= {int}:
        low, high, numpy = _INTEGERS[dtype]
        if not leaves or (min(leaves) >= low and max(leaves) <= high):
            wide = np.uint64 if numpy is np.uint64 else np.int64
            return np.array(leaves, wide).astype(numpy)
    if dtype == _DT_BOOL and types <= {bool}:
        return np.array(leaves, np.bool_)
    if dtype == _DT_STRING and types <= {bytes}:
        return leaves
    return None


def _is_ordinary(value: float) -> bool:
    """Tell whether a number is neither denormal nor out of range as a float, nor NaN."""
    return value == 0 or _SMALLEST_ORDINARY < abs(value) < _LARGEST_ORDINARY


def _to_floats(values: npt.NDArray[Any], dtype: int) -> npt.NDArray[Any]:
    """Return the values as the tensor's floats."""
    if dtype == types_pb2.DT_DOUBLE:
        return values.astype(np.float64, copy=False)
    return round_to_floats(values)


def round_to_floats(values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Round to float32 by way of double; what becomes a denormal float becomes zero (behaviour item 142).

    Piece by piece, so that large arrays leave nothing beside them.
    """
    given = np.asarray(values)
    floats: npt.NDArray[np.float32] = aligned(len(given), np.float32)
    for start in range(0, len(given), _PIECE):
        piece = floats[start : start + _PIECE]
        with np.errstate(over="ignore", under="ignore"):
            piece[:] = given[start : start + _PIECE].astype(np.float64, copy=False)
        tiny = np.abs(piece) < _SMALLEST_NORMAL_FLOAT
        if tiny.any():
            piece[tiny] *= np.float32(0)
    return floats


def _fill_exactly(root: Any, dtype: int) -> Filled:
    """Walk the value in document order and stop at the first fault."""
    shape = shape_of(root)
    values: list[Any] = []
    levels: list[Iterator[Any]] = [iter([root])]
    while levels:
        item = next(levels[-1], levels)
        if item is levels:
            levels.pop()
        elif is_array(item):
            elements = item.to_list() if type(item) is NumberBlock else item
            _check_list(elements, len(levels) - 1, shape)
            levels.append(iter(elements))
        else:
            _check_level(item, len(levels) - 1, len(shape))
            values.append(_element(item, dtype))
    if dtype == _DT_STRING:
        return Filled(values, shape)
    converted = _convert(values, dtype)
    # A dtype JSON cannot express gets here only without elements: any byte-sized array will do.
    return Filled(np.zeros(0, np.uint8) if converted is None else converted, shape)


def _check_list(elements: list[Any], level: int, shape: tuple[int, ...]) -> None:
    """Refuse a list where the first elements had none, or one of another length."""
    if level >= len(shape):
        raise StatusError("INVALID_ARGUMENT", f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(elements) != shape[level]:
        text = f"Encountered list at unexpected size: {len(elements)} at level: {level} expected size: {shape[level]}"
        raise StatusError("INVALID_ARGUMENT", text)


def _check_level(item: Any, level: int, rank: int) -> None:
    """Refuse a value where the first elements had a list."""
    if level != rank:
        text = (
            f"JSON Value: {echo(item)} found at incorrect level: {level + 1} in the JSON DOM. Expected at level: {rank}"
        )
        raise StatusError("INVALID_ARGUMENT", text)


def _element(item: Any, dtype: int) -> Any:
    """Return one element, or say why the token is none."""
    if type(item) is JsonObject:
        if dtype == _DT_STRING:
            return _decoded(item)
    elif dtype not in _TAKES:
        text = f"Conversion of JSON Value: {echo(item)} to type: {dtype_name(dtype)}"
        raise StatusError("UNIMPLEMENTED", text)
    elif _TAKES[dtype](item):
        return item
    text = f"JSON Value: {echo(item)} Type: {type_name(item)} is not of expected type: {dtype_name(dtype)}"
    raise StatusError("INVALID_ARGUMENT", text)


def _decoded(item: JsonObject) -> bytes:
    """Return the bytes of a ``{"b64": ...}`` object."""
    if not is_base64_object(item):
        raise StatusError("INVALID_ARGUMENT", f"JSON Value: {echo(item)} not formatted correctly for base64 data")
    decoded = decode_base64(item.members[0][1])
    if decoded is None:
        raise StatusError("INVALID_ARGUMENT", "Unable to base64 decode")
    return decoded


def _integer_in(low: int, high: int) -> Callable[[Any], bool]:
    """Return the test of an integer dtype."""
    return lambda item: type(item) is int and low <= item <= high


_TAKES: dict[int, Callable[[Any], bool]] = {
    _DT_BOOL: lambda item: type(item) is bool,
    _DT_STRING: lambda item: type(item) is bytes,
    **{dtype: lambda item: type(item) in (int, float) for dtype in _FLOATS},
    **{dtype: _integer_in(low, high) for dtype, (low, high, _) in _INTEGERS.items()},
}
