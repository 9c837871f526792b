"""Reading TFRecord files, with the errors of TensorFlow's reader.

A record is its length (8 bytes, little-endian), a masked CRC-32C of the length, the data, and a masked CRC-32C of
the data.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import google_crc32c

from harness.standin.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["masked_crc32c", "records"]

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_LARGEST_LENGTH = 2**64 - 1 - 4
_MASK_DELTA = 0xA282EAD8


def masked_crc32c(data: bytes) -> int:
    """The checksum TFRecord files carry: CRC-32C, rotated right by 15 bits, plus a constant."""
    crc: int = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def records(data: bytes) -> Iterator[bytes]:
    """Yield the records of a file's contents; what is too short for a record's head counts as the end.

    Raises:
        StatusError: DATA_LOSS, a record is cut short or a checksum does not fit.
    """
    start = 0
    while len(data) - start >= _HEADER.size:
        header = data[start : start + _HEADER.size]
        length, length_crc = _HEADER.unpack(header)
        if masked_crc32c(header[:8]) != length_crc:
            raise _corrupted(start)
        if length >= _LARGEST_LENGTH:
            raise StatusError("DATA_LOSS", "record size too large")
        begin = start + _HEADER.size
        record, footer = data[begin : begin + length], data[begin + length : begin + length + _FOOTER.size]
        if len(footer) < _FOOTER.size:
            raise StatusError("DATA_LOSS", f"truncated record at {start}' failed with Read less bytes than requested")
        if masked_crc32c(record) != _FOOTER.unpack(footer)[0]:
            raise _corrupted(begin)
        yield record
        start = begin + length + _FOOTER.size


def _corrupted(offset: int) -> StatusError:
    """The error of a checksum; only of a file's very first bytes TensorFlow doubts that they are a TFRecord's."""
    doubt = "" if offset else " (Is this even a TFRecord file?)"
    return StatusError("DATA_LOSS", f"corrupted record at {offset}{doubt}")
