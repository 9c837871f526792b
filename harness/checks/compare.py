"""Two sets of outputs: equal, or where they differ most. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

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
    seen: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray], *, rtol: float = 1e-5, atol: float = 1e-6
) -> list[Mismatch]:
    """Return what differs between two sets of outputs, empty if nothing does.

    Args:
        seen: array by output name.
        expected: array by output name.
        rtol: relative tolerance of float outputs; all others must be equal.
        atol: absolute tolerance of float outputs.

    Returns:
        At most one mismatch for each output. NaN equals nothing, not even NaN.
    """
    mismatches = []
    for name in sorted(seen.keys() | expected.keys()):
        if name not in seen or name not in expected:
            text = "is missing" if name not in seen else "was not expected"
        else:
            text = _difference(np.asarray(seen[name]), np.asarray(expected[name]), rtol, atol)
        if text:
            mismatches.append(Mismatch(name=name, text=text))
    return mismatches


def _difference(seen: np.ndarray, expected: np.ndarray, rtol: float, atol: float) -> str:
    if seen.dtype != expected.dtype:
        return f"dtype {seen.dtype}, expected {expected.dtype}"
    if seen.shape != expected.shape:
        return f"shape {list(seen.shape)}, expected {list(expected.shape)}"
    if seen.dtype.kind == "V":  # bfloat16 and its like: compare as float32, which holds them all
        seen, expected = seen.astype(np.float32), expected.astype(np.float32)
    if seen.dtype.kind in _FLOAT_KINDS:
        return _float_difference(seen, expected, rtol, atol)
    wrong = np.argwhere(seen != expected)
    if not wrong.size and not (seen.shape == () and seen != expected):
        return ""
    index = tuple(wrong[0]) if wrong.size else ()
    return f"{_place(index)} is {seen[index]!r}, expected {expected[index]!r} ({len(wrong) or 1} of {seen.size} differ)"


def _float_difference(seen: np.ndarray, expected: np.ndarray, rtol: float, atol: float) -> str:
    with np.errstate(all="ignore"):
        close = np.isclose(seen, expected, rtol=rtol, atol=atol)
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
    """Fail unless two predictions have the same outputs within tolerance.

    Raises:
        AssertionError: names every output that differs, and its worst element.
    """
    mismatches = compare(seen.outputs, expected.outputs, rtol=rtol, atol=atol)
    if mismatches:
        raise AssertionError("the predictions differ:\n" + "\n".join(f"  {mismatch}" for mismatch in mismatches))
