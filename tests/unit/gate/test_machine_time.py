"""Time that was stolen from this machine."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import pytest

from harness.gate.machine_time import MachineTime, share_of, used_between

Times = namedtuple("Times", "user system idle steal guest")  # noqa: PYI024 - as psutil's own
Plain = namedtuple("Plain", "user system idle")  # noqa: PYI024 - of a system that knows no steal


@pytest.mark.parametrize(
    ("before", "after", "used"),
    [
        (Times(0, 0, 0, 0, 0), Times(50, 10, 35, 5, 40), (100, 5)),
        (Times(9, 9, 9, 9, 9), Times(9, 9, 9, 9, 9), (0, 0)),
        (Plain(0, 0, 0), Plain(5, 5, 5), (15, 0)),
    ],
)
def test_stolen_time_is_part_of_all_time(before: Any, after: Any, used: tuple[float, float]) -> None:
    """All time and what of it was stolen; a guest's is in user time already; systems without it have none."""
    assert used_between(before, after) == pytest.approx(used)


def test_the_share_is_of_all_parts_together() -> None:
    """Stolen over all time; none of no time at all."""
    assert share_of([(100, 5), (300, 3)]) == pytest.approx(0.02)
    assert share_of([]) == share_of([(0, 0)]) == 0.0


def test_it_can_be_asked_of_this_machine() -> None:
    """What was stolen lies between none and all, also right after the beginning."""
    machine = MachineTime()
    machine.begin()
    total_s, stolen_s = machine.used()
    assert 0 <= stolen_s <= total_s
