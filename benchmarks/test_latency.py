"""Latency of single predictions, one after the other, over each API and by batch size (pytest-benchmark)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np


@pytest.mark.benchmark(min_rounds=500, max_time=2.0, warmup=True, warmup_iterations=50)
@pytest.mark.parametrize("batch_size", [1, 32])
def test_predict(
    benchmark: Any, client: Any, batch_size: int, inputs_of_size: Callable[[int], dict[str, np.ndarray]]
) -> None:
    """Predict answers again and again while the time of each call is taken."""
    inputs = inputs_of_size(batch_size)
    benchmark.extra_info["batch_size"] = batch_size
    benchmark.extra_info["payload_bytes"] = len(client.encode_predict(inputs))
    benchmark.group = f"{client.endpoint.model} predict, batch of {batch_size}"
    answer = benchmark(client.predict, inputs)
    assert answer.outputs
