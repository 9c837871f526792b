"""Corners: requests that no draw should leave out, whatever the seed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.checks.fuzz.strategies import fits
from harness.checks.fuzz.values import array_of, corner_values, plain_element
from harness.dtypes import dtype_of_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from harness.signatures import Signature, TensorSpec

    Inputs = Mapping[str, np.ndarray]

__all__ = ["corners"]


def corners(signature: Signature, *, near: Sequence[Inputs] = (), min_size: int = 0) -> list[Inputs]:
    """Return tame inputs, then some without rows, and some of which one is full of a value that breaks models.

    Args:
        signature: what to fit.
        near: known inputs; the first that fit give the other inputs' values, which are ones otherwise.
        min_size: 0 if there may be inputs without rows.

    Raises:
        TensorError: an input whose dtype no NumPy array can hold.
    """
    known = next((one for one in near if fits(signature, one)), None)
    base = {spec.name: _ones(spec) for spec in signature.inputs} if known is None else _first_row(signature, known)
    full: list[Inputs] = [
        {**base, spec.name: _full(base[spec.name].shape, spec, value)}
        for spec in signature.inputs
        if spec.name in base
        for value in corner_values(dtype_of_name(spec.dtype))
    ]
    is_open = {spec.name: spec.shape is None or spec.shape[:1] == (None,) for spec in signature.inputs}
    if min_size or not any(is_open[name] and array.ndim for name, array in base.items()):
        return [base, *full]
    empty = {name: array[:0] if is_open[name] and array.ndim else array for name, array in base.items()}
    return [base, empty, *full]


def _first_row(signature: Signature, known: Inputs) -> Inputs:
    """Return one row of inputs that share an open first dimension, other inputs as they are."""
    shapes = [spec.shape for spec in signature.inputs if spec.name in known]
    sizes = {len(array) if array.ndim else None for array in known.values()}
    is_batch = len(sizes) == 1 and None not in sizes and all(shape is None or shape[0] is None for shape in shapes)
    return {name: array[:1] for name, array in known.items()} if is_batch else known


def _ones(spec: TensorSpec) -> np.ndarray:
    sizes = (None,) if spec.shape is None else spec.shape
    shape = tuple(1 if size is None else size for size in sizes)
    return _full(shape, spec, plain_element(dtype_of_name(spec.dtype)))


def _full(shape: tuple[int, ...], spec: TensorSpec, value: object) -> np.ndarray:
    return array_of([value], dtype_of_name(spec.dtype), (1,)).repeat(math.prod(shape)).reshape(shape)
