"""Draw the golden images and keep what the NumPy network finds in them.

``python -m models.commodity.draw_golden_images``, when the weights change, or the client's way to read images.
"""

from __future__ import annotations

import io
import itertools
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from PIL import Image

from models.commodity.golden import EXPECTED_FILE, FOLDER, SCORE_TOLERANCE
from models.commodity.postprocess import LEAST_SCORE, Detection, postprocess
from models.commodity.preprocess import decode_image, preprocess
from models.commodity.reference import forward
from models.commodity.shelves import HELD_OUT_SEED, draw_scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["main"]

_TURNED_LEFT = 6  # EXIF: the camera was; the file has to be turned to the right
_ORIENTATION = 0x0112


def _scene(seed: int, width: int, height: int) -> Image.Image:
    return draw_scene(seed, size_px=(width, height)).image


def _file(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _turned(seed: int) -> bytes:
    exif = Image.Exif()
    exif[_ORIENTATION] = _TURNED_LEFT
    return _file(_scene(seed, 300, 400).transpose(Image.Transpose.ROTATE_90), "JPEG", quality=90, exif=exif)


def _see_through(seed: int) -> bytes:
    """A picture with a transparent frame, as cut out of its background."""
    image = _scene(seed, 200, 160)
    alpha = Image.new("L", image.size, 0)
    alpha.paste(255, (16, 12, 184, 148))
    image.putalpha(alpha)
    return _file(image, "PNG", optimize=True)


_FILES: Mapping[str, Callable[[int], bytes]] = {
    "shelf.jpg": lambda seed: _file(_scene(seed, 480, 360), "JPEG", quality=90),
    "turned.jpg": _turned,
    "wide.jpg": lambda seed: _file(_scene(seed, 640, 240), "JPEG", quality=90),
    "grey.png": lambda seed: _file(_scene(seed, 240, 180).convert("L"), "PNG", optimize=True),
    "see_through.png": _see_through,
    "tiny.png": lambda seed: _file(_scene(seed, 80, 60), "PNG", optimize=True),
    "palette.gif": lambda seed: _file(_scene(seed, 200, 160).quantize(64), "GIF"),
}
_NOTHING = "nothing.png"


def _found(data: bytes) -> list[Detection]:
    squares, (place,) = preprocess([decode_image(data)])
    outputs = forward(squares)
    return postprocess(outputs["boxes"][0], outputs["scores"][0], place, least_score=LEAST_SCORE - SCORE_TOLERANCE)


def _drawn(name: str, seeds: Iterator[int]) -> tuple[bytes, list[Detection]]:
    """Return the first picture with products in it, none of them found so narrowly that another decoder may lose it."""
    for seed in seeds:
        data = _FILES[name](seed)
        found = _found(data)
        if len(found) > 1 and all(abs(one.score - LEAST_SCORE) > SCORE_TOLERANCE for one in found):
            return data, found
    raise AssertionError("seeds end")


def main() -> None:
    """Write the files and what is found in them."""
    FOLDER.mkdir(exist_ok=True)
    seeds = itertools.count(HELD_OUT_SEED + 900_000)
    files = {name: _drawn(name, seeds) for name in _FILES}
    grey = _file(Image.new("RGB", (120, 90), (186, 178, 160)), "PNG")
    expected = {}
    for name, (data, found) in {**files, _NOTHING: (grey, _found(grey))}.items():
        (FOLDER / name).write_bytes(data)
        expected[name] = [
            {**asdict(one), "score": round(one.score, 4), "box": [round(edge, 2) for edge in one.box]} for one in found
        ]
        print(f"{name}: {len(data):,} bytes, {len(found)} products")
    EXPECTED_FILE.write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
