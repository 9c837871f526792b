"""Boxes: from the network's offsets to pixels and back, overlaps, and non-maximum suppression, in NumPy."""

from __future__ import annotations

import numpy as np

from models.commodity.model import INPUT_SIZE, STRIDE

__all__ = ["cell_centres", "decode_boxes", "encode_boxes", "overlaps", "suppress"]

_USUAL_PX = 32.0  # a product of this width and height has the offsets 0
_MOST = 3.0  # e ** 3 times the usual size is beyond the image: what a broken model says stays finite


def cell_centres() -> np.ndarray:
    """Return the middle of each cell in pixels, float32 [A, 2] (x, y), row by row."""
    along = (np.arange(INPUT_SIZE // STRIDE, dtype=np.float32) + 0.5) * STRIDE
    x, y = np.meshgrid(along, along)
    return np.stack([x.ravel(), y.ravel()], axis=1)


def decode_boxes(offsets: np.ndarray) -> np.ndarray:
    """Return the boxes that the network means.

    Args:
        offsets: float32 [..., A, 4]: how many cells the product's middle lies right of and below the cell's, and the
            natural logarithm of its width and height over 32 pixels.

    Returns:
        float32 [..., A, 4]: left, top, right, bottom in pixels of the square.
    """
    middle = cell_centres() + offsets[..., :2] * STRIDE
    half = np.exp(np.clip(offsets[..., 2:], -_MOST, _MOST)) * (_USUAL_PX / 2)
    boxes: np.ndarray = np.concatenate([middle - half, middle + half], axis=-1).astype(np.float32)
    return boxes


def encode_boxes(boxes: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Return the offsets, float32 [K, 4], by which cells (places in the grid, int [K]) name these boxes [K, 4]."""
    middle, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    offsets: np.ndarray = np.concatenate(
        [(middle - cell_centres()[cells]) / STRIDE, np.log(size / _USUAL_PX)], axis=1
    ).astype(np.float32)
    return offsets


def overlaps(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the intersection over union of each box of one set, [K, 4], with each of another, [L, 4]: [K, L]."""
    first, second = left[:, np.newaxis], right[np.newaxis]
    shared = np.clip(np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2]), 0, None)
    common = shared.prod(axis=-1)
    together = _areas(first) + _areas(second) - common
    ratio: np.ndarray = np.divide(common, together, out=np.zeros_like(common), where=together > 0)
    return ratio


def suppress(boxes: np.ndarray, scores: np.ndarray, *, most_overlap: float) -> np.ndarray:
    """Keep of boxes that overlap the one with the highest score (non-maximum suppression).

    Args:
        boxes: float [K, 4].
        scores: float [K].
        most_overlap: two boxes that are kept overlap at most that much (intersection over union).

    Returns:
        int64 [L]: places of the kept boxes, highest score first; of equal scores the earlier box goes first.
    """
    order = np.argsort(-scores, kind="stable")
    overlap = overlaps(boxes, boxes)
    kept: list[int] = []
    for index in order:
        if not kept or overlap[index, kept].max() <= most_overlap:
            kept.append(int(index))
    return np.array(kept, np.int64)


def _areas(boxes: np.ndarray) -> np.ndarray:
    areas: np.ndarray = np.clip(boxes[..., 2:] - boxes[..., :2], 0, None).prod(axis=-1)
    return areas
