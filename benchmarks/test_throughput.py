"""Requests a second with several of them in flight, over each API (closed loop)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from harness.load import LoadResult

DURATION_S = 3.0
WARMUP_S = 4.0


@pytest.mark.parametrize("concurrency", [1, 4, 8])
def test_closed_loop(
    client: Any,
    concurrency: int,
    serving_inputs: Callable[..., dict[str, np.ndarray]],
    serving_load: Callable[..., LoadResult],
) -> None:
    """Every request under load is answered well."""
    result = serving_load(
        serving_inputs(1), api=client.api, concurrency=concurrency, duration_s=DURATION_S, warmup_s=WARMUP_S
    )
    assert result.errors == {}
    assert result.n > 0
