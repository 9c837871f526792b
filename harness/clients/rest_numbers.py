"""The numbers of a long predict answer, read several times faster than through Python lists.

A body of numbers is parsed by simdjson straight into a buffer. That loses the lists' shape, so the shape is taken from
the first elements and proven on the text: without its number characters, the body must be exactly the brackets and
commas of such an array. Whatever is not plainly numbers in one rectangle (text, NaN, ragged lists, escaped names,
values out of range) is left to the general reader, which also finds the words for what is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import simdjson

from harness.dtypes import dtype_of_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.signatures import TensorSpec

__all__ = ["read_numbers"]

# What numbers and the space around them are written with; "e" may also vanish from names, on both sides alike.
_NUMBER_CHARACTERS = b"0123456789+-.eE \t\n\r"
_BUFFERS: dict[str, tuple[str, type]] = {"float": ("d", np.float64), "int": ("i", np.int64), "uint": ("u", np.uint64)}


def read_numbers(body: bytes, key: str, specs: Sequence[TensorSpec]) -> dict[str, np.ndarray] | None:
    """Return the arrays of an answer ``{key: array}`` or ``{key: {name: array, ...}}``, or None to say: read it slowly.

    Args:
        body: the JSON document.
        key: ``outputs``, or ``predictions`` for a single output.
        specs: the signature's outputs; a single one stands without its name.

    Returns:
        Array by output name in the order of ``specs``, equal in values, shape and dtype to what the general reader
        gives; or None.
    """
    try:
        return _read(body, key, specs)
    except (ValueError, TypeError, KeyError, RuntimeError, OverflowError):
        return None  # simdjson's ways to say that this is no such document


def _read(body: bytes, key: str, specs: Sequence[TensorSpec]) -> dict[str, np.ndarray] | None:
    document: Any = simdjson.Parser().parse(body)
    values = document[key]
    by_name = {specs[0].name: values} if len(specs) == 1 else _members(values)
    if by_name.keys() != {spec.name for spec in specs}:
        return None
    shapes = {name: _shape(value) for name, value in by_name.items()}
    if _skeleton(body) != _expected(key, shapes, is_named=len(specs) > 1):
        return None
    arrays = {spec.name: _array(by_name[spec.name], shapes[spec.name], spec.dtype) for spec in specs}
    found = {name: array for name, array in arrays.items() if array is not None}
    return found if len(found) == len(arrays) else None


def _members(values: Any) -> dict[str, Any]:
    """Return an object's arrays unread by name, in the document's order; ``items()`` would make lists of them."""
    return {name: values[name] for name in values} if isinstance(values, simdjson.Object) else {}


def _shape(value: Any) -> tuple[int, ...]:
    """Return the shape that the first elements down the nesting tell; ValueError if it has no elements."""
    shape = []
    while isinstance(value, simdjson.Array):
        shape.append(len(value))
        value = value[0] if shape[-1] else None
    if not shape or 0 in shape:
        raise ValueError("not an array of numbers")
    return tuple(shape)


def _skeleton(text: bytes) -> bytes:
    return text.translate(None, _NUMBER_CHARACTERS)


def _expected(key: str, shapes: dict[str, tuple[int, ...]], *, is_named: bool) -> bytes:
    """Return the skeleton of the document with arrays of these shapes, in the document's order."""
    arrays = {name: _brackets(shape) for name, shape in shapes.items()}
    if not is_named:
        inner = next(iter(arrays.values()))
    else:
        inner = b"{" + b",".join(_skeleton(f'"{name}":'.encode()) + text for name, text in arrays.items()) + b"}"
    return _skeleton(f'{{"{key}":'.encode()) + inner + b"}"


def _brackets(shape: tuple[int, ...]) -> bytes:
    text = b"[" + b"," * (shape[-1] - 1) + b"]"
    for size in reversed(shape[:-1]):
        text = b"[" + b",".join([text] * size) + b"]"
    return text


def _array(value: Any, shape: tuple[int, ...], dtype_name: str) -> np.ndarray | None:
    dtype = dtype_of_name(dtype_name)
    if dtype.kind not in _BUFFERS:
        return None
    code, wide = _BUFFERS[dtype.kind]
    flat: np.ndarray = np.frombuffer(value.as_buffer(of_type=code), dtype=wide)
    if flat.size != np.prod(shape):  # "[]" is the skeleton of no element and of one
        return None
    with np.errstate(all="ignore"):
        array = flat.astype(dtype.numpy)
        if dtype.kind != "float":
            return array.reshape(shape) if np.array_equal(array.astype(wide), flat) else None
        return array.reshape(shape) if np.isfinite(array).all() else None
