"""Stages of a client's work, timed."""

from __future__ import annotations

import pytest

from harness.stages import StageClock


def test_stages_add_up_in_the_order_they_came() -> None:
    """A stage that is entered twice has one entry, at its first place."""
    clock = StageClock()
    for name in ("decode", "draw", "decode"):
        with clock(name):
            sum(range(1000))
    assert list(clock.stages_ns) == ["decode", "draw"]
    assert all(value > 0 for value in clock.stages_ns.values())


def test_a_stage_that_fails_is_counted_and_left() -> None:
    """An exception ends the stage, goes on its way, and the next stage can begin."""
    clock = StageClock()
    with pytest.raises(ValueError, match="no image"), clock("decode"):
        raise ValueError("no image")
    with clock("draw"):
        pass
    assert list(clock.stages_ns) == ["decode", "draw"]


def test_a_stage_within_a_stage_is_refused() -> None:
    """Times that overlap would not add up: the error names both stages."""
    clock = StageClock()
    with clock("predict"), pytest.raises(RuntimeError, match="'decode' begins within stage 'predict'"), clock("decode"):
        pass
    assert list(clock.stages_ns) == ["predict"]
