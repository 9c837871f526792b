"""Tensors are joined into batches and divided again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.standin.batch_tensors import cut_rows, divide, join, padded_size, rows_of
from harness.standin.batching_parameters import BatchingParameters
from harness.standin.status import StatusError


@pytest.mark.parametrize(
    ("tensors", "text"),
    [
        ({"x": np.float32(1)}, "Batching Run() input tensors must have at least one dimension"),
        ({"x": np.zeros(2), "y": np.zeros(3)}, "Batching Run() input tensors must have equal 0th-dimension size"),
        ({}, "Batching Run() must have at least one input tensor"),
    ],
)
def test_requests_that_cannot_be_batched(tensors: dict[str, np.ndarray], text: str) -> None:
    """Every tensor needs rows, and the same number of them (behaviour item 181)."""
    with pytest.raises(StatusError) as caught:
        rows_of(tensors)
    assert caught.value.message == text


def test_different_shapes_are_refused_unless_padded() -> None:
    """Without padding the trailing shapes must be equal (behaviour item 182)."""
    requests = [{"x:0": np.zeros((1, 2))}, {"x:0": np.zeros((1, 3))}]
    with pytest.raises(StatusError, match=r"^FAILED_PRECONDITION: Tensors with name 'x:0' from different tasks have"):
        join(requests, padding=0, pad_shapes=False)


def test_shapes_are_padded_with_the_first_element() -> None:
    """Each tensor is padded with its own first element."""
    requests = [{"x": np.array([[7, 8]])}, {"x": np.array([[1, 2, 3]])}]
    assert join(requests, padding=0, pad_shapes=True)["x"].tolist() == [[7, 8, 7], [1, 2, 3]]


def test_strings_are_padded_too() -> None:
    """Object arrays of bytes can be padded."""
    requests = [{"x": np.array([[b"a"]], object)}, {"x": np.array([[b"b", b"c"]], object)}]
    assert join(requests, padding=0, pad_shapes=True)["x"].tolist() == [[b"a", b"a"], [b"b", b"c"]]


def test_padding_rows_are_the_last_requests_first_row() -> None:
    """A batch is filled up with copies of a row that is known to be valid."""
    requests = [{"x": np.array([1, 2])}, {"x": np.array([3, 4])}]
    assert join(requests, padding=2, pad_shapes=False)["x"].tolist() == [1, 2, 3, 4, 3, 3]


@pytest.mark.parametrize(("rows", "allowed", "size"), [(3, (), 3), (3, (2, 4, 8), 4), (4, (2, 4), 4), (9, (2, 4), 9)])
def test_padded_sizes(rows: int, allowed: tuple[int, ...], size: int) -> None:
    """A batch is padded to the first allowed size that holds it."""
    assert padded_size(rows, allowed) == size


@pytest.mark.parametrize(
    ("output", "text"),
    [
        (np.float32(1), "Batched output tensor has 0 dimensions"),
        (
            np.zeros(4),
            (
                "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes of the input "
                "tensors"
            ),
        ),
    ],
)
def test_outputs_that_cannot_be_divided(output: np.ndarray, text: str) -> None:
    """An output needs a row for every row of the batch (behaviour item 183)."""
    with pytest.raises(StatusError) as caught:
        divide([output], [2, 1], padding=0)
    assert (caught.value.code, caught.value.message) == ("FAILED_PRECONDITION", text)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.integers(0, 4))
def test_dividing_undoes_joining(sizes: list[int], padding: int) -> None:
    """Every request gets back its own rows, and never a padding row."""
    requests = [{"x": np.full((size, 2), number)} for number, size in enumerate(sizes)]
    joined = join(requests, padding=padding, pad_shapes=False)
    for (part,), request in zip(divide([joined["x"]], sizes, padding=padding), requests, strict=True):
        assert np.array_equal(part, request["x"])


def test_rows_are_cut_from_every_tensor() -> None:
    """A piece of a request has the same rows of each tensor."""
    cut = cut_rows({"x": np.arange(4), "y": np.arange(8).reshape(4, 2)}, 1, 3)
    assert cut["x"].tolist() == [1, 2]
    assert cut["y"].tolist() == [[2, 3], [4, 5]]


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        (
            {"max_batch_size": 8, "allowed_batch_sizes": (2, 4)},
            "Last entry in allowed_batch_sizes must match max_batch_size; last entry was 4; expected 8",
        ),
        ({"max_batch_size": 0}, "input_batch_size_limit must be positive; was 0"),
        ({"batch_timeout_s": -1e-6}, "batch_timeout_micros must be non-negative; was -1"),
        ({"max_enqueued_batches": 0}, "max_enqueued_batches must be positive; was 0"),
    ],
)
def test_parameters_that_contradict_each_other(parameters: dict[str, object], text: str) -> None:
    """Only the last allowed size and the plain limits are checked (behaviour item 184)."""
    with pytest.raises(StatusError) as caught:
        BatchingParameters(**parameters).check()  # type: ignore[arg-type]
    assert caught.value.message == text


def test_falling_sizes_are_taken() -> None:
    """A falling list is fine as long as its last entry is the largest batch."""
    BatchingParameters(max_batch_size=2, allowed_batch_sizes=(4, 2)).check()
