"""Small damage to bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

__all__ = ["mutate"]


def mutate(rng: random.Random, data: bytearray) -> None:
    """Change, drop, double or insert something."""
    place = rng.randrange(len(data) + 1)
    action = rng.randrange(4)
    if action == 0 and place < len(data):
        data[place] = rng.randrange(256)
    elif action == 1:
        del data[place : place + rng.randrange(1, 8)]
    elif action == 2:
        data[place:place] = data[place : place + rng.randrange(1, 20)]
    else:
        data[place:place] = rng.choice((b"[", b"]", b"{", b"}", b",", b":", b'"', b"\\u", b"1e999", b"\x00", b"NaN"))
