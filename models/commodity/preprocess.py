"""What a client does before the call: the bytes of an image file become an upright RGB image, and that the input."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from harness.errors import UsageError
from models.commodity.letterbox import Letterbox, letterbox
from models.commodity.model import INPUT_SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FORMATS", "decode_image", "preprocess"]

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "WEBP")  # what is looked for in the bytes, whatever the file is called
_REMEDY = f"give the bytes of a whole image file: {', '.join(FORMATS)}"
# Pillow's decoders raise all of these on files that are cut off or damaged.
_DAMAGED = (OSError, EOFError, SyntaxError, ValueError, IndexError, struct.error, zlib.error)


def decode_image(data: bytes) -> Image.Image:
    """Return the RGB image in a file's bytes, turned upright as its EXIF data says.

    Grey, palette, CMYK and 16-bit images become RGB of 8 bits; what is transparent shows white. Of an animation the
    first frame is taken.

    Raises:
        UsageError: the bytes are no image of a known format, are cut off or damaged, or would unpack to more pixels
            than ``PIL.Image.MAX_IMAGE_PIXELS``.
    """
    image = _opened(data)
    try:
        image.load()
        return _rgb(ImageOps.exif_transpose(image))
    except _DAMAGED as exc:
        raise UsageError(
            f"the {image.format} file of {len(data)} bytes, {image.width} x {image.height} pixels by its head, "
            f"is cut off or damaged: {exc}; {_REMEDY}"
        ) from exc


def preprocess(images: Sequence[Image.Image]) -> tuple[np.ndarray, list[Letterbox]]:
    """Return RGB images as the model takes them.

    Returns:
        float32 [N, 160, 160, 3] in 0..1, and for each where it lies in its square.
    """
    squares, places = zip(*(letterbox(image, INPUT_SIZE) for image in images), strict=True)
    return np.stack(squares), list(places)


def _opened(data: bytes) -> Image.Image:
    """Read the file's head, which is enough to refuse it for its kind or size."""
    limit = Image.MAX_IMAGE_PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise UsageError(
            f"the image file of {len(data)} bytes would unpack to more than {limit} pixels; make it smaller, or raise "
            "PIL.Image.MAX_IMAGE_PIXELS for files you trust"
        ) from exc
    except _DAMAGED as exc:
        raise UsageError(f"{len(data)} bytes that begin with {data[:8]!r} are no image; {_REMEDY}") from exc


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits of grey; Pillow's own conversion would cut them off at 255
        return Image.fromarray((np.asarray(image, np.int64) // 257).clip(0, 255).astype(np.uint8)).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    upper = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", upper.size, "white"), upper).convert("RGB")
