"""Products: each class's outline, label and colours, drawn into a tile of any size.

Lengths are shares of the tile: 0, 0 is its upper left corner and 1, 1 the lower right one, so that a product looks the
same in every size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["CLASSES", "PRODUCTS", "Product", "draw_product"]

_Colour = tuple[int, int, int]
_WHITE, _DARK, _STEEL = (242, 240, 234), (40, 38, 44), (186, 190, 196)


class _Pen:
    """Draws on a tile in shares of its width and height."""

    def __init__(self, tile: Image.Image) -> None:
        self._draw = ImageDraw.Draw(tile)
        self._width, self._height = tile.width - 1, tile.height - 1

    def _at(self, points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(x * self._width, y * self._height) for x, y in points]

    def shape(self, colour: _Colour, *points: tuple[float, float]) -> None:
        self._draw.polygon(self._at(points), fill=colour)

    def oval(self, colour: _Colour, *corners: tuple[float, float]) -> None:
        self._draw.ellipse(self._at(corners), fill=colour)

    def block(self, colour: _Colour, *corners: tuple[float, float], round_to: float = 0.0) -> None:
        self._draw.rounded_rectangle(self._at(corners), radius=round_to * self._width, fill=colour)

    def text(self, colour: _Colour, *, x: tuple[float, float], y: float, lines: int, gap: float) -> None:
        """Draw lines of writing too small to read, each a little shorter than the one above."""
        for line in range(lines):
            right = x[1] - 0.3 * line * (x[1] - x[0]) / max(lines, 1)
            self.block(colour, (x[0], y + line * gap), (right, y + line * gap + gap * 0.45))


def _colour(rng: np.random.Generator, *, hue: tuple[float, float], vivid: float, light: float) -> _Colour:
    """Return a colour of a hue in degrees, drawn from a range that may go beyond 360."""
    phase = (rng.uniform(*hue) / 60.0 - np.array([0.0, 2.0, 4.0])) % 6.0
    pure = np.clip(np.abs(phase - 3.0) - 1.0, 0.0, 1.0)
    strength = vivid * rng.uniform(0.8, 1.0)
    red, green, blue = (255 * light * rng.uniform(0.85, 1.0) * (1 - strength * (1 - pure))).astype(int).tolist()
    return red, green, blue


def _bottle(pen: _Pen, rng: np.random.Generator) -> None:
    glass = _colour(rng, hue=(20, 240), vivid=0.75, light=0.6)
    cap = _colour(rng, hue=(0, 360), vivid=0.8, light=0.8)
    pen.block(glass, (0.34, 0.06), (0.66, 0.4))
    pen.shape(glass, (0.34, 0.22), (0.66, 0.22), (1, 0.42), (0, 0.42))
    pen.block(glass, (0, 0.38), (1, 1), round_to=0.12)
    pen.block(cap, (0.3, 0), (0.7, 0.09))
    label = _WHITE if rng.random() < 0.6 else _colour(rng, hue=(0, 60), vivid=0.6, light=0.95)
    pen.block(label, (0, 0.52), (1, 0.8))
    pen.block(cap, (0, 0.52), (1, 0.56))
    pen.text(_DARK, x=(0.2, 0.8), y=0.62, lines=2, gap=0.07)


def _can(pen: _Pen, rng: np.random.Generator) -> None:
    body = _colour(rng, hue=(-30, 250), vivid=0.9, light=0.85)
    pen.block(_STEEL, (0.08, 0), (0.92, 1), round_to=0.1)
    pen.block(body, (0, 0.09), (1, 0.92), round_to=0.1)
    pen.oval((150, 154, 160), (0.12, 0.005), (0.88, 0.08))
    stripe = _WHITE if rng.random() < 0.7 else _DARK
    rise = rng.uniform(0.15, 0.3)
    pen.shape(stripe, (0, 0.4 + rise), (1, 0.4 - rise / 2), (1, 0.56 - rise / 2), (0, 0.56 + rise))


def _box(pen: _Pen, rng: np.random.Generator) -> None:
    face = _colour(rng, hue=(-20, 320), vivid=0.7, light=0.9)
    pen.block(face, (0, 0), (1, 1))
    pen.block(tuple(int(0.7 * part) for part in face), (0.88, 0), (1, 1))  # type: ignore[arg-type] # three parts stay three
    pen.block(_WHITE, (0.08, 0.07), (0.8, 0.27))
    pen.text(_colour(rng, hue=(200, 380), vivid=0.9, light=0.7), x=(0.14, 0.74), y=0.12, lines=1, gap=0.2)
    middle = _colour(rng, hue=(20, 60), vivid=0.8, light=0.95)
    pen.oval(middle, (0.12, 0.4), (0.76, 0.78))
    pen.oval(_WHITE, (0.28, 0.5), (0.6, 0.68))
    pen.text(_DARK, x=(0.1, 0.7), y=0.86, lines=2, gap=0.05)


def _jar(pen: _Pen, rng: np.random.Generator) -> None:
    content = _colour(rng, hue=(-30, 55), vivid=0.85, light=0.75)
    lid = _colour(rng, hue=(0, 360), vivid=0.6, light=0.9)
    pen.block((214, 222, 224), (0.02, 0.14), (0.98, 1), round_to=0.18)
    pen.block(content, (0.06, 0.24), (0.94, 0.97), round_to=0.15)
    pen.block(lid, (0.1, 0), (0.9, 0.18), round_to=0.04)
    for notch in np.arange(0.16, 0.88, 0.12):
        pen.block(_WHITE, (notch, 0.02), (notch + 0.04, 0.16))
    pen.oval(_WHITE, (0.18, 0.4), (0.82, 0.84))
    pen.text(_DARK, x=(0.32, 0.7), y=0.57, lines=2, gap=0.1)


def _carton(pen: _Pen, rng: np.random.Generator) -> None:
    wave = _colour(rng, hue=(80, 260), vivid=0.8, light=0.8)
    pen.block(wave, (0.14, 0), (0.86, 0.07))
    pen.shape((222, 224, 228), (0.14, 0.06), (0.86, 0.06), (1, 0.25), (0, 0.25))
    pen.block(_WHITE, (0, 0.24), (1, 1))
    pen.shape(wave, (0, 0.62), (0.3, 0.55), (0.65, 0.68), (1, 0.58), (1, 1), (0, 1))
    pen.oval(wave, (0.36, 0.28), (0.66, 0.42))
    pen.text(wave, x=(0.2, 0.8), y=0.45, lines=1, gap=0.09)
    pen.text(_WHITE, x=(0.2, 0.7), y=0.8, lines=2, gap=0.06)


def _tube(pen: _Pen, rng: np.random.Generator) -> None:
    body = _WHITE if rng.random() < 0.5 else _colour(rng, hue=(150, 340), vivid=0.5, light=0.95)
    band = _colour(rng, hue=(160, 370), vivid=0.9, light=0.8)
    pen.block(band, (0, 0), (1, 0.07))
    pen.shape(body, (0, 0.06), (1, 0.06), (0.8, 0.86), (0.2, 0.86))
    pen.shape(band, (0.4, 0.12), (0.62, 0.12), (0.56, 0.8), (0.42, 0.8))
    pen.block(_STEEL if rng.random() < 0.4 else band, (0.24, 0.85), (0.76, 1), round_to=0.08)


def _bag(pen: _Pen, rng: np.random.Generator) -> None:
    foil = _colour(rng, hue=(-10, 300), vivid=0.85, light=0.95)
    teeth = np.linspace(0, 1, 9)
    zigzag = [(x, 0.05 * (index % 2)) for index, x in enumerate(teeth)]
    bottom = [(x, 1 - 0.05 * (index % 2)) for index, x in enumerate(teeth)][::-1]
    pen.shape(foil, *zigzag, (0.94, 0.14), (1, 0.5), (0.94, 0.86), *bottom, (0.06, 0.86), (0, 0.5), (0.06, 0.14))
    shine = tuple(min(255, int(part * 1.3 + 40)) for part in foil)
    pen.shape(shine, (0.12, 0.15), (0.24, 0.15), (0.18, 0.85), (0.1, 0.85))  # type: ignore[arg-type] # three parts
    crisps = _colour(rng, hue=(35, 55), vivid=0.8, light=0.95)
    pen.shape(_WHITE, (0.2, 0.24), (0.88, 0.2), (0.84, 0.4), (0.24, 0.42))
    for x, y in ((0.3, 0.55), (0.5, 0.6), (0.42, 0.7)):
        pen.oval(crisps, (x, y), (x + 0.26, y + 0.14))


def _pouch(pen: _Pen, rng: np.random.Generator) -> None:
    skin = _colour(rng, hue=(60, 380), vivid=0.6, light=0.85)
    accent = _colour(rng, hue=(0, 360), vivid=0.9, light=0.9)
    pen.block(accent, (0.36, 0), (0.64, 0.1), round_to=0.03)
    pen.block(_STEEL, (0.42, 0.08), (0.58, 0.18))
    pen.shape(skin, (0.2, 0.15), (0.8, 0.15), (1, 0.9), (0.86, 1), (0.14, 1), (0, 0.9))
    pen.shape(accent, (0.5, 0.28), (0.76, 0.55), (0.5, 0.82), (0.24, 0.55))
    pen.shape(_WHITE, (0.5, 0.42), (0.62, 0.55), (0.5, 0.68), (0.38, 0.55))


@dataclass(frozen=True, kw_only=True)
class Product:
    """One class of products.

    Attributes:
        name: the class.
        paint: draws one, with colours of its own, into a tile.
        height: range of its height, as a share of the space between two shelves.
        width: range of its width, as a share of its height.
        roundness: how much darker its sides are than its middle.
    """

    name: str
    paint: Callable[[_Pen, np.random.Generator], None]
    height: tuple[float, float]
    width: tuple[float, float]
    roundness: float


PRODUCTS: tuple[Product, ...] = (
    Product(name="bottle", paint=_bottle, height=(0.75, 0.95), width=(0.3, 0.4), roundness=0.5),
    Product(name="can", paint=_can, height=(0.45, 0.6), width=(0.5, 0.65), roundness=0.5),
    Product(name="box", paint=_box, height=(0.65, 0.92), width=(0.58, 0.8), roundness=0.0),
    Product(name="jar", paint=_jar, height=(0.45, 0.62), width=(0.65, 0.85), roundness=0.4),
    Product(name="carton", paint=_carton, height=(0.65, 0.9), width=(0.42, 0.52), roundness=0.05),
    Product(name="tube", paint=_tube, height=(0.55, 0.8), width=(0.32, 0.42), roundness=0.3),
    Product(name="bag", paint=_bag, height=(0.6, 0.85), width=(0.65, 0.85), roundness=0.25),
    Product(name="pouch", paint=_pouch, height=(0.5, 0.75), width=(0.6, 0.78), roundness=0.2),
)
CLASSES: tuple[str, ...] = tuple(product.name for product in PRODUCTS)


def draw_product(product: Product, size_px: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """Return an RGBA tile, width and height as asked, filled by one product; what is not product is transparent."""
    tile = Image.new("RGBA", size_px, (0, 0, 0, 0))
    product.paint(_Pen(tile), rng)
    pixels = np.array(tile)
    across = np.linspace(-1.0, 1.0, size_px[0], dtype=np.float32) - rng.uniform(-0.3, 0.3)
    shade = 1.0 - product.roundness * across**2
    pixels[..., :3] = np.clip(pixels[..., :3] * shade[np.newaxis, :, np.newaxis], 0, 255)
    return Image.fromarray(pixels)
