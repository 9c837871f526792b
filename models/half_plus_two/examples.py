"""Requests to half_plus_two and their answers, computed in NumPy."""

from __future__ import annotations

import numpy as np

from models.example import Example
from models.half_plus_two.model import addend

__all__ = ["examples", "expected"]


def expected(x: np.ndarray, *, version: int = 1) -> np.ndarray:
    """Return y = 0.5 x + the version's addend: float32, of x's shape."""
    y: np.ndarray = np.asarray(x, np.float32) * np.float32(0.5) + np.float32(addend(version))
    return y


def examples(*, version: int = 1) -> tuple[Example, ...]:
    """Return requests for every signature, with the answers of the given version."""
    vector = np.array([1.0, 2.0, 5.0], np.float32)
    matrix = np.array([[0.0, -4.0], [1e6, 0.25]], np.float32)
    rows = tuple({"x": float(x)} for x in vector)
    y = expected(vector, version=version)
    return (
        Example(name="three numbers", inputs={"x": vector}, outputs={"y": y}),
        Example(name="a matrix", inputs={"x": matrix}, outputs={"y": expected(matrix, version=version)}),
        Example(name="regression", method="regress", signature="regress_x_to_y", rows=rows, outputs={"outputs": y}),
        Example(
            name="classification",
            method="classify",
            signature="classify_x_to_y",
            rows=rows,
            outputs={"classes": np.array([[b"y"]] * len(rows), dtype=object), "scores": y[:, np.newaxis]},
        ),
    )
