"""Requests are put into batches by the rules of TensorFlow's scheduler."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.standin.batch_queue import BatchQueue
from harness.standin.batching_parameters import BatchingParameters
from harness.standin.status import StatusError


def queue(**parameters: object) -> BatchQueue[str]:
    """A queue of batches of 4 rows that wait 1 second, unless said otherwise."""
    defaults = {"max_batch_size": 4, "max_execution_batch_size": 4, "batch_timeout_s": 1.0, "max_enqueued_batches": 2}
    return BatchQueue(BatchingParameters(**{**defaults, **parameters}))  # type: ignore[arg-type]


def contents(batches: BatchQueue[str]) -> list[list[tuple[str, int, int]]]:
    """What is in the batches, in order; takes them out."""
    taken = []
    while batches.due_s() is not None:
        taken.append([(piece.request, piece.begin, piece.end) for piece in batches.take().pieces])
    return taken


def test_requests_share_a_batch_until_it_is_full() -> None:
    """What fits goes together; what does not begins a new batch."""
    batches = queue()
    for name, rows in (("a", 2), ("b", 2), ("c", 3)):
        batches.add(name, rows, now_s=0.0)
    assert contents(batches) == [[("a", 0, 2), ("b", 0, 2)], [("c", 0, 3)]]


def test_a_request_of_too_many_rows_is_refused() -> None:
    """Above max_batch_size there is the genuine text (behaviour item 179)."""
    with pytest.raises(StatusError, match="Task size 5 is larger than maximum input batch size 4"):
        queue().add("a", 5, now_s=0.0)


def test_a_full_queue_refuses() -> None:
    """When all batches are taken, the answer is UNAVAILABLE (behaviour item 180)."""
    batches = queue()
    batches.add("a", 4, now_s=0.0)
    batches.add("b", 3, now_s=0.0)
    with pytest.raises(StatusError, match=r"is full; currently \d+ batches enqueued and max_enqueued_batches is \d+$"):
        batches.add("c", 2, now_s=0.0)
    batches.add("d", 1, now_s=0.0)


def test_a_request_beyond_an_empty_queue_is_told_of_one_batch() -> None:
    """The batch that is yet to be filled counts, though it is empty."""
    batches = queue(max_batch_size=16, max_execution_batch_size=4, max_enqueued_batches=1, split_large=True)
    with pytest.raises(
        StatusError, match=r"only 4 \(num_enqueued_batches=1, max_enqueued_batches=1, open_batch_size=0,"
    ):
        batches.add("a", 9, now_s=0.0)


def test_a_batch_waits_for_more_until_its_time_is_up() -> None:
    """An open batch is due when its first request has waited long enough, a full one at once."""
    batches = queue()
    assert batches.due_s() is None
    batches.add("a", 1, now_s=10.0)
    assert batches.due_s() == 11.0
    batches.add("b", 3, now_s=10.5)
    assert batches.due_s() == 10.0


def test_a_batch_followed_by_another_is_due_at_once() -> None:
    """A batch that cannot grow any more need not wait."""
    batches = queue()
    batches.add("a", 3, now_s=10.0)
    batches.add("b", 2, now_s=10.1)
    assert batches.due_s() == 10.0


def test_large_requests_are_spread_over_batches() -> None:
    """With splitting, a request fills the open batch and goes on in the next."""
    batches = queue(max_execution_batch_size=2, split_large=True, max_enqueued_batches=3)
    batches.add("a", 1, now_s=0.0)
    batches.add("b", 4, now_s=0.0)
    assert contents(batches) == [[("a", 0, 1), ("b", 0, 1)], [("b", 1, 3)], [("b", 3, 4)]]


def test_a_full_queue_tells_its_numbers_when_splitting() -> None:
    """With splitting the text gives the capacity that is left."""
    batches = queue(max_execution_batch_size=2, split_large=True)
    batches.add("a", 3, now_s=0.0)
    with pytest.raises(StatusError) as caught:
        batches.add("b", 2, now_s=0.0)
    assert caught.value.message.endswith(
        "is full; task size is 2 but scheduling capacity is only 1 (num_enqueued_batches=2, max_enqueued_batches=2, "
        "open_batch_size=1, max_execution_batch_size=2)"
    )


@given(st.lists(st.integers(1, 8), max_size=20), st.booleans(), st.integers(1, 8))
def test_every_row_is_in_one_batch_in_order(sizes: list[int], split: bool, size: int) -> None:  # noqa: FBT001
    """Whatever comes, batches are never too large and hold every row once, in order."""
    largest = size if split else 8
    batches = queue(max_batch_size=8, max_execution_batch_size=largest, split_large=split, max_enqueued_batches=1000)
    for number, rows in enumerate(sizes):
        batches.add(str(number), rows, now_s=0.0)
    taken = contents(batches)
    assert all(sum(end - begin for _, begin, end in batch) <= largest for batch in taken)
    placed = [(name, row) for batch in taken for name, begin, end in batch for row in range(begin, end)]
    assert placed == [(str(number), row) for number, count in enumerate(sizes) for row in range(count)]
