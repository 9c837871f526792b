"""Letterbox: an image of any shape in the middle of a grey square, and the way back for boxes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

__all__ = ["Letterbox", "letterbox"]

_GREY = (128, 128, 128)


@dataclass(frozen=True, kw_only=True)
class Letterbox:
    """Where an image lies in its square.

    Attributes:
        width: of the image, in pixels.
        height: of the image, in pixels.
        scale_x: pixels of the square per pixel of the image, across.
        scale_y: the same, down; for very slim images rounding makes it differ.
        left: pixels of the square to the left of the image.
        top: pixels of the square above it.
    """

    width: int
    height: int
    scale_x: float
    scale_y: float
    left: int
    top: int

    def to_square(self, boxes: np.ndarray) -> np.ndarray:
        """Map boxes, float [K, 4] (left, top, right, bottom), from the image into the square."""
        mapped: np.ndarray = (np.asarray(boxes, np.float32) * self._scales + self._offsets).astype(np.float32)
        return mapped

    def to_image(self, boxes: np.ndarray) -> np.ndarray:
        """Map boxes, float [K, 4], from the square back into the image, and cut them at its edges."""
        mapped = (np.asarray(boxes, np.float32) - self._offsets) / self._scales
        limits = np.array([self.width, self.height] * 2, np.float32)
        cut: np.ndarray = np.clip(mapped, 0.0, limits).astype(np.float32)
        return cut

    @property
    def _scales(self) -> np.ndarray:
        return np.array([self.scale_x, self.scale_y] * 2, np.float32)

    @property
    def _offsets(self) -> np.ndarray:
        return np.array([self.left, self.top] * 2, np.float32)


def letterbox(image: Image.Image, side_px: int) -> tuple[np.ndarray, Letterbox]:
    """Scale an RGB image, its proportions kept, into a square.

    Returns:
        The square, float32 [side_px, side_px, 3] in 0..1, and where the image lies in it.
    """
    scale = side_px / max(image.size)
    width, height = (max(1, round(length * scale)) for length in image.size)
    left, top = (side_px - width) // 2, (side_px - height) // 2
    square = Image.new("RGB", (side_px, side_px), _GREY)
    small = image if image.size == (width, height) else image.resize((width, height), Image.Resampling.BILINEAR)
    square.paste(small, (left, top))
    place = Letterbox(
        width=image.width,
        height=image.height,
        scale_x=width / image.width,
        scale_y=height / image.height,
        left=left,
        top=top,
    )
    return np.asarray(square, np.float32) / np.float32(255.0), place
