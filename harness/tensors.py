"""Values <-> NumPy arrays <-> TensorProto.

Encoding writes ``tensor_content`` (one copy of the bytes); decoding reads either form, since tensorflow_model_server
answers with the typed fields (behaviour item 60). The JSON forms are in ``harness.tensors_json``.
"""

from __future__ import annotations

import math
import sys
from functools import lru_cache
from typing import Any

import numpy as np

from harness.dtypes import DType, dtype_of_array, dtype_of_enum, dtype_of_name
from harness.errors import TensorError
from harness.protos import tensor_pb2, tensor_shape_pb2

__all__ = ["as_array", "fill_proto", "from_proto", "to_proto"]

_BIG_ENDIAN = sys.byteorder == "big"
_PAIRED_FIELDS = {"scomplex_val": np.float32, "dcomplex_val": np.float64}
_BIT_FIELDS = {"half_val": np.uint16}


def as_array(value: Any, dtype: str | DType | None = None, *, name: str = "value") -> np.ndarray:
    """Return a value as an array of the wanted dtype, shape as given.

    Args:
        value: an array, a scalar, ``bytes``, ``str`` or nested lists of them.
        dtype: TensorFlow dtype name; None takes an array as it is and NumPy's choice for Python values.
        name: what messages call the value, e.g. the input's name.

    Returns:
        Array of any shape; string tensors are object arrays of ``bytes``.

    Raises:
        TensorError: ragged lists, or values the dtype cannot hold (numbers for strings, 300 for uint8, 1.5 for int32).
    """
    wanted = dtype_of_name(dtype) if isinstance(dtype, str) else dtype
    try:
        array = _bytes_array(value) if wanted is not None and wanted.is_string else np.asarray(value)
    except ValueError as exc:
        raise TensorError(f"{name}: the nested lists do not form a rectangular tensor ({exc})") from exc
    if wanted is None:
        wanted = dtype_of_array(array)
    if wanted.is_string:
        return _to_bytes(array, name)
    if array.dtype == wanted.numpy:
        return array
    return _cast(array, wanted, name)


def _bytes_array(value: Any) -> np.ndarray:
    """Keep trailing NUL bytes, which NumPy's fixed-width strings would drop."""
    return value if isinstance(value, np.ndarray) else np.array(value, dtype=object)


def _to_bytes(array: np.ndarray, name: str) -> np.ndarray:
    encoded = np.empty(array.shape, dtype=object)
    flat = encoded.reshape(-1)
    for index, element in enumerate(array.reshape(-1).tolist()):
        if isinstance(element, str):
            flat[index] = element.encode()
        elif isinstance(element, bytes):
            flat[index] = element
        else:
            raise TensorError(
                f"{name}: a string tensor holds str or bytes, but element {index} is {type(element).__name__}"
                f" ({element!r}); nested lists must be rectangular"
            )
    return flat.reshape(array.shape)


def _cast(array: np.ndarray, wanted: DType, name: str) -> np.ndarray:
    """Cast to the wanted dtype; refuse what would change the values (but for rounding among floats)."""
    if array.dtype.kind in "OSU":
        raise TensorError(f"{name}: {wanted.name} wanted, but the value holds text or objects (NumPy {array.dtype})")
    target = wanted.numpy
    with np.errstate(all="ignore"):
        cast = array.astype(target)
        if not _holds(cast, array):
            raise TensorError(f"{name}: the values cannot be held in {wanted.name} without changing them")
    return cast


def _holds(cast: np.ndarray, array: np.ndarray) -> bool:
    """Whether a cast kept the values: exactly for integers and booleans, within range for floats."""
    if cast.dtype.kind in "iub":
        return bool(np.array_equal(cast.astype(array.dtype), array))
    if cast.dtype.kind == "c":
        return True
    if array.dtype.kind == "c":
        return bool(np.array_equal(array.imag, np.zeros_like(array.imag)))
    became_infinite = np.isinf(cast.astype(np.float64)) & np.isfinite(array)
    return not bool(became_infinite.any())


@lru_cache(maxsize=4096)
def _shape_proto(shape: tuple[int, ...]) -> Any:
    return tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=n) for n in shape])


def fill_proto(proto: Any, array: np.ndarray, dtype: DType | None = None) -> None:
    """Write an array into an empty TensorProto: ``tensor_content`` for numbers, ``string_val`` for strings.

    Args:
        proto: the message to fill, e.g. ``request.inputs["image"]``; filling in place saves a copy of the bytes.
        array: values of any shape.
        dtype: the row of the dtype table, where the array's own type leaves a choice (quantised types).

    Raises:
        TensorError: TensorFlow has no such dtype.
    """
    row = dtype or dtype_of_array(array)
    proto.dtype = row.enum
    proto.tensor_shape.MergeFrom(_shape_proto(array.shape))
    if row.is_string:
        proto.string_val.extend(_to_bytes(array, "value").reshape(-1).tolist())
        return
    if _BIG_ENDIAN:
        array = array.astype(array.dtype.newbyteorder("<"))
    proto.tensor_content = array.tobytes()


def to_proto(array: np.ndarray, dtype: DType | None = None) -> Any:
    """Return a new TensorProto of an array, see ``fill_proto``."""
    proto = tensor_pb2.TensorProto()
    fill_proto(proto, array, dtype)
    return proto


def from_proto(proto: Any, *, name: str = "tensor") -> np.ndarray:
    """Return the array of a TensorProto.

    Fewer typed values than elements repeat the last one, none give zeros or ``b""``, as TensorFlow reads them
    (behaviour item 50); everything else that does not fit the shape is an error.

    Returns:
        A writable array of the proto's shape; string tensors are object arrays of ``bytes``.

    Raises:
        TensorError: unknown dtype, unknown or negative dimensions, content of the wrong length, surplus values.
    """
    dtype = dtype_of_enum(proto.dtype)
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in shape):
        raise TensorError(f"{name}: a tensor's shape must be known, but it is {proto.tensor_shape}")
    count = math.prod(shape)
    if proto.tensor_content:
        return _from_content(proto.tensor_content, dtype, shape, name)
    values = _typed_values(proto, dtype, name)
    if values.size > count:
        raise TensorError(f"{name}: {values.size} values for the {count} elements of shape {list(shape)}")
    if values.size < count:
        last = values[-1] if values.size else (b"" if dtype.is_string else dtype.numpy.type(0))
        padding = np.full(count - values.size, last, dtype=values.dtype)
        values = np.concatenate([values, padding])
    return values.reshape(shape)


def _from_content(content: bytes, dtype: DType, shape: tuple[int, ...], name: str) -> np.ndarray:
    if dtype.is_string:
        raise TensorError(f"{name}: a string tensor in tensor_content cannot be read; string_val is expected")
    wanted = math.prod(shape) * dtype.numpy.itemsize
    if len(content) != wanted:
        raise TensorError(
            f"{name}: tensor_content holds {len(content)} bytes, but {dtype.name} {list(shape)} takes {wanted}"
        )
    array = np.frombuffer(content, dtype=dtype.numpy.newbyteorder("<")).reshape(shape)
    return array.astype(dtype.numpy)  # a copy: the caller may write into it


def _typed_values(proto: Any, dtype: DType, name: str) -> np.ndarray:
    if dtype.field is None or dtype.numpy_name is None:
        raise TensorError(f"{name}: {dtype.name} tensors cannot be held in a NumPy array")
    values = getattr(proto, dtype.field)
    if dtype.is_string:
        array = np.empty(len(values), dtype=object)
        array[:] = list(values)
        return array
    if dtype.field == "float8_val":
        content: np.ndarray = np.frombuffer(values, dtype=dtype.numpy).copy()
        return content
    if dtype.field in _PAIRED_FIELDS:
        return np.array(values, dtype=_PAIRED_FIELDS[dtype.field]).view(dtype.numpy)
    if dtype.field in _BIT_FIELDS:
        return np.array(values, dtype=np.int32).astype(_BIT_FIELDS[dtype.field]).view(dtype.numpy)
    numbers: np.ndarray = np.array(values, dtype=np.int32 if dtype.field == "int_val" else dtype.numpy)
    return numbers.astype(dtype.numpy, copy=False)
