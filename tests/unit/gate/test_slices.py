"""How a block is cut, and whose turn it is."""

from __future__ import annotations

import pytest

from harness.gate.blocks import halves_of, order_of_slices
from harness.gate.slices import Slicing, choose_slicing


@pytest.mark.parametrize(
    ("given", "count", "slice_s", "settle_s"),
    [
        ({"latency_s": 0.002, "switch_s": 0.01}, 16, 0.2, 0.05),
        ({"latency_s": 0.05, "switch_s": 0.01}, 4, 0.8, 0.2),
        ({"latency_s": 0.002, "switch_s": 0.3}, 4, 0.8, 0.2),
        ({"latency_s": 0.002, "switch_s": 0.01, "gap_s": 0.04}, 8, 0.4, 0.1),
        ({"latency_s": 0.2, "switch_s": 0.01}, 1, 3.2, 1.0),
        ({"latency_s": 0.0, "switch_s": 0.0, "settle_s": 0.01}, 16, 0.2, 0.01),
        ({"latency_s": 0.2, "switch_s": 0.3, "slice_s": 0.1}, 32, 0.1, 0.025),
        ({"latency_s": 0.002, "switch_s": 0.01, "slice_s": 3.2}, 1, 3.2, 1.0),
        ({"latency_s": 0.002, "switch_s": 0.01, "block_s": 0.5}, 1, 0.5, 1.0),
    ],
    ids=[
        "fast",
        "slow model",
        "slow pause",
        "few arrivals",
        "too slow",
        "little to settle",
        "as asked",
        "asked not to",
        "short block",
    ],
)
def test_slices_are_as_short_as_serves(given: dict[str, float], count: int, slice_s: float, settle_s: float) -> None:
    """Ten answers to each request in flight, twice what changing sides takes, a fifth of a second; or no slices."""
    slicing = choose_slicing(**{"block_s": 3.2, "settle_s": 1.0, **given})
    assert (slicing.count, slicing.slice_s) == (count, pytest.approx(slice_s))
    assert slicing.settle_s == pytest.approx(settle_s)


@pytest.mark.parametrize("block_s", [0.8, 1.0, 2.0, 3.2, 5.0, 7.7])
def test_slices_make_a_block(block_s: float) -> None:
    """However long the block, its slices are as long together, and four or a multiple."""
    slicing = choose_slicing(block_s=block_s, settle_s=1.0, latency_s=0.001, switch_s=0.02)
    assert isinstance(slicing, Slicing)
    assert slicing.count * slicing.slice_s == pytest.approx(block_s)
    assert slicing.count % 4 == 0
    assert slicing.slice_s >= 0.2 - 1e-9


def test_sides_take_turns_so_that_a_drift_meets_both() -> None:
    """A B B A: the mean time of each side's slices is the same, which side begins does not matter."""
    order = list(order_of_slices(("baseline", "candidate"), 4))
    assert "".join(side[0] for side in order) == "bccbbccb"
    at = {side: [number for number, each in enumerate(order) if each == side] for side in set(order)}
    assert sum(at["baseline"]) == sum(at["candidate"])
    assert list(order_of_slices(("candidate", "baseline"), 1)) == ["candidate", "baseline"]


def test_halves_lie_to_each_other_as_the_sides_do() -> None:
    """The first and fourth slice against the second and third, and so on; of fewer than four there are none."""
    assert halves_of(range(8)) == ([0, 3, 4, 7], [1, 2, 5, 6])
    assert halves_of(range(7)) == ([0, 3], [1, 2])
    assert halves_of(range(3)) is None
