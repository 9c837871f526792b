"""Where an output is an image, three pictures side by side: what was expected, what was seen, and how they differ."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

import numpy as np

from harness.dtypes import dtype_of_array
from harness.pictures import Picture

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.checks.compare import Mismatch

__all__ = ["difference_pictures"]

_CHANNELS = (1, 3, 4)
_LEAST_SIDE = 2
_SMALL_PX, _LARGE_PX = 96, 256  # panels are enlarged to the first, or reduced to the second
_GAP_PX = 4
_GAP_GREY = 128
_NOT_FINITE = (255, 0, 255)


def difference_pictures(
    mismatches: Iterable[Mismatch], seen: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray], *, model: str
) -> tuple[Picture, ...]:
    """Return a picture for each output that is an image and differs.

    An image is uint8 or float of shape [N, height, width, 1, 3 or 4]. Of the N the one with the worst element is shown.
    Floats within 0..1 or 0..255 are taken for brightness, others are stretched from the least to the greatest expected
    value; what is not finite is magenta. In the difference, the largest one is white.

    Args:
        mismatches: what ``compare`` returned.
        seen: array by output name.
        expected: array by output name.
        model: the servable's name.
    """
    return tuple(
        _picture(one.name, one.index[0], seen[one.name][one.index[0]], expected[one.name][one.index[0]], model)
        for one in mismatches
        if one.index is not None and _is_image(expected[one.name])
    )


def _is_image(array: np.ndarray) -> bool:
    if array.ndim != 4 or array.shape[-1] not in _CHANNELS or min(array.shape[1:3]) < _LEAST_SIDE:
        return False
    return array.dtype == np.uint8 or dtype_of_array(array).kind == "float"


def _picture(name: str, number: int, seen: np.ndarray, expected: np.ndarray, model: str) -> Picture:
    left, right = expected.astype(np.float64), seen.astype(np.float64)
    with np.errstate(invalid="ignore"):
        distance = np.abs(right - left).max(axis=-1)
    finite = distance[np.isfinite(distance)]
    largest = float(finite.max()) if finite.size else 0.0
    low, high = _range(left)
    panels = [_panel(values, low, high) for values in (left, right)]
    panels.append(_panel(distance[..., np.newaxis], 0.0, largest or 1.0, keep_largest=True))
    caption = f"{name}[{number}]: expected, seen, difference (white: {largest:.3g})"
    return Picture(caption=caption, png=_png(panels), model=model)


def _range(values: np.ndarray) -> tuple[float, float]:
    """Return the values that are black and white."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if low >= 0 and high <= 255:
        return 0.0, 1.0 if high <= 1 else 255.0
    return low, high if high > low else low + 1.0


def _panel(values: np.ndarray, low: float, high: float, *, keep_largest: bool = False) -> np.ndarray:
    """Return uint8 [height, width, 3] of float64 [height, width, 1, 3 or 4]."""
    with np.errstate(invalid="ignore", over="ignore"):
        shades = np.clip((values - low) / (high - low) * 255.0, 0.0, 255.0)
    if shades.shape[-1] == 4:  # on white
        shades = 255.0 - (255.0 - shades[..., :3]) * shades[..., 3:] / 255.0
    shades = np.broadcast_to(shades, (*shades.shape[:2], 3)).copy()
    shades[~np.isfinite(values).all(axis=-1)] = _NOT_FINITE
    return np.asarray(_resized(shades, keep_largest=keep_largest).round(), np.uint8)


def _resized(shades: np.ndarray, *, keep_largest: bool) -> np.ndarray:
    """Return the panel in a size to look at, by a whole factor: pixels stay pixels, and no bright one is lost."""
    side = max(shades.shape[:2])
    if side <= _LARGE_PX:
        factor = max(1, _SMALL_PX // side)
        return shades.repeat(factor, axis=0).repeat(factor, axis=1)
    factor = math.ceil(side / _LARGE_PX)
    height, width = (size + -size % factor for size in shades.shape[:2])
    padded = np.pad(shades, ((0, height - shades.shape[0]), (0, width - shades.shape[1]), (0, 0)), mode="edge")
    blocks = padded.reshape(height // factor, factor, width // factor, factor, 3)
    reduced: np.ndarray = blocks.max(axis=(1, 3)) if keep_largest else blocks.mean(axis=(1, 3))
    return reduced


def _png(panels: list[np.ndarray]) -> bytes:
    from PIL import Image

    gap = np.full((panels[0].shape[0], _GAP_PX, 3), _GAP_GREY, np.uint8)
    row = [part for panel in panels for part in (panel, gap)][:-1]
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate(row, axis=1)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
