"""Floats in the digits of tensorflow_model_server's replies (behaviour items 162 and 163).

``%g`` with six digits if that reads back to the same value in the tensor's dtype, else ``%.9g`` for float and
``%.17g`` for double; ``.0`` behind what has neither point nor exponent. The REST threads of the server treat
denormal values as zero.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["decimal_texts"]

_SIX_DIGITS = "%g"
_FULL_DIGITS = {np.dtype(np.float32): "%.9g", np.dtype(np.float64): "%.17g"}
_SMALLEST_NORMAL = {
    np.dtype(np.float32): float(np.finfo(np.float32).tiny),
    np.dtype(np.float64): float(np.finfo(np.float64).tiny),
}
_WORDS = {b"inf": b"Infinity", b"-inf": b"-Infinity", b"nan": b"NaN", b"-nan": b"NaN"}
_FEW = 16


def decimal_texts(values: npt.NDArray[Any]) -> list[bytes]:
    """Return the JSON text of each float32 or float64 of a flat array."""
    texts = _few(values) if len(values) <= _FEW else _many(values)
    return [text if b"." in text or b"e" in text else _WORDS.get(text) or text + b".0" for text in texts]


def _few(values: npt.NDArray[Any]) -> list[bytes]:
    """Return the digits of a handful of values, one by one: NumPy's fixed costs would dominate."""
    full, smallest, exact = _FULL_DIGITS[values.dtype], _SMALLEST_NORMAL[values.dtype], values.dtype.type
    texts = []
    for value in values.tolist():
        if -smallest < value < smallest:
            texts.append(b"-0" if math.copysign(1.0, value) < 0 else b"0")
            continue
        six = _SIX_DIGITS % value
        read_back = float(six) if exact is np.float64 or not math.isfinite(value) else float(exact(six))
        texts.append((six if read_back == value else full % value).encode())
    return texts


def _many(values: npt.NDArray[Any]) -> list[bytes]:
    """Return the digits of many values; six digits are only tried where they may be enough."""
    tiny = np.abs(values) < _SMALLEST_NORMAL[values.dtype]
    if tiny.any():
        values = np.where(tiny, np.copysign(values.dtype.type(0), values), values)
    short = _maybe_short(values)
    candidates = _print_all(values[short], _SIX_DIGITS)
    with np.errstate(over="ignore", invalid="ignore"):
        read_back = np.array([float(text) for text in candidates]).astype(values.dtype)
    enough = read_back == values[short]
    if enough.all() and short.all():
        return candidates
    texts = np.empty(len(values), object)
    texts[short] = candidates
    short[short] = enough
    texts[~short] = _print_all(values[~short], _FULL_DIGITS[values.dtype])
    return cast("list[bytes]", texts.tolist())


def _print_all(values: npt.NDArray[Any], template: str) -> list[bytes]:
    """Print all values with one template, in one go."""
    return ((template + " ") * len(values) % tuple(values.tolist())).encode().split()


def _maybe_short(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Mark the values that are near some six-digit number; for the rest six digits cannot be enough.

    A six-digit number that reads back lies within half a unit of the value's last bit, which is at most 0.06 of
    its sixth digit for float32 and next to nothing for float64. The margin covers the rounding in here.
    """
    with np.errstate(all="ignore"):
        wide = np.abs(values.astype(np.float64))
        scaled = wide / 10.0 ** (np.floor(np.log10(wide)) - 5)
        distance = np.abs(scaled - np.rint(scaled))
    return ~(distance > (0.25 if values.dtype == np.float32 else 1e-3))
