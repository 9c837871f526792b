"""Requests to multi and their answers, computed in NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.example import Example

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["examples", "expected", "expected_statistics"]


def expected(inputs: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    """Return the outputs of ``serving_default``; shapes and dtypes as ``models.multi.model.build`` says."""
    mask, ids = inputs["mask"], inputs["ids"]
    tagged = np.empty(len(ids), dtype=object)
    tagged[:] = [label + b"#" + str(number).encode() for label, number in zip(inputs["label"], ids, strict=True)]
    return {
        "weighted": (inputs["features"] * mask[:, :, np.newaxis]).sum(axis=1, dtype=np.float32),
        "next_id": ids + np.int64(1),
        "kept": mask.sum(axis=1, dtype=np.int32),
        "tagged": tagged,
        "inverted": np.uint8(255) - inputs["pixels"],
        "any_kept": mask.any(axis=1),
    }


def expected_statistics(values: np.ndarray) -> Mapping[str, np.ndarray]:
    """Return the outputs of ``statistics`` for float64 [N, M]."""
    return {"mean": values.mean(axis=1), "range": np.stack([values.min(axis=1), values.max(axis=1)], axis=1)}


def examples() -> tuple[Example, ...]:
    """Return requests for both signatures, of one row and of several, with ids beyond what a float can hold."""
    batches = {"one row": _inputs(count=1, side=1, seed=1), "three rows": _inputs(count=3, side=2, seed=2)}
    values = np.array([[1.0, 2.0, 4.5], [-1e300, 0.1, 1e300]], np.float64)
    return (
        *(Example(name=name, inputs=inputs, outputs=expected(inputs)) for name, inputs in batches.items()),
        Example(
            name="statistics", signature="statistics", inputs={"values": values}, outputs=expected_statistics(values)
        ),
    )


def _inputs(*, count: int, side: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.empty(count, dtype=object)
    labels[:] = [f"größe {index}".encode() for index in range(count)]
    mask = rng.integers(0, 2, (count, 3)).astype(bool)
    mask[-1] = False  # a row of which nothing is kept
    return {
        "features": rng.normal(size=(count, 3, 4)).astype(np.float32),
        "ids": np.arange(count, dtype=np.int64) + 2**53 + 1,
        "mask": mask,
        "label": labels,
        "pixels": rng.integers(0, 256, (count, side, side + 1, 3), dtype=np.uint8),
    }
