"""Two sets of outputs: equal, or where they differ most. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.checks.tolerance import TOLERANCES, Tolerance
from harness.checks.ulps import ulps_apart
from harness.dtypes import dtype_of_array

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.dtypes import DType
    from harness.prediction import Prediction

__all__ = ["Mismatch", "assert_close", "compare"]

_FLOAT_KINDS = frozenset({"float", "complex"})
_LONGEST_TEXT = 60


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """Where an output is not as expected.

    Attributes:
        name: the output's name.
        text: what differs: its presence, dtype, shape, or the worst element with both values.
        index: where the worst element is, empty for a scalar; None if not the elements differ.
    """

    name: str
    text: str
    index: tuple[int, ...] | None = None

    def __str__(self) -> str:
        """Return both in a line."""
        return f"{self.name}: {self.text}"


def compare(
    seen: Mapping[str, np.ndarray],
    expected: Mapping[str, np.ndarray],
    *,
    rtol: float | None = None,
    atol: float | None = None,
    tolerances: Mapping[str, Tolerance] = TOLERANCES,
    equal_nan: bool = False,
) -> list[Mismatch]:
    """Return what differs between two sets of outputs, empty if nothing does.

    Args:
        seen: array by output name.
        expected: array by output name.
        rtol: relative tolerance of all float outputs; None takes it from ``tolerances``.
        atol: absolute tolerance of all float outputs, which may differ by ``atol + rtol * abs(expected)``; None takes
            it from ``tolerances``.
        tolerances: by dtype; a float dtype that is missing has the usual ones. What is no float must be equal.
        equal_nan: whether NaN equals NaN; by default it equals nothing.

    Returns:
        At most one mismatch for each output, with the element that differs most.
    """
    mismatches = []
    for name in sorted(seen.keys() | expected.keys()):
        if name not in seen or name not in expected:
            mismatches.append(Mismatch(name=name, text="is missing" if name not in seen else "was not expected"))
            continue
        pair = np.asarray(seen[name]), np.asarray(expected[name])
        found = _different_form(name, *pair) or _different_values(name, *pair, (rtol, atol), tolerances, equal_nan)
        mismatches += [found] if found else []
    return mismatches


def _different_form(name: str, seen: np.ndarray, expected: np.ndarray) -> Mismatch | None:
    if seen.dtype != expected.dtype:
        return Mismatch(name=name, text=f"dtype {seen.dtype}, expected {expected.dtype}")
    if seen.shape != expected.shape:
        return Mismatch(name=name, text=f"shape {list(seen.shape)}, expected {list(expected.shape)}")
    return None


def _different_values(
    name: str,
    seen: np.ndarray,
    expected: np.ndarray,
    given: tuple[float | None, float | None],
    tolerances: Mapping[str, Tolerance],
    equal_nan: bool,  # noqa: FBT001 - passed on
) -> Mismatch | None:
    dtype = dtype_of_array(expected)
    if dtype.kind not in _FLOAT_KINDS:
        return _unequal(name, seen, expected, dtype)
    tolerance = _chosen(tolerances.get(dtype.name, TOLERANCES[dtype.name]), *given).at(expected)
    return _apart(name, seen, expected, tolerance, equal_nan)


def _chosen(usual: Tolerance, rtol: float | None, atol: float | None) -> Tolerance:
    if rtol is None and atol is None:
        return usual
    return Tolerance(rtol=usual.rtol if rtol is None else rtol, atol=usual.atol if atol is None else atol)


def _unequal(name: str, seen: np.ndarray, expected: np.ndarray, dtype: DType) -> Mismatch | None:
    """Compare what is no float: numbers differ most where they are farthest apart, all else where it differs first."""
    if not dtype.is_native:
        seen, expected = seen.astype(np.int32), expected.astype(np.int32)
    wrong = np.asarray(seen != expected, dtype=bool)
    if not wrong.any():
        return None
    distance = _distance(seen, expected) if dtype.kind in {"int", "uint"} else wrong
    index = _place_of(np.argmax(distance), seen.shape)
    values = f"{_shown(seen[index])}, expected {_shown(expected[index])}"
    text = f"{_place(index)} is {values} ({int(wrong.sum()):,} of {seen.size:,} differ)"
    return Mismatch(name=name, text=text, index=index)


def _distance(seen: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return how far integers are apart, in the unsigned type of their width, which holds every distance."""
    higher, lower = np.maximum(seen, expected), np.minimum(seen, expected)
    unsigned = np.dtype(f"u{seen.dtype.itemsize}")
    with np.errstate(over="ignore"):
        return np.asarray(higher.astype(unsigned) - lower.astype(unsigned))


def _apart(
    name: str,
    seen: np.ndarray,
    expected: np.ndarray,
    tolerance: Tolerance,
    equal_nan: bool,  # noqa: FBT001 - passed on
) -> Mismatch | None:
    """Compare floats. The worst element is the one that exceeds what is allowed there by the largest factor."""
    wide = np.complex128 if seen.dtype.kind == "c" else np.float64  # differences of halves overflow in their own type
    left, right = seen.astype(wide), expected.astype(wide)
    with np.errstate(all="ignore"):
        close = np.isclose(left, right, rtol=tolerance.rtol, atol=tolerance.atol, equal_nan=equal_nan)
        if close.all():
            return None
        excess = np.abs(left - right) / (tolerance.atol + tolerance.rtol * np.abs(right))
    excess = np.where(np.isnan(excess), np.inf, excess)
    index = _place_of(np.argmax(np.where(close, -1.0, excess)), seen.shape)
    values = f"{_shown(seen[index])}, expected {_shown(expected[index])}"
    count = f"{int((~close).sum()):,} of {close.size:,} differ"
    allowed = f"allowed {tolerance.rtol:.3g} relative + {tolerance.atol:.3g} absolute"
    parts = ", ".join([*_errors(seen[index], expected[index]), allowed])
    return Mismatch(name=name, text=f"{_place(index)} is {values} ({parts}; {count})", index=index)


def _errors(seen: Any, expected: Any) -> list[str]:
    """Return how wrong one element is, relative and in ulps; nothing where one of the values is not finite."""
    wide = complex if seen.dtype.kind == "c" else float
    left, right = wide(seen), wide(expected)
    if not (np.isfinite(left) and np.isfinite(right)):
        return []
    with np.errstate(all="ignore"):
        relative = [f"relative error {float(np.abs(np.subtract(left, right)) / np.abs(right)):.3g}"] if right else []
    if wide is complex:
        return relative
    apart = ulps_apart(seen, expected)
    return [*relative, f"{apart:,} ulps" if apart < 10**9 else f"{float(apart):.3g} ulps"]


def _place_of(flat: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(int(flat), shape))


def _place(index: tuple[int, ...]) -> str:
    return str(list(index)) if index else "the scalar"


def _shown(value: Any) -> str:
    """Return an element as text; long ones are cut."""
    if isinstance(value, np.generic) and value.dtype.kind in "fcV":
        return str(value)
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}... ({len(value):,} bytes)"


def assert_close(
    seen: Prediction, expected: Prediction, *, rtol: float | None = None, atol: float | None = None
) -> None:
    """Fail unless two predictions have the same outputs within tolerance; who answered does not matter.

    Without ``rtol`` and ``atol`` the tolerance is the usual one of each output's dtype (``harness.checks.tolerance``).

    Raises:
        AssertionError: names every output that differs, and its worst element.
    """
    mismatches = compare(seen.outputs, expected.outputs, rtol=rtol, atol=atol)
    if mismatches:
        raise AssertionError("the predictions differ:\n" + "\n".join(f"  {mismatch}" for mismatch in mismatches))
