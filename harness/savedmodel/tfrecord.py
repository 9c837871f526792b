"""TFRecord files: length-framed records with masked CRC-32C checksums, without TensorFlow.

The frame, as TensorFlow documents it (tutorial "TFRecord and tf.train.Example"): uint64 length, uint32 masked CRC of
the length, the data, uint32 masked CRC of the data, all little-endian.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import google_crc32c

from harness.errors import SavedModelError

if TYPE_CHECKING:
    import mmap
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["decode_records", "encode_records"]

_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")
_HEADER_SIZE = _LENGTH.size + _CRC.size
_MASK_DELTA = 0xA282EAD8
_UINT32 = 0xFFFFFFFF


def _masked_crc(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    rotated = (crc >> 15) | (crc << 17)
    return _CRC.pack((rotated + _MASK_DELTA) & _UINT32)


def encode_records(records: Iterable[bytes]) -> bytes:
    """Return the content of a TFRecord file with these records."""
    parts = []
    for record in records:
        length = _LENGTH.pack(len(record))
        parts += [length, _masked_crc(length), record, _masked_crc(record)]
    return b"".join(parts)


def decode_records(
    content: bytes | mmap.mmap, *, source: str, on_torn: Callable[[str], None] | None = None
) -> Iterator[bytes]:
    """Yield the records of a TFRecord file's content.

    Args:
        content: the whole file, or a map of it.
        source: what messages call it, e.g. its path.
        on_torn: told of a last record that is not whole, as in the file of a writer that is still writing, or was
            killed; the records before it are all there are then. None makes it an error.

    Raises:
        SavedModelError: cut short, or a checksum that does not match.
    """
    position = 0
    while position < len(content):
        length = None if on_torn and _is_torn_header(content, position) else _read_length(content, position, source)
        start = position + _HEADER_SIZE
        end = len(content) if length is None else start + length
        data, crc = content[start:end], content[end : end + _CRC.size]
        if length is None or len(crc) < _CRC.size:
            wanted = "a head" if length is None else f"{length} bytes of data"
            message = f"{source} is cut short: the record at byte {position} wants {wanted}"
            if on_torn is None:
                raise SavedModelError(message)
            on_torn(message)
            return
        if crc != _masked_crc(data):
            raise SavedModelError(f"{source} is damaged: the record at byte {position} has a wrong checksum")
        yield data
        position = end + _CRC.size


def _is_torn_header(content: bytes | mmap.mmap, position: int) -> bool:
    """Whether only the beginning of a record's head is there; a file that holds nothing else is no TFRecord file."""
    return position > 0 and len(content) - position < _HEADER_SIZE


def _read_length(content: bytes | mmap.mmap, position: int, source: str) -> int:
    header = content[position : position + _HEADER_SIZE]
    length = header[: _LENGTH.size]
    if len(header) < _HEADER_SIZE or header[_LENGTH.size :] != _masked_crc(length):
        raise SavedModelError(f"{source} is no TFRecord file, or damaged or cut short at byte {position}")
    return int(_LENGTH.unpack(length)[0])
