"""Draw: products marked in their image with boxes, labels and scores."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from models.commodity.products import CLASSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.commodity.postprocess import Detection

__all__ = ["COLOURS", "as_png", "draw_detections"]

# Eight colours that are told apart, also with most kinds of colour blindness, each readable under black or white text.
_PALETTE = ("#e6194b", "#3cb44b", "#ffe119", "#4363d8", "#f58231", "#911eb4", "#42d4f4", "#f032e6")
_DARK = {"#e6194b", "#4363d8", "#911eb4"}
COLOURS = dict(zip(CLASSES, _PALETTE, strict=True))


def draw_detections(image: Image.Image, detections: Sequence[Detection]) -> Image.Image:
    """Return a copy of an RGB image with a frame around each product, and its label and score.

    A frame's outer edge lies on the box, rounded to whole pixels; surer products lie on top.
    """
    marked = image.copy()
    draw = ImageDraw.Draw(marked)
    thickness = max(1, round(min(image.size) / 160))
    font = ImageFont.load_default(size=max(8, min(image.size) / 36))
    for one in reversed(detections):
        corners = _whole(one.box, image.size)
        draw.rectangle(corners, outline=COLOURS[one.label], width=thickness)
        _write(draw, one, corners, font)
    return marked


def as_png(image: Image.Image) -> io.BytesIO:
    """Return the image as a PNG file, to be read from its start."""
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)  # a quarter of the usual time, for files a fifth larger
    file.seek(0)
    return file


def _whole(box: tuple[float, float, float, float], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the first and last columns and rows of a box within the image."""
    left, top = (min(round(low), limit - 1) for low, limit in zip(box[:2], size, strict=True))
    right, bottom = (round(high) - 1 for high in box[2:])
    return left, top, max(right, left), max(bottom, top)


def _write(
    draw: ImageDraw.ImageDraw,
    one: Detection,
    corners: tuple[int, int, int, int],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    """Write label and score just inside the frame's upper left corner, on a strip of the frame's colour."""
    colour = COLOURS[one.label]
    at = (corners[0] + 1, corners[1])
    text = f"{one.label} {one.score:.2f}"
    draw.rectangle(draw.textbbox(at, text, font=font), fill=colour)
    draw.text(at, text, fill="white" if colour in _DARK else "black", font=font)
