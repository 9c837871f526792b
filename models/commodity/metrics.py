"""Mean average precision: how well boxes, classes and scores together meet the truth, in NumPy.

As PASCAL VOC counts since 2010 (Everingham et al., IJCV 2015): the area under the curve of precision, made falling,
over recall. A detection is right if it overlaps a product of its class, which no surer detection has taken, by at
least half (intersection over union).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.commodity.boxes import overlaps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.commodity.postprocess import Detection

__all__ = ["Truth", "average_precision", "average_precisions"]

Truth = tuple[np.ndarray, "Sequence[str]"]  # boxes float [K, 4] in pixels of the image, and the class of each


def average_precisions(
    found: Sequence[Sequence[Detection]], truths: Sequence[Truth], *, least_overlap: float = 0.5
) -> Mapping[str, float]:
    """Return the average precision of each class that occurs in the truth, 0 to 1; their mean is the mAP.

    Args:
        found: the detections in each image.
        truths: what is in each image.
        least_overlap: intersection over union from which on a detection is right.

    Raises:
        ValueError: not as many images of one as of the other.
    """
    labels = sorted({label for _, names in truths for label in names})
    return {label: _of_class(label, found, truths, least_overlap) for label in labels}


def average_precision(scores: np.ndarray, right: np.ndarray, total: int) -> float:
    """Return the area under precision over recall.

    Args:
        scores: float [K], of all detections of a class.
        right: bool [K].
        total: how many products of the class there are, at least 1.
    """
    hits = np.cumsum(right[np.argsort(-scores, kind="stable")])
    precision = hits / np.arange(1, len(hits) + 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    gained = np.diff(hits, prepend=0) / total
    return float((falling * gained).sum())


def _of_class(label: str, found: Sequence[Sequence[Detection]], truths: Sequence[Truth], least_overlap: float) -> float:
    scores: list[float] = []
    right: list[bool] = []
    total = 0
    for detections, (boxes, names) in zip(found, truths, strict=True):
        wanted = boxes[[name == label for name in names]] if len(names) else np.zeros((0, 4))
        mine = sorted((one for one in detections if one.label == label), key=lambda one: -one.score)
        scores += [one.score for one in mine]
        right += _matched(np.array([one.box for one in mine]).reshape(-1, 4), wanted, least_overlap)
        total += len(wanted)
    return average_precision(np.array(scores), np.array(right, bool), total)


def _matched(boxes: np.ndarray, wanted: np.ndarray, least_overlap: float) -> list[bool]:
    """Return for each box, surest first, whether it meets a product that none before it has taken."""
    overlap, right = overlaps(boxes, wanted), []
    for row in overlap:
        best = int(row.argmax()) if row.size else -1
        hit = best >= 0 and row[best] >= least_overlap
        right.append(bool(hit))
        if hit:
            overlap[:, best] = -1.0
    return right
