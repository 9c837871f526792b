"""Soaks, of servers that keep memory on purpose and of made readings."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fixtures.leaky_server import leaking
from fixtures.load_results import POOL, made_result
from harness.endpoint import Endpoint
from harness.load import Arrivals
from harness.measure.memory import growth
from harness.measure.runner import Load, Runner, RunSettings
from harness.measure.soak import Soaking

_MIB = 2**20
_HOUR_S = np.linspace(0, 3600, 100)
_TO_AND_FRO = 300 * _MIB + np.random.default_rng(0).integers(-_MIB, _MIB, 100)


@pytest.mark.parametrize(("kept_bytes", "grows"), [(50_000, True), (0, False)])
def test_a_server_that_keeps_memory_grows_and_another_does_not(kept_bytes: int, grows: bool) -> None:  # noqa: FBT001
    """A server that keeps 50 kB of every call grows at that rate; one that keeps nothing does not grow."""
    with leaking(kept_bytes) as server:
        soaking = Soaking(
            runner=Runner(endpoints=(server.endpoint,), settings=RunSettings(warmup_s=0.0)),
            server=server,  # type: ignore[arg-type]  # as much of a server as a soak looks at
            pool=POOL,
            load=Load(arrivals=Arrivals(rate_per_s=200, shape="constant")),
            duration_s=2.0,
        )
        row = soaking.run()
    assert row.grows is grows
    assert row.n >= 300
    assert not row.errors
    assert len(row.at_s) == len(row.memory_bytes) >= 8
    if grows:
        assert (row.memory_slope_bytes_per_s or 0) > 50_000 * 50
    else:
        assert any("so short a soak" in one for one in row.warnings)


@pytest.mark.parametrize(
    ("memory", "grows"),
    [
        (_TO_AND_FRO, False),
        (_TO_AND_FRO + _HOUR_S / 3600 * 0.02 * 300 * _MIB, False),
        (_TO_AND_FRO + _HOUR_S / 3600 * 0.10 * 300 * _MIB, True),
        (_TO_AND_FRO + np.minimum(_HOUR_S / 600, 1) * 200 * _MIB, False),
        (_TO_AND_FRO - _HOUR_S / 3600 * 0.50 * 300 * _MIB, False),
    ],
    ids=["to and fro", "within the tolerance", "above it", "filling up at first", "shrinking"],
)
def test_growth_is_a_slope_above_the_tolerance_after_the_first_fifth(memory: Any, grows: bool) -> None:  # noqa: FBT001
    """What grows by more than 5 % an hour after its first fifth grows, whatever it does to and fro."""
    found = growth(_HOUR_S, [int(one) for one in memory])
    assert found.grows is grows
    assert found.seen_share_per_h == pytest.approx(0.05)
    assert (found.low or 0) <= (found.slope or 0) <= (found.high or 0)


def test_a_short_time_shows_strong_growth_only() -> None:
    """In 36 s, 28.8 of them looked at, only growth by 1 % of the memory is told from to and fro: 125 % an hour."""
    times = np.linspace(0, 36, 100)
    assert growth(times, [300 * _MIB] * 100).seen_share_per_h == pytest.approx(0.01 * 3600 / 28.8, rel=0.02)


@pytest.mark.parametrize("readings", [0, 1, 7])
def test_too_few_readings_have_no_slope(readings: int) -> None:
    """Fewer than eight readings make no slope, and nothing grows."""
    found = growth(range(readings), range(readings))
    assert (found.slope, found.grows) == (None, False)


@pytest.mark.parametrize(("ended", "interrupted"), [("interrupted", True), ("server gone", False)])
def test_what_was_measured_is_kept(ended: Any, interrupted: bool) -> None:  # noqa: FBT001
    """Ctrl-C and a server that goes away end a soak, which keeps the requests until then; unknown memory is said so."""
    results = iter(made_result([1.0] * 10, ended=one, reason="of a test") for one in ("completed", ended))

    class MadeUp(Runner):
        def run(self, *_given: Any, **_options: Any) -> Any:
            return SimpleNamespace(result=next(results))

    soaking = Soaking(
        runner=MadeUp(endpoints=(Endpoint(grpc="h:1", rest=None, model="m"),)),
        server=SimpleNamespace(memory_bytes=lambda: None),  # type: ignore[arg-type]  # what a soak looks at
        pool=POOL,
        load=Load(),
        duration_s=300,
    )
    row = soaking.run()
    assert soaking.interrupted is interrupted
    assert row.n == 20
    assert any("memory cannot be known" in one for one in row.warnings)
