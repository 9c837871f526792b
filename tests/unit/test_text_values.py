"""The elements of string tensors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import TensorError
from harness.text_values import as_bytes, byte_array, byte_list, split_packed


def test_byte_arrays_keep_elements_whole() -> None:
    """Byte strings are elements, never looked into, in the shape asked for."""
    array = byte_array([b"ab", b"", b"c\0", b"d"], (2, 2))
    assert array.shape == (2, 2)
    assert array.tolist() == [[b"ab", b""], [b"c\0", b"d"]]


def test_a_scalar_of_text_stays_a_scalar() -> None:
    """A rank-0 array gives a rank-0 array and a list of one."""
    scalar = np.array("é", dtype=object)
    assert as_bytes(scalar, "x").shape == ()
    assert byte_list(scalar, "x") == ["é".encode()]


def test_numpys_own_text_types_become_plain_bytes() -> None:
    """np.str_ and np.bytes_ elements become bytes that protobuf takes."""
    elements = byte_list(np.array([np.str_("a"), np.bytes_(b"b")], dtype=object), "x")
    assert [type(element) for element in elements] == [bytes, bytes]


@given(strings=st.lists(st.binary(max_size=300), max_size=5))
def test_packed_strings_come_back(strings: list[bytes]) -> None:
    """Lengths as varints followed by all bytes are split into the strings they were."""
    packed = b"".join(_varint(len(string)) for string in strings) + b"".join(strings)
    assert split_packed(packed, len(strings), "x") == strings


def _varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + _varint(number >> 7)


def test_packed_strings_of_another_count_are_refused() -> None:
    """Content for two strings is no content for one."""
    with pytest.raises(TensorError, match="x: tensor_content holds 4 bytes, but its 1 strings take 2"):
        split_packed(b"\x01\x01ab", 1, "x")
