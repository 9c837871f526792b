"""Blocks as a measurement would yield them, made up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.gate.blocks import Block, order_of_pairs

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def blocks() -> Callable[..., tuple[Block, ...]]:
    """A function that makes blocks of so many pairs in the gate's order; the candidate's values times a factor."""

    def make(pairs: int = 12, *, noise: float = 0.01, seed: int = 0, **factors: Any) -> tuple[Block, ...]:
        random, base = np.random.default_rng(seed), {"cpu_us": 400.0, "p50_ns": 1e6, "rate_per_s": 3000.0}
        made = []
        for number, order in enumerate(order_of_pairs(0, pairs)):
            for side in order:
                values = {
                    name: value
                    * (factors.get(name, 1.0) if side == "candidate" else 1.0)
                    * float(np.exp(random.normal(0, noise)))
                    for name, value in base.items()
                }
                made.append(Block(side=side, start=number // 4, values=values))
        return tuple(made)

    return make
