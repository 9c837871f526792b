"""The order of a pool's requests."""

from __future__ import annotations

from itertools import islice

import pytest

from harness.load.order import order


def test_without_a_seed_requests_are_sent_in_turn() -> None:
    """Three requests are 0, 1, 2 and again."""
    assert list(islice(order(3), 7)) == [0, 1, 2, 0, 1, 2, 0]


def test_with_a_seed_each_pass_has_an_order_of_its_own() -> None:
    """Every pass sends every request once; passes differ from each other, seeds too, and the same seed is the same."""
    passes = [list(islice(order(50, seed=7), 150))[start : start + 50] for start in (0, 50, 100)]
    assert all(sorted(one) == list(range(50)) for one in passes)
    assert passes[0] != passes[1] != passes[2]
    assert list(islice(order(50, seed=8), 50)) != passes[0] == list(islice(order(50, seed=7), 50))


@pytest.mark.parametrize("seed", [None, 3])
def test_several_senders_deal_the_order_out_among_them(seed: int | None) -> None:
    """Taken in turn from three senders, the numbers are those of one."""
    parts = [order(10, seed=seed, part=part, parts=3) for part in range(3)]
    dealt = [next(parts[number % 3]) for number in range(60)]
    assert dealt == list(islice(order(10, seed=seed), 60))
