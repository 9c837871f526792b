"""Noise: how far two right answers to the same rows may lie apart.

Kernels sum in another order for another batch size, and some for another number of idle processors. The last bits
differ then, and no answer is wrong. How many bits depends on the coarsest float type that the model computes in, which
need not be that of its outputs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from harness.checks.compare import Mismatch, compare
from harness.dtypes import dtype_of_array, dtype_of_name
from harness.errors import LayoutError
from harness.savedmodel.graph_dtypes import graph_dtypes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.checks.subject import Subject
    from harness.signatures import Signature

__all__ = ["Noise", "largest_of", "noise_of"]

# Relative to the largest value of a row; about a thousand units in the last place, and a few of the short types.
_RELATIVE = {
    "float64": 1e-9,
    "complex128": 1e-9,
    "float32": 1e-4,
    "complex64": 1e-4,
    "float16": 0.02,
    "bfloat16": 0.1,
}
_OF_SHORTEST = 0.5  # float8, float4
_UNKNOWN = frozenset({"float32"})
_ROUNDED_OTHERWISE = 0.01  # of the integers of a tensor: floats that were rounded, as pixels are


@dataclass(frozen=True, kw_only=True)
class Noise:
    """What counts as the same answer.

    Attributes:
        coarsest: relative noise of the coarsest type the model computes in; outputs of finer types inherit it.
    """

    coarsest: float = _RELATIVE["float32"]

    def mismatches(
        self,
        seen: Mapping[str, np.ndarray],
        expected: Mapping[str, np.ndarray],
        *,
        usual: Mapping[str, float] | None = None,
    ) -> list[Mismatch]:
        """Return where two answers differ by more than noise, empty if nowhere; rows are along the first dimension.

        A float may be off by the noise times the largest value of its row, or times 1 in an output with values of that
        size; all denormal numbers count as zero, as REST writes them. Where floats are computed, one in a hundred
        integers may be off by one, as rounded floats are. All else must be equal; NaN equals NaN.

        Args:
            seen: array by output name.
            expected: array by output name.
            usual: the largest value an output has, by name, where that is known from more rows than ``expected`` has.
        """
        largest = {name: largest_of(array) for name, array in expected.items()} | dict(usual or {})
        return [
            replace(one, text=text)
            for one in compare(seen, expected, rtol=0.0, atol=0.0, equal_nan=True)
            if (text := self._text(one, seen.get(one.name), expected.get(one.name), largest.get(one.name, 0.0)))
        ]

    def _text(self, found: Mismatch, seen: np.ndarray | None, expected: np.ndarray | None, largest: float) -> str:
        """Return how an output differs beyond noise, empty if it does not."""
        if seen is None or expected is None or seen.shape != expected.shape or seen.dtype != expected.dtype:
            return found.text
        dtype = dtype_of_array(expected)
        if dtype.kind in {"float", "complex"}:
            return _float_text(seen, expected, self._relative(dtype.name), largest)
        is_rounded = self.coarsest > 0 and dtype.kind in {"int", "uint"} and _is_rounding(seen, expected)
        return "" if is_rounded else found.text

    def _relative(self, dtype: str) -> float:
        return max(_RELATIVE.get(dtype, _OF_SHORTEST), self.coarsest)


def noise_of(subject: Subject, signature: Signature) -> Noise:
    """Return the noise of a signature's answers, from the float types that its part of the graph names.

    A model whose files are not at hand is taken to compute in float32.
    """
    named = {spec.dtype for spec in (*signature.inputs, *signature.outputs)} | _computed_in(subject, signature)
    return Noise(coarsest=max((_noise_of_type(name) for name in named), default=0.0))


def _computed_in(subject: Subject, signature: Signature) -> frozenset[str]:
    if subject.version_dir is None:
        return _UNKNOWN
    tensors = [spec.tensor_name for spec in signature.outputs]
    try:
        return graph_dtypes(subject.version_dir, tensors, tags=subject.tags)
    except LayoutError:
        return _UNKNOWN  # e.g. a chunked file, which only the server reads


def _noise_of_type(name: str) -> float:
    if dtype_of_name(name).kind not in {"float", "complex"}:
        return 0.0
    return _RELATIVE.get(name, _OF_SHORTEST)


def largest_of(array: np.ndarray) -> float:
    """Return the largest finite size of an output's numbers; 0 for texts and empty tensors."""
    if dtype_of_array(array).kind not in {"float", "complex"}:
        return 0.0
    wide = _wide(array)
    return float(np.abs(wide, where=np.isfinite(wide), out=np.zeros(wide.shape, wide.real.dtype)).max(initial=0.0))


def _float_text(seen: np.ndarray, expected: np.ndarray, relative: float, largest: float) -> str:
    """Return where the farthest value lies that noise does not explain, empty if it explains all."""
    wide, right = _wide(seen), _wide(expected)
    with np.errstate(all="ignore"):
        allowed = np.maximum(relative * _scale(right, largest), np.finfo(right.dtype).tiny)
        allowed = np.broadcast_to(allowed, right.shape)
        error = np.abs(wide - right)
        is_fine = (wide == right) | (np.isnan(wide) & np.isnan(right)) | (error <= allowed)
        if is_fine.all():
            return ""
        ratio = np.where(is_fine, -1.0, np.nan_to_num(error / allowed, nan=np.inf))
    place = tuple(int(i) for i in np.unravel_index(int(np.argmax(ratio)), right.shape))
    count = int((~is_fine).sum())
    return (
        f"{list(place) if place else 'the scalar'} is {seen[place]!s}, expected {expected[place]!s}"
        f" (float noise explains {allowed[place]:.2g}; {count} of {seen.size} differ)"
    )


def _wide(array: np.ndarray) -> np.ndarray:
    """Return floats of short types as float32, whose differences overflow less."""
    dtype = dtype_of_array(array)
    return array.astype(np.float32) if array.dtype == np.float16 or not dtype.is_native else array


def _scale(expected: np.ndarray, largest: float) -> np.ndarray:
    """Return for each row its largest finite size, but at least 1 where the output has values of that size."""
    size = np.where(np.isfinite(expected), np.abs(expected), 0)
    of_row = size.max(axis=tuple(range(1, size.ndim)), keepdims=True) if size.ndim > 1 else size
    return np.asarray(np.maximum(of_row, min(1.0, largest)))


def _is_rounding(seen: np.ndarray, expected: np.ndarray) -> bool:
    if not dtype_of_array(expected).is_native:
        return False
    step = np.maximum(seen, expected) - np.minimum(seen, expected)  # without wrapping around
    return bool(step.max() <= 1 and (step > 0).mean() <= _ROUNDED_OTHERWISE)
