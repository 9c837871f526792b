"""The elements of string tensors: ``bytes``, whatever they were given as."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import TensorError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["as_bytes", "byte_array", "byte_list", "split_packed"]


def as_bytes(array: np.ndarray, name: str) -> np.ndarray:
    """Return an object array of ``bytes``; the array itself if it is one already.

    Raises:
        TensorError: elements that are neither ``str`` nor ``bytes``, or text that is not UTF-8.
    """
    elements = array.reshape(-1).tolist()
    if array.dtype.kind == "O" and all(type(element) is bytes for element in elements):
        return array
    return byte_array([_bytes(element, index, name) for index, element in enumerate(elements)], array.shape)


def byte_list(array: np.ndarray, name: str) -> list[bytes]:
    """Return the elements in row-major order as ``bytes``.

    Raises:
        TensorError: as ``as_bytes``.
    """
    elements: list[bytes] = as_bytes(array, name).reshape(-1).tolist()
    return elements


def byte_array(elements: Sequence[bytes], shape: tuple[int, ...]) -> np.ndarray:
    """Return an object array of the elements given in row-major order (NumPy itself would look into sequences)."""
    array = np.empty(len(elements), dtype=object)
    array[:] = elements
    return array.reshape(shape)


def _bytes(element: Any, index: int, name: str) -> bytes:
    if isinstance(element, bytes):
        return bytes(element)
    if not isinstance(element, str):
        raise TensorError(
            f"{name}: a string tensor holds str or bytes, but element {index} is {type(element).__name__}"
            f" ({element!r}); nested lists must be rectangular"
        )
    try:
        return element.encode()
    except UnicodeEncodeError as exc:
        raise TensorError(f"{name}: element {index} is no text that UTF-8 can hold ({exc}); give bytes") from exc


def split_packed(content: bytes, count: int, name: str) -> list[bytes]:
    """Return the strings of a string tensor's ``tensor_content``: all lengths as varints, then all bytes.

    So writes a server that runs with ``--enable_serialization_as_tensor_content``.

    Raises:
        TensorError: the lengths do not fit the content.
    """
    lengths, position = [], 0
    for _ in range(count):
        length, position = _varint(content, position, name)
        lengths.append(length)
    if position + sum(lengths) != len(content):
        raise TensorError(
            f"{name}: tensor_content holds {len(content)} bytes, but its {count} strings take {position + sum(lengths)}"
        )
    strings = []
    for length in lengths:
        strings.append(content[position : position + length])
        position += length
    return strings


def _varint(content: bytes, position: int, name: str) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(content[position : position + 10]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, position + index + 1
    raise TensorError(f"{name}: tensor_content ends within the lengths of its strings")
