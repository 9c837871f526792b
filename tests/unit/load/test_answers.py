"""Which answers of a run are kept."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from harness.load.answers import Answer, Keeper, load_answers, save_answers

if TYPE_CHECKING:
    from pathlib import Path


def _run(keeper: Keeper, answers: int, pool: int, size: int = 1) -> None:
    for number in range(answers):
        if keeper.chooses():
            keeper.keep(number % pool, number.to_bytes(4, "big") * size)


def test_few_answers_are_all_kept() -> None:
    """As long as there is room every answer is kept, with the number of its request."""
    keeper = Keeper(10)
    _run(keeper, 10, pool=3)
    assert [one.request for one in keeper.kept] == [number % 3 for number in range(10)]
    assert [int.from_bytes(one.body, "big") for one in keeper.kept] == list(range(10))


def test_kept_answers_come_from_the_whole_run_and_from_every_request() -> None:
    """Of 40,000 answers to 8 requests at most 100 are kept, some of each tenth of the run, and of each request."""
    keeper = Keeper(100)
    _run(keeper, 40_000, pool=8)
    assert 50 <= len(keeper.kept) <= 100
    times = [int.from_bytes(one.body, "big") for one in keeper.kept]
    assert times == sorted(times)
    assert set(Counter(time // 4_000 for time in times)) == set(range(10))
    assert {one.request for one in keeper.kept} == set(range(8))


@given(sizes=st.lists(st.integers(0, 60), max_size=80), most=st.integers(1, 20))
def test_neither_number_nor_bytes_go_beyond_their_bounds(sizes: list[int], most: int) -> None:
    """Whatever comes, what is kept stays within both bounds; an answer larger than all the room is left out."""
    keeper = Keeper(most, most_bytes=50)
    for size in sizes:
        if keeper.chooses():
            keeper.keep(0, bytes(size))
        assert len(keeper.kept) <= most
        assert sum(len(one.body) for one in keeper.kept) <= 50


def test_answers_travel_in_files(tmp_path: Path) -> None:
    """What is written comes back, empty bodies included."""
    answers = (Answer(request=2, body=b"abc"), Answer(request=0, body=b""), Answer(request=1, body=b"\0" * 9))
    save_answers(answers, tmp_path)
    assert load_answers(tmp_path) == answers
