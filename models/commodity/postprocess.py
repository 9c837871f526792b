"""What a client does after the call: boxes and scores of all cells become the products found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.commodity.boxes import decode_boxes, suppress
from models.commodity.products import CLASSES

if TYPE_CHECKING:
    from models.commodity.letterbox import Letterbox

__all__ = ["LEAST_SCORE", "Detection", "postprocess"]

LEAST_SCORE = 0.35  # below, a cell is taken to hold no product
_MOST_OVERLAP = 0.5
_MOST_CANDIDATES = 100  # cells of a class that are looked at, those with the highest scores


@dataclass(frozen=True, kw_only=True)
class Detection:
    """A product found in an image.

    Attributes:
        label: its class.
        score: how sure the model is, 0 to 1.
        box: left, top, right, bottom in pixels of the upright image.
    """

    label: str
    score: float
    box: tuple[float, float, float, float]


def postprocess(
    boxes: np.ndarray, scores: np.ndarray, place: Letterbox, *, least_score: float = LEAST_SCORE
) -> list[Detection]:
    """Return the products in one image, surest first.

    Args:
        boxes: the model's offsets, float32 [A, 4].
        scores: float32 [A, C] in 0..1.
        place: where the image lay in its square.
        least_score: cells that are less sure do not count.
    """
    in_image = place.to_image(decode_boxes(boxes))
    found = [
        Detection(label=label, score=float(scores[cell, column]), box=_corners(in_image[cell]))
        for column, label in enumerate(CLASSES)
        for cell in _cells(in_image, scores[:, column], least_score)
    ]
    return sorted(found, key=lambda one: (-one.score, one.label, one.box))


def _corners(box: np.ndarray) -> tuple[float, float, float, float]:
    left, top, right, bottom = box.tolist()
    return left, top, right, bottom


def _cells(boxes: np.ndarray, scores: np.ndarray, least_score: float) -> np.ndarray:
    """Return the cells that hold a product of one class, each product once."""
    with_area = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)  # boxes wholly in the margin have none
    candidates = np.flatnonzero((scores >= least_score) & with_area)
    surest = candidates[np.argsort(-scores[candidates], kind="stable")[:_MOST_CANDIDATES]]
    kept: np.ndarray = surest[suppress(boxes[surest], scores[surest], most_overlap=_MOST_OVERLAP)]
    return kept
