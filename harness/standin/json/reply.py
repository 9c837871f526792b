"""The reply to a predict request: output tensors laid out as JSON text (behaviour items 154 to 166).

The layout is that of RapidJSON's PrettyWriter with four spaces, switched to single-line arrays inside the rows,
quirks included: the closing bracket of ``predictions`` stands on its own line, its first element does not.
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Any

from harness.protos import types_pb2
from harness.standin.dtypes import BY_NUMPY
from harness.standin.json.decimal import decimal_texts
from harness.standin.json.layout import indented, single_line
from harness.standin.json.tensor import ROWS
from harness.standin.json.text import quote
from harness.standin.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

__all__ = ["predict_reply"]

_INDENT = b"    "
_BYTES_SUFFIX = "_bytes"
_ROWS_AT_ONCE = 1 << 12
_INTEGERS = frozenset(
    types_pb2.DataType.Value(f"DT_{name}") for name in ("INT8", "INT16", "INT32", "UINT8", "INT64", "UINT32", "UINT64")
)
_FLOATS = (types_pb2.DT_FLOAT, types_pb2.DT_DOUBLE)


def predict_reply(outputs: Mapping[str, np.ndarray[Any, Any]], form: str) -> bytearray:
    """Return the body of the reply.

    Args:
        outputs: name to array; strings are object arrays of bytes.
        form: ROWS or COLUMNS of ``tensor``.

    Raises:
        StatusError: a dtype that JSON cannot hold; in row form, outputs that are no batch of one size.
    """
    if not outputs:
        raise StatusError("INVALID_ARGUMENT", "Cannot convert empty tensor map to JSON")
    tensors = [_Tensor(name, outputs[name]) for name in sorted(outputs)]
    out = bytearray(b'{\n    "%s": ' % form.encode())
    (_rows if form == ROWS else _columns)(out, tensors)
    out += b"\n}"
    return out


class _Tensor:
    """One output."""

    def __init__(self, name: str, array: np.ndarray[Any, Any]) -> None:
        """Keep the array; its dtype is looked at when there is an element to write."""
        self.key = quote(name.encode().split(b"\0", 1)[0])
        self.name = name
        self.shape = list(array.shape)
        self.flat = array.reshape(-1)

    def texts(self, start: int, stop: int, depth: int) -> list[bytes]:
        """Return the JSON text of some elements; ``depth`` is the level that they stand on."""
        some = self.flat[start:stop]
        dtype = BY_NUMPY[some.dtype]
        if dtype.number in _FLOATS:
            return decimal_texts(some)
        if dtype.number in _INTEGERS:
            return [b"%d" % value for value in some.tolist()]
        if dtype.number == types_pb2.DT_BOOL:
            return [b"true" if value else b"false" for value in some.tolist()]
        if dtype.number == types_pb2.DT_STRING:
            return self._string_texts(some.tolist(), depth)
        text = f"Failed to write JSON value for tensor type: {dtype.name}"
        raise StatusError("INVALID_ARGUMENT", text)

    def _string_texts(self, values: list[bytes], depth: int) -> list[bytes]:
        """Return strings as they are, or as base64 objects if the output's name says they are bytes."""
        if not self.name.endswith(_BYTES_SUFFIX):
            return [quote(value) for value in values]
        before = b'{\n%s"b64": "' % (_INDENT * (depth + 1))
        after = b'"\n%s}' % (_INDENT * depth)
        return [before + binascii.b2a_base64(value, newline=False) + after for value in values]


def _rows(out: bytearray, tensors: list[_Tensor]) -> None:
    """Lay out the row form."""
    count = _batch_size(tensors)
    if count == 0:
        out += b"[]"
    elif len(tensors) == 1:
        layout = single_line(tensors[0].shape)
        layout.write(out, lambda start, stop: tensors[0].texts(start, stop, 1 + len(layout.shape)), end=b"\n    ]")
    else:
        out += b"["
        for start in range(0, count, _ROWS_AT_ONCE):
            columns = [_row_texts(tensor, start, min(start + _ROWS_AT_ONCE, count)) for tensor in tensors]
            items = (b"\n        {\n" + b",\n".join(members) + b"\n        }" for members in zip(*columns, strict=True))
            out += (b"," if start else b"") + b",".join(items)
        out += b"\n    ]"


def _batch_size(tensors: list[_Tensor]) -> int:
    """Return the first dimension that all outputs must share."""
    size: int | None = None
    for tensor in tensors:
        if not tensor.shape:
            raise StatusError("INVALID_ARGUMENT", f"Tensor name: {tensor.name} has no shape information ")
        if size is not None and size != tensor.shape[0]:
            text = f"Tensor name: {tensor.name} has inconsistent batch size: {tensor.shape[0]} expecting: {size}"
            raise StatusError("INVALID_ARGUMENT", text)
        size = tensor.shape[0]
    return size or 0


def _row_texts(tensor: _Tensor, start: int, stop: int) -> list[bytes]:
    """Return the members that some rows have for one output of several."""
    layout = single_line(tensor.shape[1:])
    size = layout.size
    texts = tensor.texts(start * size, stop * size, 3 + len(layout.shape)) if size else []

    def row(first: int) -> bytes:
        out = bytearray(b"            " + tensor.key + b": ")
        layout.write(out, lambda begin, end: texts[first + begin : first + end])
        return bytes(out)

    return [row(index * size) for index in range(stop - start)]


def _columns(out: bytearray, tensors: list[_Tensor]) -> None:
    """Lay out the column form."""
    if len(tensors) == 1:
        _column(out, tensors[0], 1)
        return
    for index, tensor in enumerate(tensors):
        out += (b",\n        " if index else b"{\n        ") + tensor.key + b": "
        _column(out, tensor, 2)
    out += b"\n    }"


def _column(out: bytearray, tensor: _Tensor, depth: int) -> None:
    """Append an output with one element per line; it stands on level ``depth``."""
    layout = indented(tensor.shape, depth)
    layout.write(out, lambda start, stop: tensor.texts(start, stop, depth + len(layout.shape)))
