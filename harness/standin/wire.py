"""Protobuf's wire form, as far as large tensors need it.

Parsing a request copies its tensors, and every look at ``tensor_content`` copies them again. So a large tensor's
values are cut out of a PredictRequest before it is parsed, and fed to the model from where they lie: a view of the
request's own bytes. Anything unusual is left to the parser. Likewise large outputs are put into a response's bytes
straight from the model's memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["FIXED_WIDTH", "LargeField", "cut_large_tensors", "fields", "map_entry", "read_varint", "varint"]

# The packed fields of TensorProto whose values have a fixed width: name to field number and the values' NumPy dtype.
FIXED_WIDTH = {
    "float_val": (5, "<f4"),
    "double_val": (6, "<f8"),
    "scomplex_val": (9, "<f4"),
    "dcomplex_val": (12, "<f8"),
}
_WIDTHS = {number: int(dtype[2:]) for number, dtype in FIXED_WIDTH.values()}
_CONTENT = 4
_CUT = {_CONTENT, *_WIDTHS}
_INPUTS, _KEY, _VALUE = 2, 1, 2  # PredictRequest.inputs, and the parts of its entries
_LARGE_BYTES = 1 << 16
_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5
_LENGTHS = {_FIXED64: 8, _FIXED32: 4}


@dataclass(frozen=True)
class LargeField:
    """A field of a TensorProto that was cut out: its number, and its bytes where they lie in the request."""

    number: int
    data: memoryview


@dataclass(frozen=True)
class _Field:
    """One field on the wire: ``start`` to ``end`` with its tag, its payload from ``begin``."""

    number: int
    wire_type: int
    start: int
    begin: int
    end: int

    @property
    def size(self) -> int:
        """Bytes of the payload."""
        return self.end - self.begin


def varint(value: int) -> bytes:
    """Encode a number that is not negative."""
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def read_varint(wire: bytes | memoryview, position: int) -> tuple[int, int]:
    """Decode a number; returns it and the position after it.

    Raises:
        ValueError: the bytes end too early.
    """
    value = shift = 0
    while position < len(wire):
        byte = wire[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise ValueError("a number is cut short")


def fields(wire: bytes | memoryview, position: int, end: int) -> Iterator[_Field]:
    """Go through the fields of a message that lies between two positions.

    Raises:
        ValueError: the bytes are no message.
    """
    while position < end:
        start = position
        tag, position = read_varint(wire, position)
        wire_type = tag & 7
        if wire_type == _VARINT:
            begin, (_, position) = position, read_varint(wire, position)
        else:
            if wire_type == _DELIMITED:
                length, begin = read_varint(wire, position)
            elif wire_type in _LENGTHS:
                length, begin = _LENGTHS[wire_type], position
            else:
                raise ValueError(f"wire type {wire_type} is not in use")
            position = begin + length
        if position > end:
            raise ValueError("a field is cut short")
        yield _Field(tag >> 3, wire_type, start, begin, position)


def cut_large_tensors(wire: bytes) -> tuple[bytes, dict[str, LargeField]]:
    """Take the values of large inputs out of a serialised PredictRequest.

    Returns:
        the request without them, and what was cut out by the input's name. The request as it is and nothing, if
        there is nothing large or anything that only a full parse can judge.
    """
    if len(wire) < _LARGE_BYTES:
        return wire, {}
    try:
        return _cut(memoryview(wire))
    except (ValueError, UnicodeDecodeError):
        return wire, {}


def _cut(wire: memoryview) -> tuple[bytes, dict[str, LargeField]]:
    kept: list[bytes | memoryview] = []
    large: dict[str, LargeField] = {}
    seen: set[str] = set()
    for field in fields(wire, 0, len(wire)):
        if field.number != _INPUTS or field.wire_type != _DELIMITED:
            kept.append(wire[field.start : field.end])
            continue
        name, entry, cut = _cut_entry(wire, field)
        if name in seen:
            raise ValueError(f"the input {name} comes twice")
        seen.add(name)
        kept.append(entry)
        if cut is not None:
            large[name] = cut
    return b"".join(kept), large


def _cut_entry(wire: memoryview, entry: _Field) -> tuple[str, bytes | memoryview, LargeField | None]:
    """An entry of the map of inputs: its name, the entry to keep, and what was cut out of its tensor."""
    parts = list(fields(wire, entry.begin, entry.end))
    if sorted(part.number for part in parts) != [_KEY, _VALUE]:
        raise ValueError("an input's entry is not a name and a tensor")
    key, value = sorted(parts, key=lambda part: part.number)
    name = bytes(wire[key.begin : key.end]).decode()
    if value.size < _LARGE_BYTES:
        return name, wire[entry.start : entry.end], None
    inner = list(fields(wire, value.begin, value.end))
    cut = [part for part in inner if part.number in _CUT and part.size >= _LARGE_BYTES]
    if len(cut) != 1 or not _can_be_cut(inner, cut[0]):
        return name, wire[entry.start : entry.end], None
    tensor = b"".join(wire[part.start : part.end] for part in inner if part is not cut[0])
    body = b"".join((wire[key.start : key.end], _delimited(_VALUE, tensor)))
    return name, _delimited(_INPUTS, body), LargeField(cut[0].number, wire[cut[0].begin : cut[0].end])


def _can_be_cut(inner: list[_Field], cut: _Field) -> bool:
    """Whether the field is all there is of its kind and its bytes are whole values."""
    alone = sum(part.number == cut.number for part in inner) == 1
    return alone and cut.wire_type == _DELIMITED and cut.size % _WIDTHS.get(cut.number, 1) == 0


def _delimited(number: int, payload: bytes) -> bytes:
    return varint(number << 3 | _DELIMITED) + varint(len(payload)) + payload


def map_entry(number: int, name: str, value: Sequence[bytes | memoryview]) -> list[bytes | memoryview]:
    """Return the parts of an entry of a map from names to messages, with the value given in parts."""
    size = sum(map(len, value))
    key = _delimited(_KEY, name.encode()) + varint(_VALUE << 3 | _DELIMITED) + varint(size)
    return [varint(number << 3 | _DELIMITED) + varint(len(key) + size) + key, *value]
