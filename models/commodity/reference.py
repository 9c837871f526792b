"""The same network in plain NumPy: expected answers that owe nothing to TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.commodity.model import HEADS, LAYERS, load_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["forward"]


def forward(images: np.ndarray, weights: Mapping[str, np.ndarray] | None = None) -> Mapping[str, np.ndarray]:
    """Return the model's outputs for images, float32 [N, 160, 160, 3].

    Args:
        images: as ``preprocess`` makes them.
        weights: other ones than the trained ones, as ``load_weights`` returns them.

    Returns:
        ``boxes`` float32 [N, 400, 4] and ``scores`` float32 [N, 400, 8].
    """
    weights = load_weights() if weights is None else weights
    x = np.asarray(images, np.float32)
    for layer in LAYERS:
        y = _convolve(x, weights[f"{layer.name}/kernel"], layer.stride, layer.dilation)
        y = np.maximum(y + weights[f"{layer.name}/bias"], np.float32(0.0))
        x = x + y if layer.skip else y
    cells = x.reshape(len(x), -1, x.shape[-1])
    raw = {name: cells @ weights[f"{name}/kernel"][0, 0] + weights[f"{name}/bias"] for name in HEADS}
    return {"boxes": raw["boxes"], "scores": 1 / (1 + np.exp(-raw["scores"]))}


def _convolve(x: np.ndarray, kernel: np.ndarray, stride: int, dilation: int) -> np.ndarray:
    """Cross-correlate [N, H, W, C] with [3, 3, C, D]; zeros around, as TensorFlow's padding SAME puts them."""
    count, height, width, _ = x.shape
    rows, columns = height // stride, width // stride
    around = 2 * dilation + 1 - stride  # zeros in all; the smaller half before
    before = (around // 2, around - around // 2)
    padded = np.pad(x, ((0, 0), before, before, (0, 0)))
    result = np.zeros((count, rows, columns, kernel.shape[-1]), np.float32)
    for i in range(3):
        for j in range(3):
            top, left = i * dilation, j * dilation
            tap = padded[:, top : top + rows * stride : stride, left : left + columns * stride : stride]
            result += tap @ kernel[i, j]
    return result
