"""Requests a second with several of them in flight, over each API (closed loop)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.load import run_load

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from harness.load import ServerUsage
    from harness.results import Throughput

DURATION_S = 3.0
WARMUP_S = 4.0


@pytest.mark.parametrize("concurrency", [1, 4, 8])
def test_closed_loop(
    client: Any,
    concurrency: int,
    inputs_of_size: Callable[[int], dict[str, np.ndarray]],
    server_usage: Callable[[], ServerUsage | None],
    record_throughput: Callable[[Throughput], None],
) -> None:
    """Every request under load is answered well."""
    body = client.encode_predict(inputs_of_size(1))
    result = run_load(
        client.endpoint,
        [body],
        api=client.api,
        concurrency=concurrency,
        duration_s=DURATION_S,
        warmup_s=WARMUP_S,
        usage=server_usage,
    )
    record_throughput(result.throughput(batch_size=1))
    assert result.errors == {}
    assert result.n > 0
