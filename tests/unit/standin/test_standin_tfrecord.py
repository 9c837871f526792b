"""TFRecord files are read like TensorFlow reads them."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.standin.status import StatusError
from harness.standin.tfrecord import masked_crc32c, records


def record(data: bytes) -> bytes:
    """One record of a TFRecord file."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc32c(length)) + data + struct.pack("<I", masked_crc32c(data))


def test_the_checksum_is_the_standards() -> None:
    """CRC-32C of 123456789 is 0xE3069283; TFRecord rotates it and adds a constant."""
    crc = 0xE3069283
    assert masked_crc32c(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_records_come_back(texts: list[bytes]) -> None:
    """What was written is read, empty records included."""
    assert list(records(b"".join(map(record, texts)))) == texts


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"this is not a TFRecord file at all", "corrupted record at 0 (Is this even a TFRecord file?)"),
        (record(b"abc")[:-1], "truncated record at 0' failed with Read less bytes than requested"),
        (record(b"abc")[:12], "truncated record at 0' failed with Read less bytes than requested"),
        (
            record(b"abc") * 2 + record(b"abc")[:-1],
            "truncated record at 38' failed with Read less bytes than requested",
        ),
        (record(b"abc")[:-1] + b"x", "corrupted record at 12"),
        (record(b"abc") + record(b"abc")[:-1] + b"x", "corrupted record at 31"),
        (record(b"abc") + bytes(12), "corrupted record at 19"),
        (b"\xff" * 8 + struct.pack("<I", masked_crc32c(b"\xff" * 8)), "record size too large"),
    ],
)
def test_broken_files(data: bytes, text: str) -> None:
    """Broken files are DATA_LOSS with the reader's texts (behaviour item 187)."""
    with pytest.raises(StatusError) as caught:
        list(records(data))
    assert (caught.value.code, caught.value.message) == ("DATA_LOSS", text)


@pytest.mark.parametrize("rest", [b"", b"x", record(b"abc")[:11]])
def test_less_than_a_head_is_the_end(rest: bytes) -> None:
    """TensorFlow's reader takes up to eleven bytes behind the last record for the end of the file."""
    assert list(records(record(b"abc") + rest)) == [b"abc"]
