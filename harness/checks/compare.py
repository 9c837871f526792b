"""Two sets of outputs: equal, or where they differ most. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from harness.dtypes import dtype_of_array

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.prediction import Prediction

__all__ = ["Mismatch", "assert_close", "compare"]

_FLOAT_KINDS = "fc"


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """Where an output is not as expected.

    Attributes:
        name: the output's name.
        text: what differs: its presence, dtype, shape, or the worst element with both values.
    """

    name: str
    text: str

    def __str__(self) -> str:
        """Return both in a line."""
        return f"{self.name}: {self.text}"


def compare(
    seen: Mapping[str, np.ndarray],
    expected: Mapping[str, np.ndarray],
    *,
    rtol: float = 1e-5,
    atol: float = 1e-6,
    equal_nan: bool = False,
) -> list[Mismatch]:
    """Return what differs between two sets of outputs, empty if nothing does.

    Args:
        seen: array by output name.
        expected: array by output name.
        rtol: relative tolerance of float outputs; all others must be equal.
        atol: absolute tolerance of float outputs: a difference may be ``atol + rtol * abs(expected)``.
        equal_nan: whether NaN equals NaN; by default it equals nothing.

    Returns:
        At most one mismatch for each output, with the element that differs most.
    """
    mismatches = []
    for name in sorted(seen.keys() | expected.keys()):
        if name not in seen or name not in expected:
            text = "is missing" if name not in seen else "was not expected"
        else:
            text = _difference(np.asarray(seen[name]), np.asarray(expected[name]), _Tolerance(rtol, atol, equal_nan))
        if text:
            mismatches.append(Mismatch(name=name, text=text))
    return mismatches


class _Tolerance(NamedTuple):
    rtol: float
    atol: float
    equal_nan: bool


def _difference(seen: np.ndarray, expected: np.ndarray, tolerance: _Tolerance) -> str:
    if seen.dtype != expected.dtype:
        return f"dtype {seen.dtype}, expected {expected.dtype}"
    if seen.shape != expected.shape:
        return f"shape {list(seen.shape)}, expected {list(expected.shape)}"
    if (
        seen.dtype == np.float16 or not dtype_of_array(seen).is_native
    ):  # differences of halves overflow: float32 holds all
        seen, expected = seen.astype(np.float32), expected.astype(np.float32)
    if seen.dtype.kind in _FLOAT_KINDS:
        return _float_difference(seen, expected, tolerance)
    wrong = np.argwhere(seen != expected)  # one row for each difference, without columns for scalars
    if not len(wrong):
        return ""
    index = tuple(wrong[0])
    pair = [value.item() if isinstance(value, np.generic) else value for value in (seen[index], expected[index])]
    return f"{_place(index)} is {pair[0]!r}, expected {pair[1]!r} ({len(wrong)} of {seen.size} differ)"


def _float_difference(seen: np.ndarray, expected: np.ndarray, tolerance: _Tolerance) -> str:
    rtol, atol, equal_nan = tolerance
    with np.errstate(all="ignore"):
        close = np.isclose(seen, expected, rtol=rtol, atol=atol, equal_nan=equal_nan)
        if close.all():
            return ""
        error = np.where(close, -1.0, np.abs(seen - expected))
        error = np.where(np.isnan(error), np.inf, error)
        flat = int(np.argmax(error))
        index = np.unravel_index(flat, seen.shape)
        relative = float(
            np.abs(seen[index] - expected[index]) / max(np.abs(expected[index]), np.finfo(np.float64).tiny)
        )
    count = int((~close).sum())
    return (
        f"{_place(index)} is {seen[index]!s}, expected {expected[index]!s} (relative error {relative:.3g}, allowed"
        f" {rtol:g} + {atol:g} absolute; {count} of {seen.size} differ)"
    )


def _place(index: Any) -> str:
    return "[" + ", ".join(str(int(i)) for i in index) + "]" if len(index) else "the scalar"


def assert_close(seen: Prediction, expected: Prediction, *, rtol: float = 1e-5, atol: float = 1e-6) -> None:
    """Fail unless two predictions have the same outputs within tolerance; who answered does not matter.

    Raises:
        AssertionError: names every output that differs, and its worst element.
    """
    mismatches = compare(seen.outputs, expected.outputs, rtol=rtol, atol=atol)
    if mismatches:
        raise AssertionError("the predictions differ:\n" + "\n".join(f"  {mismatch}" for mismatch in mismatches))
