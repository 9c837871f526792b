"""Sweeps: which runs are made, and which are spared."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.load_results import POOL, made_result
from harness.endpoint import Endpoint
from harness.load import Arrivals
from harness.measure.runner import Load, Measured, Runner
from harness.measure.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Mapping

LOADS = [Load(arrivals=Arrivals(rate_per_s=rate)) for rate in (100.0, 300.0, 200.0, 400.0)]
POOLS = [replace(POOL, batch_size=size) for size in (1, 8)]


class _Ending(Runner):
    """A runner whose runs end as it is told, by their number."""

    def __init__(self, ends: Mapping[int, str]) -> None:
        super().__init__(endpoints=(Endpoint(grpc="127.0.0.1:1", rest=None, model="m"),))
        object.__setattr__(self, "ends", ends)
        object.__setattr__(self, "made", [])

    def run(self, pool: Any, load: Load, **_: Any) -> Measured:
        assert load.arrivals is not None
        self.made.append((pool.batch_size, load.arrivals.rate_per_s))
        ended: Any = self.ends.get(len(self.made), "completed")
        result = made_result([1.0], ended=ended, arrivals=load.arrivals)
        return Measured(result=result, row=result.throughput(batch_size=pool.batch_size))


def test_each_pool_is_sent_under_each_load() -> None:
    """One row each, in order."""
    runner = _Ending({})
    rows = list(sweep(runner, POOLS, LOADS))
    assert [(row.batch_size, row.asked_rate_per_s) for row in rows] == runner.made  # type: ignore[attr-defined]
    assert len(rows) == 8


def test_a_server_that_is_gone_ends_the_sweep() -> None:
    """The row of the run in which it went is kept, and says so."""
    rows = list(sweep(_Ending({3: "server gone"}), POOLS, LOADS))
    assert [row.ended for row in rows] == ["completed", "completed", "server gone"]


def test_a_rate_beyond_the_server_spares_higher_ones() -> None:
    """Lower rates, and other requests, are still measured."""
    rows = list(sweep(_Ending({2: "overrun"}), POOLS, LOADS))
    assert [(row.batch_size, row.asked_rate_per_s) for row in rows][:4] == [(1, 100), (1, 300), (1, 200), (8, 100)]
    assert len(rows) == 7


def test_ctrl_c_keeps_the_row_it_cut_short() -> None:
    """Then it is passed on."""
    rows = []
    with pytest.raises(KeyboardInterrupt):
        rows.extend(sweep(_Ending({2: "interrupted"}), POOLS, LOADS))
    assert [row.ended for row in rows] == ["completed", "interrupted"]
