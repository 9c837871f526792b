"""A user's function, called the same way whatever it takes."""

from __future__ import annotations

from typing import Any

import pytest

from harness.measure.pipeline import Pipeline
from harness.stages import StageClock

CLIENT: Any = object()


def _with_clock(file: bytes, client: Any, *, clock: StageClock) -> Any:
    with clock("read"):
        return file, client


@pytest.mark.parametrize(
    ("function", "stages"),
    [(_with_clock, ["read"]), (lambda file, client: (file, client), []), (divmod, None)],
    ids=["with a clock", "without", "one that does not tell"],
)
def test_a_clock_goes_to_those_who_take_one(function: Any, stages: list[str] | None) -> None:
    """Each function gets file and client; only one that has a parameter for it gets the clock."""
    clock = StageClock()
    pipeline = Pipeline(name="mine", function=function)
    if stages is None:
        with pytest.raises(TypeError, match="unsupported operand"):
            pipeline.run(b"file", CLIENT, clock=clock)
    else:
        assert pipeline.run(b"file", CLIENT, clock=clock) == (b"file", CLIENT)
        assert list(clock.stages_ns) == stages
