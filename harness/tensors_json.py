"""NumPy arrays <-> the values of TensorFlow Serving's REST bodies.

Numbers are plain JSON numbers, strings are JSON strings, bytes that are not text (and every element of a tensor whose
name ends in ``_bytes``) are ``{"b64": ...}``. NaN and infinities are the bare tokens NaN, Infinity, -Infinity, which
the server reads and writes although JSON has none (behaviour items 141, 163).
"""

from __future__ import annotations

import base64
import json
from itertools import chain
from typing import Any

import numpy as np
import orjson

from harness.casting import cast
from harness.dtypes import DType, dtype_of_array, dtype_of_name
from harness.errors import TensorError
from harness.text_values import byte_array, byte_list

__all__ = ["dumps", "from_json_value", "loads", "to_json_value"]


def to_json_value(array: np.ndarray, *, name: str = "value") -> Any:
    """Return what ``dumps`` writes for an array: the array itself, a scalar, or nested lists.

    Args:
        array: values of any shape and memory layout.
        name: the tensor's name; text of tensors whose name ends in ``_bytes`` goes as base64.

    Raises:
        TensorError: complex numbers, which the REST API cannot carry, or elements that are no text.
    """
    dtype = dtype_of_array(array)
    if dtype.is_string:
        return _text_values(array, name)
    if dtype.kind == "complex":
        raise TensorError(f"{name}: {dtype.name} values have no JSON form; send them over gRPC")
    if not dtype.is_native:  # orjson does not know types of ml_dtypes
        array = array.astype(np.float32 if dtype.kind == "float" else np.int32)
    if not array.shape or (dtype.kind == "float" and not np.isfinite(array).all()):
        return array.tolist()
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


def _text_values(array: np.ndarray, name: str) -> Any:
    as_base64 = name.endswith("_bytes")
    values = [_text_value(element, as_base64=as_base64) for element in byte_list(array, name)]
    if not array.shape:
        return values[0]
    nested = np.empty(len(values), dtype=object)
    nested[:] = values
    return nested.reshape(array.shape).tolist()


def _text_value(data: bytes, *, as_base64: bool) -> Any:
    if not as_base64:
        try:
            return data.decode()
        except UnicodeDecodeError:
            pass  # bytes that are not text have the same form
    return {"b64": base64.b64encode(data).decode("ascii")}


def dumps(document: Any) -> bytes:
    """Return a JSON document as bytes; arrays are written at full speed, NaN and infinities as bare tokens.

    Raises:
        TensorError: something in the document has no JSON form.
    """
    try:
        if _has_non_finite(document):
            return json.dumps(document, default=_list_of, ensure_ascii=False, separators=(",", ":")).encode()
        return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)
    except (TypeError, ValueError) as exc:
        raise TensorError(f"the request cannot be written as JSON: {exc}") from exc


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
        ValueError: not JSON, even with NaN and Infinity allowed, or nested too deep to read.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass  # bare NaN and Infinity, or bytes that are not UTF-8: Python's reader takes both
    try:
        return json.loads(body.decode("utf-8", "surrogateescape"))
    except RecursionError:
        raise ValueError(f"the document of {len(body):,} bytes is nested too deep to read") from None


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
    if wanted.is_string:
        return byte_array([_bytes_of(element, name) for element in flat], shape)
    surplus = set(map(type, flat)) - _JSON_KINDS.get(wanted.kind, frozenset())
    if surplus:
        names = ", ".join(sorted(_JSON_NAMES.get(kind, kind.__name__) for kind in surplus))
        raise TensorError(f"{name}: the JSON values are not {wanted.name}: there are elements of type {names}")
    try:
        widest: np.ndarray = np.fromiter(flat, dtype=_WIDEST.get(wanted.name, _WIDEST[wanted.kind]), count=len(flat))
    except OverflowError as exc:
        raise TensorError(f"{name}: the JSON values are not {wanted.name} ({exc})") from exc
    return cast(widest, wanted, name=name).reshape(shape)


# NumPy would convert text to numbers, decimals to integers and numbers to booleans: nothing of it is an answer's sense.
_JSON_KINDS: dict[str, frozenset[type]] = {
    "float": frozenset({int, float}),
    "int": frozenset({int}),
    "uint": frozenset({int}),
    "bool": frozenset({bool}),
}
_JSON_NAMES = {
    str: "string", dict: "object", list: "list", bool: "boolean", float: "decimal", int: "integer", type(None): "null",
}  # fmt: skip
_WIDEST: dict[str, type] = {
    "float": np.float64,
    "int": np.int64,
    "uint": np.int64,
    "uint64": np.uint64,
    "bool": np.bool_,
}


def _flatten(value: Any, name: str) -> tuple[tuple[int, ...], list[Any]]:
    """Return the shape of nested lists and their elements in row-major order."""
    if not isinstance(value, list):
        return (), [value]
    shape = [len(value)]
    level: list[Any] = value
    while level and isinstance(level[0], list):
        width = len(level[0])
        if set(map(type, level)) != {list} or set(map(len, level)) != {width}:
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
        except (ValueError, TypeError) as exc:
            raise TensorError(f"{name}: {element!r} is not base64 ({exc})") from exc
    raise TensorError(f'{name}: a string tensor\'s JSON element is a string or {{"b64": ...}}, not {element!r}')
