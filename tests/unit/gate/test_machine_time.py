"""Time that was stolen from this machine."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import pytest

from harness.gate.machine_time import MachineTime, steal_between

Times = namedtuple("Times", "user system idle steal guest")  # noqa: PYI024 - as psutil's own
Plain = namedtuple("Plain", "user system idle")  # noqa: PYI024 - of a system that knows no steal


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [
        (Times(0, 0, 0, 0, 0), Times(50, 10, 35, 5, 40), 0.05),
        (Times(9, 9, 9, 9, 9), Times(9, 9, 9, 9, 9), 0.0),
        (Plain(0, 0, 0), Plain(5, 5, 5), 0.0),
    ],
)
def test_steal_is_a_share_of_all_time(before: Any, after: Any, share: float) -> None:
    """Stolen over all time; a guest's is in user time already; systems without it have none."""
    assert steal_between(before, after) == pytest.approx(share)


def test_it_can_be_asked_of_this_machine() -> None:
    """The share lies between none and all, also right after the beginning."""
    machine = MachineTime()
    machine.begin()
    assert 0 <= machine.steal_share() <= 1
