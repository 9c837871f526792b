"""Latency of single predictions, one after the other, over each API, by batch size and payload (pytest-benchmark).

``pytest benchmarks/test_latency.py --benchmark-autosave`` keeps a run, ``--benchmark-compare`` compares with the last
one kept; the gate tells a slower server from a noisy machine, which that comparison cannot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from harness import Prediction

pytestmark = pytest.mark.benchmark(min_rounds=500, max_time=2.0, warmup=True, warmup_iterations=50)


@pytest.mark.parametrize("batch_size", [1, 32])
def test_predict(
    serving_benchmark: Callable[..., Prediction],
    benchmark: Any,
    client: Any,
    batch_size: int,
    serving_inputs: Callable[..., dict[str, np.ndarray]],
) -> None:
    """Predict answers again and again while the time of each call is taken."""
    benchmark.group = f"{client.endpoint.model} predict, batch of {batch_size}"
    assert serving_benchmark(client, serving_inputs(batch_size)).outputs


@pytest.mark.serving(model="half_plus_two")  # the one with sizes left open besides the batch
@pytest.mark.parametrize("open_size", [16, 256])
def test_predict_of_a_larger_payload(
    serving_benchmark: Callable[..., Prediction],
    benchmark: Any,
    client: Any,
    open_size: int,
    serving_inputs: Callable[..., dict[str, np.ndarray]],
) -> None:
    """Predict answers requests of several sizes while the time of each call is taken."""
    benchmark.group = f"{client.endpoint.model} predict, open dimensions of {open_size}"
    assert serving_benchmark(client, serving_inputs(1, open_size=open_size)).outputs
