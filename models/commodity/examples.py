"""Requests to the detector made of held-out scenes, with the answers of the NumPy network."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from models.commodity.model import INPUT_SIZE
from models.commodity.preprocess import preprocess
from models.commodity.reference import forward
from models.commodity.shelves import HELD_OUT_SEED, draw_scenes
from models.example import Example

__all__ = ["examples"]


@lru_cache(maxsize=1)  # the NumPy network takes its time
def examples() -> tuple[Example, ...]:
    """Return requests of one and of three images, and of an image with nothing in it, with their answers."""
    squares, _ = preprocess([scene.image for scene in draw_scenes(HELD_OUT_SEED, 3)])
    batches = {
        "one shelf": squares[:1],
        "three shelves": squares,
        "nothing but grey": np.full((1, INPUT_SIZE, INPUT_SIZE, 3), 0.5, np.float32),
    }
    return tuple(
        Example(name=name, inputs={"image": batch}, outputs=forward(batch), rtol=1e-3, atol=1e-4)
        for name, batch in batches.items()
    )
