"""Shelves: scenes of shelves with products, drawn from a seed, with the box and class of every product.

What makes them hard is what makes photographs of shelves hard: products of one class in many colours and sizes,
leaning, standing in front of each other and behind price tags, things that are no products, walls with patterns,
uneven and coloured light, blur, noise and JPEG's artefacts.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from models.commodity.products import PRODUCTS, draw_product

__all__ = ["HELD_OUT_SEED", "TRAIN_SEED", "Scene", "draw_scene", "draw_scenes"]

TRAIN_SEED = 1_000_000  # seeds of training scenes count up from here,
HELD_OUT_SEED = 9_000_000  # those of held-out scenes from here: no scene is in both

_SIZES_PX = ((160, 160), (160, 128), (128, 160), (160, 144), (320, 240), (240, 320))
_FINER = 2  # drawn at twice the size and averaged down, so that edges are smooth
_LEAST_VISIBLE = 0.5  # nothing may hide more of a product than that


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """A picture of shelves and what stands on them.

    Attributes:
        image: RGB.
        boxes: float32 [K, 4]: left, top, right, bottom in pixels of the image; hidden parts count.
        classes: int64 [K], places in ``CLASSES``.
    """

    image: Image.Image
    boxes: np.ndarray
    classes: np.ndarray


class _Canvas:
    """The picture while it is drawn, and which product each pixel belongs to."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image
        self.owner = np.full((image.height, image.width), -1, np.int16)
        self.areas: list[int] = []
        self.visible: list[int] = []
        self.boxes: list[tuple[int, int, int, int]] = []
        self.classes: list[int] = []

    def put(self, tile: Image.Image, left: int, top: int, *, label: int | None) -> None:
        """Paste a tile, unless it would hide too much of a product or lie too much outside the picture."""
        solid = np.asarray(tile)[..., 3] > 127
        right, bottom = left + tile.width, top + tile.height
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(right, self.image.width), min(bottom, self.image.height)
        if x0 >= x1 or y0 >= y1:
            return
        inside = solid[y0 - top : y1 - top, x0 - left : x1 - left]
        if label is not None and inside.sum() < 0.7 * solid.sum():
            return
        covered = self.owner[y0:y1, x0:x1]
        taken = np.bincount(covered[inside & (covered >= 0)], minlength=len(self.areas)).tolist()
        left_over = [seen - lost for seen, lost in zip(self.visible, taken, strict=True)]
        if any(
            lost and rest < _LEAST_VISIBLE * area for lost, rest, area in zip(taken, left_over, self.areas, strict=True)
        ):
            return
        self.visible = left_over
        self.image.paste(tile, (left, top), tile)
        covered[inside] = -1 if label is None else len(self.boxes)
        if label is not None:
            self._label(inside, x0, y0, label)

    def _label(self, inside: np.ndarray, x0: int, y0: int, label: int) -> None:
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        self.boxes.append((x0 + int(columns[0]), y0 + int(rows[0]), x0 + int(columns[-1]) + 1, y0 + int(rows[-1]) + 1))
        self.classes.append(label)
        self.areas.append(int(inside.sum()))
        self.visible.append(self.areas[-1])


def draw_scene(seed: int, *, size_px: tuple[int, int] | None = None) -> Scene:
    """Draw the scene of a seed; the same seed and size give the same scene.

    Args:
        seed: any whole number from 0.
        size_px: width and height; None for one of a few small sizes, by the seed.
    """
    rng = np.random.default_rng(seed)
    drawn_size = _SIZES_PX[rng.integers(len(_SIZES_PX))]
    width, height = size_px or drawn_size
    canvas = _Canvas(_wall((width * _FINER, height * _FINER), rng))
    rows = int(rng.choice([1, 2, 3], p=[0.3, 0.5, 0.2]))
    edges = np.linspace(0, height * _FINER, rows + 1)
    for top, bottom in pairwise(edges):
        _fill_row(canvas, top, bottom, rng)
    for _ in range(rng.integers(0, 4)):
        _put_clutter(canvas, rng)
    image = _photograph(canvas.image.reduce(_FINER), rng)
    return Scene(
        image=image,
        boxes=np.array(canvas.boxes, np.float32).reshape(-1, 4) / _FINER,
        classes=np.array(canvas.classes, np.int64),
    )


def draw_scenes(first_seed: int, count: int) -> list[Scene]:
    """Draw the scenes of ``count`` seeds from ``first_seed`` on."""
    return [draw_scene(seed) for seed in range(first_seed, first_seed + count)]


def _wall(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """Return the wall behind the shelves: plain, boarded, or dotted."""
    base = rng.integers(40, 235, 3)
    image = Image.new("RGB", size, tuple(base.tolist()))
    draw = ImageDraw.Draw(image)
    second = tuple(np.clip(base + rng.integers(-30, 30, 3), 0, 255).tolist())
    kind, step = rng.integers(3), int(size[1] * rng.uniform(0.05, 0.15))
    if kind == 1:
        for x in range(0, size[0], 2 * step):
            draw.rectangle((x, 0, x + step, size[1]), fill=second)
    elif kind == 2:
        for x in range(0, size[0], step):
            for y in range(0, size[1], step):
                draw.ellipse((x, y, x + step // 3, y + step // 3), fill=second)
    return image


def _fill_row(canvas: _Canvas, top: float, bottom: float, rng: np.random.Generator) -> None:
    """Draw a shelf's back, its products from behind to front, and its board with price tags."""
    width = canvas.image.width
    board_px = (bottom - top) * rng.uniform(0.05, 0.1)
    floor, space = bottom - board_px, (bottom - top - board_px) * rng.uniform(0.85, 1.0)
    draw = ImageDraw.Draw(canvas.image)
    wood = tuple(rng.integers(60, 220, 3).tolist())
    if rng.random() < 0.5:
        draw.rectangle((0, top, width, floor), fill=tuple(rng.integers(30, 200, 3).tolist()))
    draw.rectangle((0, floor, width, bottom), fill=wood)
    x = rng.uniform(-0.1, 0.2) * space
    while x < width:
        if rng.random() < 0.15:
            x += space * rng.uniform(0.2, 0.6)
            continue
        x += _put_product(canvas, x, floor, space, rng)
    _put_tags(canvas, floor, board_px, rng)


def _put_product(canvas: _Canvas, x: float, floor: float, space: float, rng: np.random.Generator) -> float:
    """Put a product, or several of its kind side by side, on the board at x; return the width they take."""
    label = int(rng.integers(len(PRODUCTS)))
    product = PRODUCTS[label]
    height = space * rng.uniform(*product.height)
    width = height * rng.uniform(*product.width)
    seed, taken = int(rng.integers(2**32)), 0.0
    for _ in range(rng.integers(1, 4)):
        tile = draw_product(product, (max(int(width), 6), max(int(height), 6)), np.random.default_rng(seed))
        if rng.random() < 0.25:
            tile = tile.rotate(rng.uniform(-8, 8), Image.Resampling.BILINEAR, expand=True)
            tile = tile.crop(tile.getbbox())
        sunk = rng.uniform(0.0, 0.04) * height
        canvas.put(tile, int(x + taken), int(floor - tile.height + sunk), label=label)
        taken += width * rng.uniform(0.8, 1.15)
    return taken


def _put_tags(canvas: _Canvas, floor: float, board_px: float, rng: np.random.Generator) -> None:
    """Put price tags on the board; some stick out over the feet of the products."""
    for _ in range(rng.integers(0, 5)):
        tag_height = int(board_px * rng.uniform(0.7, 2.0)) + 2
        tag = Image.new("RGBA", (int(tag_height * rng.uniform(1.2, 2.2)), tag_height), (250, 246, 200, 255))
        ImageDraw.Draw(tag).rectangle((2, tag_height // 3, tag.width // 2, tag_height // 2), fill=(30, 30, 30, 255))
        canvas.put(tag, int(rng.uniform(0, canvas.image.width)), int(floor - tag_height * 0.3), label=None)


def _put_clutter(canvas: _Canvas, rng: np.random.Generator) -> None:
    """Put something that is no product in front: a ball, a pole, or a board."""
    side = int(min(canvas.image.size) * rng.uniform(0.06, 0.2))
    shape = ((side, side), (max(side // 5, 2), side * 4), (side * 2, side // 2))[rng.integers(3)]
    thing = Image.new("RGBA", shape, (0, 0, 0, 0))
    colour = (*rng.integers(20, 240, 3).tolist(), 255)
    draw = ImageDraw.Draw(thing)
    (draw.ellipse if shape[0] == shape[1] else draw.rectangle)((0, 0, shape[0] - 1, shape[1] - 1), fill=colour)
    place = rng.uniform(0, 1, 2) * canvas.image.size
    canvas.put(thing, int(place[0]), int(place[1]), label=None)


def _photograph(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return the scene as a camera sees it: light, blur, noise, JPEG."""
    if rng.random() < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.9)))
    pixels = np.asarray(image, np.float32)
    gain = rng.uniform(0.55, 1.2) * rng.uniform(0.88, 1.12, 3).astype(np.float32)
    down = np.linspace(rng.uniform(0.75, 1.1), rng.uniform(0.75, 1.1), image.height, dtype=np.float32)
    across = np.linspace(rng.uniform(0.75, 1.1), rng.uniform(0.75, 1.1), image.width, dtype=np.float32)
    lit = pixels * gain.astype(np.float32) * down[:, None, None] * across[None, :, None]
    noise = rng.standard_normal(lit.shape, dtype=np.float32) * rng.uniform(0, 9)
    taken = Image.fromarray(np.clip(lit + noise, 0, 255).astype(np.uint8))
    if rng.random() < 0.7:
        file = io.BytesIO()
        taken.save(file, "JPEG", quality=int(rng.integers(45, 95)))
        taken = Image.open(file)
        taken.load()
    return taken
