"""Extent: how many and how large made-up values are, where a signature leaves it open, and which to try in turn. Pure.

A signature leaves sizes open that its model does not: a convolution needs more than one pixel, a model of sound some
thousand samples, an embedding numbers below its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.dtypes import dtype_of_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.signatures import TensorSpec
    from harness.text_input import Feature, TextInput

__all__ = ["MOST_TRIES", "Extent", "Freedom"]

MOST_TRIES = 12
_MOST_ELEMENTS = 400_000  # of a try in all: two pictures of 224 by 224 are 300,000
_ROWS, _TOP = 2, 10
_FEW_INTEGERS = 2  # 0 and 1 are in every table that is looked up
_OPEN_SIZES = (2, 8, 32, 128, 224, 1024, 16_000)  # 224: pictures; 16,000: a second of sound
_OPEN_SIZES_OF_ONE_ROW = (224, 16_000)
_OPEN_ROWS = (8, 32, 128, 1024, 16_000)  # for a first dimension that is no batch


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How far made-up values go.

    Attributes:
        rows: size of the first dimension where it is open; number of tf.Examples.
        open_size: size of every other open dimension; number of values where a feature leaves it open.
        top: the number after the largest integer.
    """

    rows: int = _ROWS
    open_size: int = 1
    top: int = _TOP

    def shape_of(self, spec: TensorSpec) -> tuple[int, ...]:
        """Return an input's shape; of an unknown rank one dimension, and two where there is a size for it."""
        unknown = (None,) if self.open_size == 1 else (None, None)
        sizes = unknown if spec.shape is None else spec.shape
        return tuple(
            size if size is not None else (self.rows if axis == 0 else self.open_size)
            for axis, size in enumerate(sizes)
        )


@dataclass(frozen=True, kw_only=True)
class Freedom:
    """What a signature and its graph leave open.

    Attributes:
        specs: the inputs that get tensors.
        rows: whether the number of rows is.
        sizes: whether other sizes are.
        integers: whether there are integers to choose.
    """

    specs: tuple[TensorSpec, ...]
    rows: bool
    sizes: bool
    integers: bool

    @classmethod
    def of(cls, specs: Iterable[TensorSpec], texts: Iterable[TextInput], *, takes_examples: bool) -> Freedom:
        """Return what is open.

        Args:
            specs: the signature's inputs.
            texts: what its strings should hold.
            takes_examples: whether the API is one for tf.Examples, so that the inputs are no tensors.
        """
        several = tuple(specs)
        features = [feature for text in texts for feature in text.features]
        return cls(
            specs=() if takes_examples else several,
            rows=takes_examples or any(spec.shape is None or spec.shape[:1] == (None,) for spec in several),
            sizes=any(map(_is_open, features))
            or any(text.content == "raw" for text in texts)
            or (not takes_examples and any(spec.shape is None or None in spec.shape[1:] for spec in several)),
            integers=any(feature.dtype == "int64" for feature in features)
            or any(dtype_of_name(spec.dtype).kind in {"int", "uint"} for spec in several),
        )

    def extents(self) -> list[Extent]:
        """Return the extents to try, the most ordinary first: at least one, at most ``MOST_TRIES``.

        What would hold too many values is left out.
        """
        candidates = [Extent()]
        candidates += [Extent(rows=1)] if self.rows else []
        candidates += [Extent(top=_FEW_INTEGERS)] if self.integers else []
        if self.sizes:
            candidates += [Extent(open_size=size) for size in _OPEN_SIZES]
            candidates += [Extent(rows=1, open_size=size) for size in _OPEN_SIZES_OF_ONE_ROW if self.rows]
        elif self.rows and any(spec.dtype != "string" for spec in self.specs):
            candidates += [Extent(rows=rows) for rows in _OPEN_ROWS]
        fit = [extent for extent in candidates if self.elements(extent) <= _MOST_ELEMENTS]
        return fit[:MOST_TRIES] or [Extent(rows=1)]

    def text(self, extent: Extent) -> str:
        """Return what was chosen where there was a choice, in words; empty if there was none."""
        parts = [f"{extent.rows} row{'s' if extent.rows > 1 else ''}"] if self.rows else []
        parts += [f"open dimensions of {extent.open_size}"] if self.sizes else []
        parts += [f"integers below {extent.top}"] if self.integers and extent.top != _TOP else []
        return ", ".join(parts)

    def elements(self, extent: Extent) -> int:
        """Return how many values the tensors of a request hold in all; what tf.Examples hold is not counted."""
        return sum(math.prod(extent.shape_of(spec)) for spec in self.specs)


def _is_open(feature: Feature) -> bool:
    return feature.shape is None or None in feature.shape or feature.content == "raw"
