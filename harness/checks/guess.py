"""Inputs that fit a signature, for models that come without examples. Pure and seeded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.dtypes import dtype_of_name

if TYPE_CHECKING:
    from harness.signatures import Signature, TensorSpec

__all__ = ["guess_inputs"]

_WORDS = (b"the", b"served", b"model", b"keeps", b"its", b"signature")
_UNKNOWN_RANK_SHAPE = (None,)
_TOPS = {"int2": 2, "uint2": 4, "int4": 8}  # the number after the largest, where that is below 10


def guess_inputs(signature: Signature, *, batch_size: int = 2, seed: int = 0) -> dict[str, np.ndarray]:
    """Return arrays that fit a signature's dtypes and shapes; whether the model likes the values is not known.

    Args:
        signature: what to fit.
        batch_size: size of the first dimension where it is open; other open dimensions get 1.
        seed: same seed, same values.

    Returns:
        Array by input name: floats in 0..1, integers 0..9 (as far as the dtype goes), booleans, short words.

    Raises:
        TensorError: an input whose dtype no NumPy array can hold.
    """
    random = np.random.default_rng(seed)
    return {spec.name: _values(spec, batch_size, random) for spec in signature.inputs}


def _values(spec: TensorSpec, batch_size: int, random: np.random.Generator) -> np.ndarray:
    sizes = _UNKNOWN_RANK_SHAPE if spec.shape is None else spec.shape
    shape = tuple(size if size is not None else (batch_size if axis == 0 else 1) for axis, size in enumerate(sizes))
    dtype = dtype_of_name(spec.dtype)
    if dtype.is_string:
        words = np.empty(shape, dtype=object)
        words.reshape(-1)[:] = [_WORDS[i % len(_WORDS)] for i in range(words.size)]
        return words
    if dtype.kind == "bool":
        return np.asarray(random.integers(0, 2, shape) == 1)
    if dtype.kind in {"int", "uint"}:
        return np.asarray(random.integers(0, _TOPS.get(dtype.name, 10), shape)).astype(dtype.numpy)
    return np.asarray(random.random(shape)).astype(dtype.numpy)
