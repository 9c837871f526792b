"""Casting between number types without changing the values: what cannot be held is refused, never bent.

NumPy's ``astype`` wraps integers, drops fractions and turns large floats into infinities without a word. The rule
here: integers and booleans must come out exactly; floats may be rounded, but stay finite, infinite or NaN as they
were; a complex number becomes a real one only if it is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.dtypes import dtype_of_array, dtype_of_name
from harness.errors import TensorError

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.dtypes import DType

__all__ = ["cast"]

# Other float types overflow to infinity or NaN; this one stays at its largest value, 6. Up to 7, that is rounding.
_SATURATING = {"float4_e2m1fn": 7.0}


def cast(array: np.ndarray, wanted: DType, *, name: str = "value") -> np.ndarray:
    """Return an array of numbers in another dtype.

    Args:
        array: numbers of any shape.
        wanted: the dtype to hold them in, one of numbers.
        name: what messages call the value.

    Returns:
        The array itself if it has that dtype, else a new one.

    Raises:
        TensorError: a value that the dtype cannot hold (300 for uint8, -1 for uint64, 1.5 for int32, 1e39 for
            float32); the first such value is named.
    """
    if array.dtype == wanted.numpy:
        return array
    source = _widened(array)
    unfit = _UNFIT[wanted.kind](source, wanted)
    if unfit.any():
        place = tuple(int(i) for i in np.argwhere(unfit)[0]) if unfit.ndim else ()
        at = f" at {list(place)}" if place else ""
        raise TensorError(
            f"{name}: {source[place].item()!r}{at} cannot be held in {wanted.name} without changing it"
            f" ({int(unfit.sum())} of {unfit.size} values cannot)"
        )
    if source.dtype.kind == "c" and wanted.kind != "complex":
        source = source.real
    with np.errstate(all="ignore"):
        held: np.ndarray = source.astype(wanted.numpy)
    return held


def _widened(array: np.ndarray) -> np.ndarray:
    """Types of ml_dtypes as float64, which holds all their values, so that NumPy can compute with them."""
    return array if dtype_of_array(array).is_native else array.astype(np.float64)


def _unfit_for_integers(source: np.ndarray, wanted: DType) -> np.ndarray:
    if source.dtype.kind == "c":
        return _either(source.imag != 0, _unfit_for_integers(source.real, wanted))
    low, high = (0, 1) if wanted.kind == "bool" else _limits(wanted)
    if source.dtype.kind != "f":
        return _either(source < low, source > high)
    source = source.astype(np.float64)
    # high + 1 is a power of two and so a float; high itself may be none, and would be rounded up to it.
    outside = _either(~(source >= float(low)), ~(source < float(high + 1)))  # so that NaN is outside too
    return _either(outside, source != np.trunc(source))


def _limits(wanted: DType) -> tuple[int, int]:
    import ml_dtypes

    iinfo: Any = np.iinfo if wanted.is_native else ml_dtypes.iinfo
    info = iinfo(wanted.numpy)
    return int(info.min), int(info.max)


def _unfit_for_floats(source: np.ndarray, wanted: DType) -> np.ndarray:
    if source.dtype.kind == "c":
        return _either(source.imag != 0, _unfit_for_floats(source.real, wanted))
    source = source.astype(np.float64)
    with np.errstate(all="ignore"):
        held = source.astype(wanted.numpy).astype(np.float64)
    unfit = _either(np.isnan(source) != np.isnan(held), np.isinf(source) != np.isinf(held))
    limit = _SATURATING.get(wanted.name)
    return unfit if limit is None else _either(unfit, np.abs(source) >= limit)


def _unfit_for_complex(source: np.ndarray, wanted: DType) -> np.ndarray:
    part = dtype_of_name("float32" if wanted.name == "complex64" else "float64")
    unfit = _unfit_for_floats(source.real, part)
    return _either(unfit, _unfit_for_floats(source.imag, part)) if source.dtype.kind == "c" else unfit


def _either(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.asarray(np.logical_or(left, right))


_UNFIT: dict[str, Callable[[np.ndarray, DType], np.ndarray]] = {
    "bool": _unfit_for_integers,
    "int": _unfit_for_integers,
    "uint": _unfit_for_integers,
    "float": _unfit_for_floats,
    "complex": _unfit_for_complex,
}
