"""TFRecord framing, against fixed bytes and damage. test_warmup.py compares it with TensorFlow's own writer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import SavedModelError
from harness.savedmodel.tfrecord import decode_records, encode_records


def _decoded(content: bytes) -> list[bytes]:
    return list(decode_records(content, source="FILE"))


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_records_survive(records: list[bytes]) -> None:
    """What is encoded is decoded again, empty records and an empty file included."""
    assert _decoded(encode_records(records)) == records


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=3), st.data())
def test_every_damaged_byte_is_noticed(records: list[bytes], data: st.DataObject) -> None:
    """Changing any one byte, of data, length or checksum, is an error."""
    content = bytearray(encode_records(records))
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SavedModelError, match="FILE"):
        _decoded(bytes(content))


def test_every_cut_is_noticed() -> None:
    """A file cut anywhere but between records is an error, not a shorter list."""
    content = encode_records([b"abc"])
    for length in range(1, len(content)):
        with pytest.raises(SavedModelError, match="FILE"):
            _decoded(content[:length])


def test_text_is_no_tfrecord() -> None:
    """Another kind of file is called what it is."""
    with pytest.raises(SavedModelError, match="no TFRecord file"):
        _decoded(b"instances: [1, 2, 3] and so on")


def test_a_torn_last_record_is_told_where_that_is_asked_for() -> None:
    """Wherever the last record is cut, those before it are there and the cut is told; damage stays an error."""
    first, whole = encode_records([b"abc"]), encode_records([b"abc", b"defg"])
    for length in range(len(first) + 1, len(whole)):
        told: list[str] = []
        assert list(decode_records(whole[:length], source="FILE", on_torn=told.append)) == [b"abc"]
        assert len(told) == 1
        assert f"FILE is cut short: the record at byte {len(first)}" in told[0]
    with pytest.raises(SavedModelError, match="damaged"):
        list(decode_records(whole[:-1] + b"?", source="FILE", on_torn=[].append))
    with pytest.raises(SavedModelError, match="no TFRecord file"):
        list(decode_records(b"abc", source="FILE", on_torn=[].append))
