"""Values of each dtype, and arrays of them.

Of several ways to draw a value the tame one comes first: hypothesis shrinks towards it, so what is left wild in a
failing example is what made it fail. Text is drawn as bytes, since drawing characters would leave files behind.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
from hypothesis import strategies as st

from harness.dtypes import DType, dtype_of_name
from harness.text_values import byte_array

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

__all__ = ["array_of", "arrays", "corner_values", "elements", "plain_element", "replace_some"]

_TAME_NUMBERS = (0, 1, 2, 3, 9)
_NOT_FINITE = (math.nan, math.inf, -math.inf)
_WORDS = (b"", b"a", b"0", b"word", b"two words")
_WILD_BYTES = (
    b"\x00",
    b"tail\x00",
    b"\xff\xfe",  # not UTF-8
    b"\xc3",  # a cut character
    b'"\\\n\t{}[]',
    "\u00e9\u4e16\U0001f600".encode(),
    b"-1e999",
    b"nan",
    b"x" * 1000,
)
_FEW = 8  # up to this size each element is drawn, beyond it one for all and some exceptions
_WIDEST = {"float": np.dtype(np.float64), "complex": np.dtype(np.complex128)}
_PART_OF_COMPLEX = {"complex64": "float32", "complex128": "float64"}


def elements(dtype: str | DType) -> SearchStrategy[Any]:
    """Return a strategy for the values of a dtype: tame ones, its limits, what no one expects, and any others.

    Floats come with NaN, infinities, denormals and -0.0, integers with both limits, strings as ``bytes`` that may be
    no UTF-8.

    Raises:
        TensorError: no such dtype, or one that no NumPy array can hold.
    """
    return _elements(dtype_of_name(dtype) if isinstance(dtype, str) else dtype)


@cache
def _elements(row: DType) -> SearchStrategy[Any]:
    if row.is_string:
        return st.sampled_from(_WORDS) | st.sampled_from(_WILD_BYTES) | st.binary(max_size=20)
    if row.kind == "bool":
        return st.booleans()
    if row.kind in {"int", "uint"}:
        return _integers(row)
    if row.kind == "complex":
        part = _elements(dtype_of_name(_PART_OF_COMPLEX[row.name]))
        return st.builds(complex, part, part)
    return _floats(row)


def _integers(row: DType) -> SearchStrategy[int]:
    info = ml_dtypes.iinfo(row.numpy)  # type: ignore[no-untyped-call] # ml_dtypes leaves it without types
    tame = [number for number in _TAME_NUMBERS if number <= int(info.max)]
    return st.sampled_from(tame) | st.sampled_from(_limits(row)) | st.integers(int(info.min), int(info.max))


def _limits(row: DType) -> list[int]:
    info = ml_dtypes.iinfo(row.numpy)  # type: ignore[no-untyped-call] # same
    lowest, highest = int(info.min), int(info.max)
    return sorted({lowest, lowest + 1, highest - 1, highest, max(lowest, -1)}, key=abs)


def _floats(row: DType) -> SearchStrategy[float]:
    return st.one_of(
        st.sampled_from([float(number) for number in _TAME_NUMBERS]),
        st.sampled_from(_NOT_FINITE),
        st.sampled_from(_sizes(row)),
        st.floats(width=64 if row.name == "float64" else 32),
    )


def _sizes(row: DType) -> list[float]:
    info = ml_dtypes.finfo(row.numpy)  # type: ignore[no-untyped-call] # opaque dtypes are refused here
    sizes = [float(size) for size in (info.smallest_subnormal, info.tiny, info.eps, info.max)]
    return [-0.0, *sizes, *(-size for size in sizes)]


def corner_values(dtype: DType) -> list[Any]:
    """Return the values that most often break a model, each of which should be tried."""
    if dtype.is_string:
        return [b"", *_WILD_BYTES]
    if dtype.kind == "bool":
        return [False, True]
    if dtype.kind in {"int", "uint"}:
        return [0, *_limits(dtype)]
    if dtype.kind == "complex":
        return [complex(part, part) for part in (0.0, *_NOT_FINITE)]
    return [0.0, *_NOT_FINITE, *_sizes(dtype)]


def plain_element(dtype: DType) -> Any:
    """Return a value as tame as can be: 1, ``b"a"`` or True."""
    return {"string": b"a", "bool": True}.get(dtype.kind, 1)


def array_of(values: list[Any], dtype: DType, shape: tuple[int, ...]) -> np.ndarray:
    """Return an array of values in row-major order; floats are rounded to the dtype, as far as infinity."""
    if dtype.is_string:
        return byte_array(values, shape)
    widest = _WIDEST.get(dtype.kind, dtype.numpy if dtype.is_native else np.dtype(np.int32))
    with np.errstate(all="ignore"):
        return np.array(values, dtype=widest).astype(dtype.numpy).reshape(shape)


@st.composite
def arrays(draw: DrawFn, dtype: DType, shape: tuple[int, ...]) -> np.ndarray:
    """Draw an array; a large one has one value everywhere but in a few places."""
    size = math.prod(shape)
    values = elements(dtype)
    if size <= _FEW:
        return array_of(draw(st.lists(values, min_size=size, max_size=size)), dtype, shape)
    array = array_of([draw(values)], dtype, (1,)).repeat(size)
    replace_some(draw, array, dtype)
    return array.reshape(shape)


def replace_some(draw: DrawFn, flat: np.ndarray, dtype: DType, *, most: int = 4) -> None:
    """Draw other values for a few places of a flat array."""
    places = st.tuples(st.integers(0, flat.size - 1), elements(dtype))
    for place, value in draw(st.lists(places, max_size=most)):
        flat[place : place + 1] = array_of([value], dtype, (1,))
