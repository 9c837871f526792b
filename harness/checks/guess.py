"""Inputs that fit a signature, for models that come without examples. Pure and seeded."""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.checks.extents import Extent
from harness.checks.samples import example_sample, text_sample
from harness.dtypes import dtype_of_name
from harness.text_input import TextInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.signatures import Signature, TensorSpec
    from harness.text_input import Feature

__all__ = ["examples_of_extent", "guess_inputs", "inputs_of_extent"]

_TOPS = {"int2": 2, "uint2": 4, "int4": 8}  # the number after the largest, where that is below 10
_WORDS = TextInput()
_SAMPLES = 60  # that are drawn from: so many pictures differ


def guess_inputs(
    signature: Signature, *, batch_size: int = 2, seed: int = 0, texts: Mapping[str, TextInput] | None = None
) -> dict[str, np.ndarray]:
    """Return arrays that fit a signature's dtypes and shapes; whether the model likes the values is not known.

    Args:
        signature: what to fit.
        batch_size: size of the first dimension where it is open; other open dimensions get 1.
        seed: same seed, same values.
        texts: what the graph says of string inputs, by name; the others get short words.

    Returns:
        Array by input name: floats in 0..1, integers 0..9 (as far as the dtype goes), booleans, and strings.

    Raises:
        TensorError: an input whose dtype no NumPy array can hold.
    """
    return inputs_of_extent(signature, Extent(rows=batch_size), seed=seed, texts=texts or {})


def inputs_of_extent(
    signature: Signature, extent: Extent, *, seed: int, texts: Mapping[str, TextInput], is_varied: bool = False
) -> dict[str, np.ndarray]:
    """Return what ``guess_inputs`` does, in other sizes; if varied, strings hang on the seed, too."""
    random = np.random.default_rng(seed)
    return {
        spec.name: _values(spec, extent, random, texts.get(spec.name, _WORDS), is_varied=is_varied)
        for spec in signature.inputs
    }


def examples_of_extent(
    features: Iterable[Feature], extent: Extent, *, seed: int, is_varied: bool = False
) -> tuple[dict[str, list[Any]], ...]:
    """Return tf.Examples that hold these features, as values by name; whether the model likes them is not known.

    Numbers hang on the seed; if varied, strings do, too.
    """
    random = np.random.default_rng(seed)
    several = tuple(features)
    indices = _indices(extent.rows, random, is_varied=is_varied)
    return tuple(_example(several, index, extent, random) for index in indices)


def _indices(count: int, random: np.random.Generator, *, is_varied: bool) -> list[int]:
    """Return which samples to take: those from the first on, or drawn ones."""
    return random.integers(0, _SAMPLES, count).tolist() if is_varied else list(range(count))


def _example(
    features: tuple[Feature, ...], row: int, extent: Extent, random: np.random.Generator
) -> dict[str, list[Any]]:
    return example_sample(features, row, random, open_size=extent.open_size, top=extent.top)


def _values(
    spec: TensorSpec, extent: Extent, random: np.random.Generator, text: TextInput, *, is_varied: bool
) -> np.ndarray:
    shape = extent.shape_of(spec)
    dtype = dtype_of_name(spec.dtype)
    if dtype.is_string:
        strings = np.empty(math.prod(shape), dtype=object)
        indices = _indices(strings.size, random, is_varied=is_varied)
        strings[:] = [_string(text, index, extent, random) for index in indices]
        return strings.reshape(shape)
    if dtype.kind == "bool":
        return np.asarray(random.integers(0, 2, shape) == 1)
    if dtype.kind in {"int", "uint"}:
        top = min(_TOPS.get(dtype.name, extent.top), extent.top)
        return np.asarray(random.integers(0, top, shape)).astype(dtype.numpy)
    return np.asarray(random.random(shape)).astype(dtype.numpy)


def _string(text: TextInput, index: int, extent: Extent, random: np.random.Generator) -> bytes:
    if text.content == "example":
        from harness.clients.examples import serialized_example

        return serialized_example(_example(text.features, index, extent, random))
    sample = text_sample(text.content, index, size=extent.open_size)
    return base64.urlsafe_b64encode(sample) if text.is_base64 else sample
