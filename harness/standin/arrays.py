"""Arrays in memory that TensorFlow takes as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["aligned", "ready_to_feed"]

_ALIGNMENT, _LARGE_BYTES = 64, 1 << 16


def aligned(count: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return a new flat array on a 64-byte border, so that TensorFlow need not copy it."""
    kind = np.dtype(dtype)
    memory = np.empty(count * kind.itemsize + _ALIGNMENT, np.uint8)
    begin = -memory.ctypes.data % _ALIGNMENT
    return memory[begin : begin + count * kind.itemsize].view(kind)


def ready_to_feed(flat: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a large array that is a view of a message as one that TensorFlow takes without a copy.

    A view is neither writeable nor on a border; NumPy would copy it for the first reason and TensorFlow again for
    the second.
    """
    if flat.flags.writeable or flat.nbytes < _LARGE_BYTES:
        return flat
    copy = aligned(len(flat), flat.dtype)
    copy[:] = flat
    return copy
