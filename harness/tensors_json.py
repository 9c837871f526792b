"""NumPy arrays <-> the values of TensorFlow Serving's REST bodies.

Numbers are plain JSON numbers, strings are JSON strings, bytes that are not text (and every element of a tensor whose
name ends in ``_bytes``) are ``{"b64": ...}``. NaN and infinities are the bare tokens NaN, Infinity, -Infinity, which
the server reads and writes although JSON has none (behaviour items 141, 163).
"""

from __future__ import annotations

import base64
import binascii
import json
from itertools import chain
from typing import Any

import numpy as np
import orjson

from harness.dtypes import DType, dtype_of_array, dtype_of_name
from harness.errors import TensorError

__all__ = ["dumps", "from_json_value", "loads", "to_json_value"]


def to_json_value(array: np.ndarray, *, name: str = "value") -> Any:
    """Return what ``dumps`` writes for an array: the array itself, a scalar, or nested lists.

    Raises:
        TensorError: complex numbers, which the REST API cannot carry.
    """
    dtype = dtype_of_array(array)
    if dtype.is_string:
        return _text_values(array, as_bytes=name.endswith("_bytes"))
    if array.dtype.kind == "c":
        raise TensorError(f"{name}: {dtype.name} values have no JSON form; send them over gRPC")
    if array.dtype.kind == "V" or not array.shape:  # bfloat16 and scalars: as Python numbers
        return array.tolist() if array.dtype.kind != "V" else array.astype(np.float32).tolist()
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return array.tolist()
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


def _text_values(array: np.ndarray, *, as_bytes: bool) -> Any:
    values = [_text_value(element, as_bytes=as_bytes) for element in array.reshape(-1).tolist()]
    if not array.shape:
        return values[0]
    nested = np.empty(len(values), dtype=object)
    nested[:] = values
    return nested.reshape(array.shape).tolist()


def _text_value(element: Any, *, as_bytes: bool) -> Any:
    data = element.encode() if isinstance(element, str) else element
    if not as_bytes:
        try:
            return data.decode()
        except UnicodeDecodeError:
            pass
    return {"b64": base64.b64encode(data).decode("ascii")}


def dumps(document: Any) -> bytes:
    """Return a JSON document as bytes; arrays are written at full speed, NaN and infinities as bare tokens."""
    if _has_non_finite(document):
        return json.dumps(document, default=_list_of, ensure_ascii=False, separators=(",", ":")).encode()
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)


def _list_of(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _has_non_finite(value: Any) -> bool:
    """Whether Python floats that are not finite stand anywhere (arrays hold none: ``to_json_value`` unpacks those)."""
    if isinstance(value, float):
        return value != value or value in (float("inf"), float("-inf"))  # noqa: PLR0124 - the NaN test itself
    if isinstance(value, dict):
        return any(_has_non_finite(item) for item in value.values())
    if isinstance(value, list):
        return any(_has_non_finite(item) for item in value)
    return False


def loads(body: bytes) -> Any:
    """Read a JSON document as TensorFlow Serving writes it; text that is not UTF-8 keeps its bytes as surrogates.

    Raises:
        ValueError: not JSON, even with NaN and Infinity allowed.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return json.loads(body.decode("utf-8", "surrogateescape"))


def from_json_value(value: Any, dtype: str | DType | None, *, name: str = "value") -> np.ndarray:
    """Return the array of a JSON value.

    Args:
        value: number, boolean, string, ``{"b64": ...}`` or nested lists of them.
        dtype: the tensor's dtype from the signature; None takes NumPy's choice.
        name: what messages call the value.

    Returns:
        Array of the lists' shape; string tensors are object arrays of ``bytes``.

    Raises:
        TensorError: ragged lists, or a value that is not of that dtype.
    """
    wanted = dtype_of_name(dtype) if isinstance(dtype, str) else dtype
    shape, flat = _flatten(value, name)
    if wanted is None:
        wanted = _guess(flat)
    try:
        if wanted.is_string:
            array = np.empty(len(flat), dtype=object)
            array[:] = [_bytes_of(element, name) for element in flat]
        else:
            _check_kinds(flat, wanted)
            array = np.fromiter(flat, dtype=wanted.numpy, count=len(flat))
    except (TypeError, ValueError, OverflowError) as exc:
        raise TensorError(f"{name}: the JSON values are not {wanted.name} ({exc})") from exc
    return array.reshape(shape)


_JSON_KINDS: dict[str, set[type]] = {"f": {int, float}, "V": {int, float}, "i": {int}, "u": {int}, "b": {bool}}


def _check_kinds(flat: list[Any], dtype: DType) -> None:
    """Refuse what NumPy would convert: text to numbers, decimals to integers, numbers to booleans."""
    surplus = set(map(type, flat)) - _JSON_KINDS.get(dtype.numpy.kind, set())
    if surplus:
        raise TypeError(f"there are elements of type {', '.join(sorted(kind.__name__ for kind in surplus))}")


def _flatten(value: Any, name: str) -> tuple[tuple[int, ...], list[Any]]:
    """Return the shape of nested lists and their elements in row-major order."""
    if not isinstance(value, list):
        return (), [value]
    shape = [len(value)]
    level: list[Any] = value
    while level and isinstance(level[0], list):
        width = len(level[0])
        if any(not isinstance(row, list) or len(row) != width for row in level):
            raise TensorError(f"{name}: the nested lists do not form a rectangular tensor at depth {len(shape)}")
        shape.append(width)
        level = list(chain.from_iterable(level))
    return tuple(shape), level


def _guess(flat: list[Any]) -> DType:
    kinds = {type(element) for element in flat}
    if kinds & {str, dict}:
        return dtype_of_name("string")
    if kinds == {bool}:
        return dtype_of_name("bool")
    return dtype_of_name("int64" if kinds == {int} else "float64")


def _bytes_of(element: Any, name: str) -> bytes:
    if isinstance(element, str):
        return element.encode("utf-8", "surrogateescape")
    if isinstance(element, dict) and list(element) == ["b64"]:
        try:
            return base64.b64decode(element["b64"], validate=True)
        except (binascii.Error, TypeError) as exc:
            raise TensorError(f"{name}: {element!r} is not base64 ({exc})") from exc
    raise TensorError(f'{name}: a string tensor\'s JSON element is a string or {{"b64": ...}}, not {element!r}')
