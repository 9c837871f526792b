"""Likeness: whether two answers of one model to one request are the same, but for the noise of floats. Pure.

Kernels that several threads share sum in the order in which those finish. So the last bits of a float may differ from
call to call and from load to load, and that is no other answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.checks.compare import compare
from harness.dtypes import dtype_of_array

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["unlike"]

# Relative to the largest value of an output. A model may compute in float32 what it gives as float64.
_NOISE = dict.fromkeys(("float32", "float64", "complex64", "complex128"), 1e-4) | {"float16": 0.02}
_OF_SHORTER = 0.1  # bfloat16, and floats of eight bits and fewer


def unlike(seen: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> str:
    """Return how an answer differs from another one by more than noise; empty if it does not.

    Args:
        seen: array by output name.
        expected: array by output name. NaN equals NaN; what is no float must be equal.
    """
    found = []
    for name in sorted(seen.keys() | expected.keys()):
        pair = [{name: outputs[name]} if name in outputs else {} for outputs in (seen, expected)]
        noise, largest = _noise(pair[1].get(name))
        found += compare(*pair, rtol=noise, atol=noise * largest, equal_nan=True)
    return "; ".join(str(mismatch) for mismatch in found)


def _noise(array: np.ndarray | None) -> tuple[float, float]:
    """Return the relative noise of an output's dtype, and its largest finite size."""
    dtype = None if array is None else dtype_of_array(array)
    if array is None or dtype is None or dtype.kind not in {"float", "complex"}:
        return 0.0, 0.0
    sizes = np.abs(array.astype(np.complex128))
    return _NOISE.get(dtype.name, _OF_SHORTER), float(np.max(sizes, where=np.isfinite(sizes), initial=0.0))
