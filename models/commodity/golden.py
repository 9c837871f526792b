"""Golden images: image files of many kinds, kept with the products that are to be found in them.

``draw_golden_images.py`` makes them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.commodity.postprocess import Detection
from models.commodity.preprocess import decode_image

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EXPECTED_FILE", "FOLDER", "SCORE_TOLERANCE", "GoldenImage", "difference", "golden_images"]

FOLDER = Path(__file__).with_name("golden_images")
EXPECTED_FILE = FOLDER / "detections.json"
SCORE_TOLERANCE = 0.03  # decoders of JPEG differ by a grey level or two
_BOX_TOLERANCE = 0.01  # of the image's longer side


@dataclass(frozen=True, kw_only=True)
class GoldenImage:
    """An image file and the products that are to be found in it.

    Attributes:
        name: the file's.
        data: its bytes.
        detections: surest first, boxes in pixels of the upright image.
    """

    name: str
    data: bytes = field(repr=False)
    detections: tuple[Detection, ...]


def golden_images() -> tuple[GoldenImage, ...]:
    """Return the kept images."""
    expected = json.loads(EXPECTED_FILE.read_text(encoding="utf-8"))
    return tuple(
        GoldenImage(
            name=name,
            data=(FOLDER / name).read_bytes(),
            detections=tuple(Detection(**{**one, "box": tuple(one["box"])}) for one in found),
        )
        for name, found in expected.items()
    )


def difference(found: Sequence[Detection], golden: GoldenImage) -> str:
    """Return how what was found differs from what is to be found, within what decoders may differ; empty if not."""
    left = list(found)
    limit_px = _BOX_TOLERANCE * max(decode_image(golden.data).size)
    missing = []
    for wanted in golden.detections:
        match = next((one for one in left if _alike(one, wanted, limit_px)), None)
        if match is None:
            missing.append(wanted)
        else:
            left.remove(match)
    parts = [f"not found: {_told(one)}" for one in missing] + [f"found besides: {_told(one)}" for one in left]
    return "; ".join(parts)


def _alike(one: Detection, other: Detection, limit_px: float) -> bool:
    return (
        one.label == other.label
        and abs(one.score - other.score) <= SCORE_TOLERANCE
        and bool(np.abs(np.subtract(one.box, other.box)).max() <= limit_px)
    )


def _told(one: Detection) -> str:
    return f"{one.label} {one.score:.2f} at {', '.join(f'{edge:.0f}' for edge in one.box)}"
