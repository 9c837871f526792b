"""Units in the last place: how many representable numbers lie between two floats. Pure."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

__all__ = ["ulps_apart"]


def ulps_apart(left: Any, right: Any) -> int:
    """Return by how many steps to the next representable number two finite floats of one dtype differ.

    A float's bits without the sign, read as an integer, grow by one from each number to the next (IEEE 754), so the
    distance is that of the integers, with those of negative numbers taken negative. +0 and -0 are the same.

    Args:
        left: a NumPy scalar, of float16 ... float64 or a float of ml_dtypes.
        right: another of the same dtype.
    """
    return abs(_rank(left) - _rank(right))


def _rank(value: Any) -> int:
    dtype = value.dtype
    pattern = int(np.asarray(value).view(f"u{dtype.itemsize}"))
    bits: int = ml_dtypes.finfo(dtype).bits  # type: ignore[no-untyped-call]
    sign = 1 << (bits - 1)
    return -(pattern - sign) if pattern & sign else pattern
