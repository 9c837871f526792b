"""What a measurement would yield, made up: load runs, and blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.gate.blocks import Block, order_of_pairs
from harness.load import LoadResult, Samples

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


@pytest.fixture
def load_result() -> Callable[..., LoadResult]:
    """A function that makes the result of a load run of a second, 600 requests of a millisecond unless told."""

    def make(*, n: int = 600, latency_ns: int = 1_000_000, status: int = 0, **more: Any) -> LoadResult:
        sent = np.arange(n) * 1_000
        samples = Samples(
            scheduled_ns=sent,
            sent_ns=sent,
            done_ns=sent + latency_ns,
            status=np.full(n, status),
            response_bytes=np.ones(n),
        )
        given: dict[str, Any] = {
            "model": "m",
            "api": "grpc",
            "engine": "fake",
            "target": "t",
            "concurrency": 4,
            "payload_bytes": 1,
            "samples": samples,
            "duration_s": 1.0,
            "warmup_s": 0.0,
            "steady": True,
            "server_cpu_us_per_request": 400.0,
        }
        return LoadResult(**given | more)

    return make
