"""What a client of digits does around the call: an image file becomes the model's input, its scores a digit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from harness.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DigitReading", "postprocess", "preprocess"]

_SIZE = 8
_INK_THRESHOLD = 0.15  # of the range between paper and darkest ink: below is noise of the scan or of JPEG


@dataclass(frozen=True, kw_only=True)
class DigitReading:
    """What the model reads in an image: the digit, 0 to 9, and its probability."""

    label: int
    probability: float


def preprocess(source: str | Path | IO[bytes] | Image.Image) -> np.ndarray:
    """Return an image of one digit as the model takes it.

    The training scans fill their 8 x 8 grid with the digit, ink 1 on paper 0. So the digit is cut out, paper and ink
    are told apart by the border's brightness (dark on light or light on dark), and what is cut out is averaged down.

    Args:
        source: an image file (PNG, JPEG ... of any size and mode), an open one, or a Pillow image.

    Returns:
        float32 [8, 8, 1] in 0..1; all zeros for an image of one colour.

    Raises:
        UsageError: it cannot be read as an image.
    """
    ink = _ink(_grey(source))
    rows, columns = (np.flatnonzero((ink > _INK_THRESHOLD).any(axis=axis)) for axis in (1, 0))
    if rows.size == 0:
        return np.zeros((_SIZE, _SIZE, 1), np.float32)
    digit = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    reduced = Image.fromarray(_squared(digit)).resize((_SIZE, _SIZE), Image.Resampling.BOX)
    pixels = np.clip(np.asarray(reduced, np.float32), 0.0, 1.0)
    scaled: np.ndarray = pixels / pixels.max()
    return scaled[..., np.newaxis]


def postprocess(scores: np.ndarray) -> list[DigitReading]:
    """Return the likeliest digit of each row of scores, float32 [N, 10]."""
    labels = np.argmax(scores, axis=1)
    return [
        DigitReading(label=int(label), probability=float(row[label])) for label, row in zip(labels, scores, strict=True)
    ]


def _grey(source: str | Path | IO[bytes] | Image.Image) -> np.ndarray:
    """Return brightness, float32 [H, W] in 0..1; what is transparent counts as white paper."""
    try:
        image = source if isinstance(source, Image.Image) else Image.open(source)
        upright = ImageOps.exif_transpose(image).convert("RGBA")
    except (OSError, UnidentifiedImageError) as exc:
        raise UsageError(f"{source!r} cannot be read as an image: {exc}. Give a PNG or JPEG file of one digit") from exc
    paper = Image.new("RGBA", upright.size, "white")
    return np.asarray(Image.alpha_composite(paper, upright).convert("L"), np.float32) / 255.0


def _ink(grey: np.ndarray) -> np.ndarray:
    """Return how much ink there is: 0 for the colour of the paper, 1 for what differs most from it."""
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    paper = np.median(border)
    ink: np.ndarray = np.abs(grey - paper)
    strongest = ink.max()
    return ink / strongest if strongest > 1 / 255 else np.zeros_like(ink)


def _squared(digit: np.ndarray) -> np.ndarray:
    """Put the digit in the middle of a square of paper."""
    height, width = digit.shape
    side = max(height, width, _SIZE)
    square = np.zeros((side, side), np.float32)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = digit
    return square
