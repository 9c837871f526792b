"""The order in which a pool of requests is sent: in turn, or drawn anew for each pass. Pure."""

from __future__ import annotations

from itertools import cycle, islice
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["order"]


def order(n: int, *, seed: int | None = None, part: int = 0, parts: int = 1) -> Iterator[int]:
    """Return an endless iterator over the numbers of the requests to send.

    Each pass through the pool sends every request once: no request is left out by chance, as independent draws would.

    Args:
        n: requests in the pool, 1 or more.
        seed: of the order within each pass; None for 0, 1, 2 ... in every pass.
        part: with several senders, which one this is: the whole order is dealt out to them in turn.
        parts: how many senders there are.
    """
    whole = cycle(range(n)) if seed is None else _drawn(n, seed)
    return whole if parts == 1 else islice(whole, part, None, parts)


def _drawn(n: int, seed: int) -> Iterator[int]:
    random = np.random.default_rng(seed)
    while True:
        yield from random.permutation(n).tolist()
