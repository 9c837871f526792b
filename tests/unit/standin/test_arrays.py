"""Arrays are laid out so that TensorFlow takes them as they are."""

from __future__ import annotations

import numpy as np
import pytest

from harness.standin.arrays import aligned, ready_to_feed


@pytest.mark.parametrize("count", [1, 1000, 1 << 20])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.complex128])
def test_new_arrays_begin_on_a_border(count: int, dtype: type) -> None:
    """Any number of elements of any size begins at a multiple of 64 bytes, and can be written."""
    array = aligned(count, dtype)
    assert (len(array), array.dtype, array.ctypes.data % 64) == (count, np.dtype(dtype), 0)
    array[:] = 1
    assert (array == 1).all()


def test_only_large_views_are_copied() -> None:
    """A small view and an array of one's own are fed as they are."""
    small, own = np.frombuffer(bytes(100), np.uint8), np.zeros(1 << 17, np.uint8)
    assert ready_to_feed(small) is small
    assert ready_to_feed(own) is own
    large = np.frombuffer(bytes(range(256)) * 512, np.uint8)
    copy = ready_to_feed(large)
    assert copy.flags.writeable
    assert copy.ctypes.data % 64 == 0
    assert (copy == large).all()
