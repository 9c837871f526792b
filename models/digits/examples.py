"""Requests to digits with the answers of the NumPy network, and a few held-out digits as image files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.digits.data import load_test_set
from models.digits.reference import forward
from models.example import Example

__all__ = ["SAMPLES", "Sample", "examples"]

_FOLDER = Path(__file__).with_name("samples")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One held-out digit as an image file.

    Attributes:
        path: the file.
        label: the digit it shows.
        index: its place in the held-out set.
        size: height and width in pixels.
        dark_on_light: whether the ink is the dark part.
    """

    path: Path
    label: int
    index: int
    size: int
    dark_on_light: bool


def _sample(index: int, label: int, suffix: str, size: int, ink: str) -> Sample:
    path = _FOLDER / f"digit_{label}_{ink}.{suffix}"
    return Sample(path=path, label=label, index=index, size=size, dark_on_light=ink == "dark")


# One held-out image of each digit; sizes, formats and colours differ on purpose.
SAMPLES: tuple[Sample, ...] = (
    _sample(6, 0, "png", 64, "dark"),
    _sample(2, 1, "png", 28, "light"),
    _sample(0, 2, "jpg", 120, "dark"),
    _sample(12, 3, "png", 8, "light"),
    _sample(3, 4, "jpg", 200, "light"),
    _sample(25, 5, "png", 96, "dark"),
    _sample(17, 6, "png", 48, "light"),
    _sample(8, 7, "jpg", 64, "dark"),
    _sample(4, 8, "png", 160, "dark"),
    _sample(1, 9, "png", 32, "light"),
)


def examples() -> tuple[Example, ...]:
    """Return requests of several batch sizes made of held-out images, with the scores they must bring."""
    images, _ = load_test_set()
    batches = {f"{count} held-out digits": images[:count] for count in (1, 3, 32)}
    batches["an empty page"] = np.zeros((1, 8, 8, 1), np.float32)
    return tuple(
        Example(name=name, inputs={"image": batch}, outputs={"scores": forward(batch)}, rtol=1e-4, atol=1e-5)
        for name, batch in batches.items()
    )
