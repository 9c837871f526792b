"""Rounding: how much of an answer hangs on the last bit of the question. Pure and seeded.

Other instruction sets, thread counts and versions of a library round otherwise. What that may do to an answer differs
from model to model by orders of magnitude: a logarithm of something near zero turns the last bit into the third digit.
So it is measured: the same question, each float moved to one of its two neighbours, brings an answer that is as good.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.checks.request import Request
    from harness.checks.tolerance import Tolerance

__all__ = ["nudged", "widened"]

_NUDGED = (np.float32, np.float64)  # a step of shorter floats is a hundredth and no rounding error
# An answer passes through many roundings, the nudge is one. With and without oneDNN, answers of a pitch detector lay up
# to twelve times as far apart as those to nudged questions.
_FACTOR = 32


def nudged(request: Request, *, seed: int = 0) -> Request | None:
    """Return the same request for Predict with each float a step to a neighbour; None if it holds no floats to move.

    Args:
        request: any request; float32 and float64 inputs are moved.
        seed: which elements go up and which go down.
    """
    random = np.random.default_rng(seed)
    moved = {
        name: _moved(array, random) for name, array in request.inputs.items() if array.dtype in _NUDGED and array.size
    }
    return replace(request, inputs={**request.inputs, **moved}) if moved else None


def _moved(array: np.ndarray, random: np.random.Generator) -> np.ndarray:
    towards = np.where(random.integers(0, 2, array.shape) == 1, np.inf, -np.inf).astype(array.dtype)
    with np.errstate(all="ignore"):
        neighbours = np.nextafter(array, towards)
    return np.where(np.isfinite(array) & np.isfinite(neighbours), neighbours, array)


def widened(usual: Mapping[str, Tolerance], dtype: str, expected: np.ndarray, again: np.ndarray) -> Tolerance:
    """Return the tolerance of one output: the usual one, or a wider one where the model rounds worse than it allows.

    Args:
        usual: tolerance by dtype.
        dtype: the output's.
        expected: the answer, floats of any shape.
        again: the answer to the nudged question, of the same shape.
    """
    tolerance = usual[dtype]
    wide = np.complex128 if expected.dtype.kind == "c" else np.float64
    sizes = np.abs(expected.astype(wide))
    with np.errstate(invalid="ignore"):
        moved = np.abs(again.astype(wide) - expected.astype(wide))
    error = _FACTOR * float(np.max(moved, initial=0.0, where=np.isfinite(moved)))
    at_most = tolerance.at(expected)
    if error <= at_most.atol + at_most.rtol * float(np.max(sizes, initial=0.0, where=np.isfinite(sizes))):
        return tolerance
    digit = 10.0 ** math.floor(math.log10(error))
    return replace(tolerance, atol=math.ceil(error / digit) * digit)
