"""BatchQueue: which requests go into which batch, and when a batch may be run. No threads, no clock of its own.

The rules are those of TensorFlow's SharedBatchScheduler: requests fill the last batch; it is closed when full, when
its oldest request has waited long enough, or when a new one has to be begun (behaviour items 179, 180).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from harness.standin.status import StatusError

if TYPE_CHECKING:
    from harness.standin.batching_parameters import BatchingParameters

__all__ = ["Batch", "BatchQueue", "Piece"]

RequestT = TypeVar("RequestT")

_FULL = "The batch scheduling queue to which this task was submitted is full"


@dataclass(frozen=True)
class Piece(Generic[RequestT]):
    """Rows ``begin`` to ``end`` of a request: all of it unless it was split."""

    request: RequestT
    begin: int
    end: int

    @property
    def rows(self) -> int:
        """How many rows these are."""
        return self.end - self.begin


@dataclass
class Batch(Generic[RequestT]):
    """Pieces that are run together; ``opened_s`` is when the first one came."""

    opened_s: float
    pieces: list[Piece[RequestT]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows the batch has."""
        return sum(piece.rows for piece in self.pieces)


class BatchQueue(Generic[RequestT]):
    """The batches of one model and one set of tensors that wait to be run."""

    def __init__(self, parameters: BatchingParameters) -> None:
        """Begin without batches."""
        self._parameters = parameters
        self._batches: deque[Batch[RequestT]] = deque()

    def add(self, request: RequestT, rows: int, *, now_s: float) -> None:
        """Put a request of ``rows`` rows into the queue.

        Raises:
            StatusError: INVALID_ARGUMENT, it has too many rows; UNAVAILABLE, the queue is full.
        """
        limit = self._parameters.max_batch_size
        if rows > limit:
            text = f"Task size {rows} is larger than maximum input batch size {limit}"
            raise StatusError("INVALID_ARGUMENT", text)
        pieces = self._pieces(request, rows)
        for piece in pieces:
            if not self._batches or self._batches[-1].rows + piece.rows > self._parameters.max_execution_batch_size:
                self._batches.append(Batch(now_s))
            self._batches[-1].pieces.append(piece)

    def _pieces(self, request: RequestT, rows: int) -> list[Piece[RequestT]]:
        """The request as it will be spread over batches; raises if there is no room for it."""
        size = self._parameters.max_execution_batch_size
        open_rows = self._batches[-1].rows if self._batches else size
        if not self._parameters.split_large:
            waiting, limit = len(self._batches), self._parameters.max_enqueued_batches
            if rows > size - open_rows and waiting >= limit:
                text = f"{_FULL}; currently {waiting} batches enqueued and max_enqueued_batches is {limit}"
                raise StatusError("UNAVAILABLE", text)
            return [Piece(request, 0, rows)]
        capacity = (self._parameters.max_enqueued_batches - len(self._batches)) * size + size - open_rows
        if rows > capacity:
            raise StatusError("UNAVAILABLE", self._full_text(rows, capacity, open_rows if self._batches else 0))
        ends = [*range(min(size - open_rows, rows), rows, size), rows]
        begins = [0, *ends]
        return [Piece(request, begin, end) for begin, end in zip(begins, ends, strict=False) if end > begin]

    def _full_text(self, rows: int, capacity: int, open_rows: int) -> str:
        # The genuine queue always has a batch to be filled, be it empty.
        waiting = max(1, len(self._batches))
        return (
            f"{_FULL}; task size is {rows} but scheduling capacity is only {capacity} (num_enqueued_batches={waiting}, "
            f"max_enqueued_batches={self._parameters.max_enqueued_batches}, open_batch_size={open_rows}, "
            f"max_execution_batch_size={self._parameters.max_execution_batch_size})"
        )

    def due_s(self) -> float | None:
        """When the first batch may be run: a time in the past or to come; None if there is none."""
        if not self._batches:
            return None
        first = self._batches[0]
        if len(self._batches) > 1 or first.rows >= self._parameters.max_execution_batch_size:
            return first.opened_s
        return first.opened_s + self._parameters.batch_timeout_s

    def take(self) -> Batch[RequestT]:
        """Take the first batch out; nothing is added to it any more."""
        return self._batches.popleft()
