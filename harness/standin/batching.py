"""Batching: the requests to a model that come at about the same time are run as one (behaviour items 177 to 185).

One pool of threads serves the queues of all models; each model has a queue for each set of tensors fed and fetched.
Queues and arrays are dealt with in batch_queue.py and batch_tensors.py; here are the threads and the run itself.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.standin.batch_queue import BatchQueue
from harness.standin.batch_tensors import cut_rows, divide, join, padded_size, rows_of
from harness.standin.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.standin.batch_queue import Batch
    from harness.standin.batching_parameters import BatchingParameters
    from harness.standin.monitoring import Metrics
    from harness.standin.session import Session

    Array = np.ndarray[Any, Any]

__all__ = ["BatchThreads", "Batcher"]


@dataclass
class _Request:
    """One request in the queues; ``parts`` gathers the outputs of its pieces by first row."""

    feeds: Mapping[str, Array]
    fetches: tuple[str, ...]
    rows: int
    deadline_s: float | None
    enqueued_s: float
    done: Future[list[Array]] = field(default_factory=Future)
    parts: dict[int, list[Array]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fail(self, error: StatusError) -> None:
        """Answer with an error, unless another piece of the request has failed before."""
        with self.lock:
            if not self.done.done():
                self.done.set_exception(StatusError(error.code, error.message))

    def deliver(self, begin: int, rows: int, tensors: list[Array]) -> None:
        """Take the outputs of one piece; with the last one the request is answered."""
        if rows == self.rows:
            self.done.set_result(tensors)
            return
        with self.lock:
            self.parts[begin] = tensors
            complete = sum(len(part[0]) for part in self.parts.values()) == self.rows
            if complete and not self.done.done():
                ordered = [self.parts[key] for key in sorted(self.parts)]
                self.done.set_result([np.concatenate(pieces) for pieces in zip(*ordered, strict=True)])


class _Queue:
    """A BatchQueue and what runs its batches."""

    def __init__(self, batcher: Batcher, fetches: tuple[str, ...]) -> None:
        self.queue: BatchQueue[_Request] = BatchQueue(batcher.parameters)
        self.batcher = batcher
        self.fetches = fetches


class BatchThreads:
    """The threads that run batches, shared by all models of a server."""

    def __init__(self, number: int) -> None:
        """Start them."""
        self.changed = threading.Condition()
        self._queues: list[_Queue] = []
        for index in range(number):
            threading.Thread(target=self._work, name=f"batch-{index}", daemon=True).start()

    def add(self, queue: _Queue) -> None:
        """Serve one more queue; called with ``changed`` held."""
        self._queues.append(queue)

    def remove(self, batcher: Batcher) -> None:
        """Forget the queues of a model that is unloaded."""
        with self.changed:
            self._queues = [queue for queue in self._queues if queue.batcher is not batcher]

    def _work(self) -> None:
        while True:
            queue, batch = self._next()
            queue.batcher.run_batch(queue.fetches, batch)

    def _next(self) -> tuple[_Queue, Batch[_Request]]:
        """Wait for the batch that is due first."""
        with self.changed:
            while True:
                due = [
                    (when, index)
                    for index, queue in enumerate(self._queues)
                    if (when := queue.queue.due_s()) is not None
                ]
                when, index = min(due, default=(None, 0))
                wait_s = None if when is None else when - time.monotonic()
                if wait_s is not None and wait_s <= 0:
                    queue = self._queues.pop(index)
                    self._queues.append(queue)  # the next turn is another queue's
                    return queue, queue.queue.take()
                self.changed.wait(wait_s)


class Batcher:
    """Runs the requests to one servable in batches; takes the place of its session."""

    def __init__(
        self, session: Session, parameters: BatchingParameters, threads: BatchThreads, metrics: Metrics
    ) -> None:
        """Batch the runs of ``session``.

        Raises:
            StatusError: INVALID_ARGUMENT, the parameters contradict each other.
        """
        parameters.check()
        self.parameters = parameters
        self._session = session
        self._threads = threads
        self._metrics = metrics
        self._queues: dict[tuple[frozenset[str], tuple[str, ...]], _Queue] = {}

    def close(self) -> None:
        """Give the queues up; no request is under way any more."""
        self._threads.remove(self)

    def run(self, feeds: Mapping[str, Array], fetches: Sequence[str], *, timeout_ms: int | None = None) -> list[Array]:
        """Run one request as part of a batch, and wait for its outputs.

        Raises:
            StatusError: it cannot be batched, the queue is full, or its batch failed.
        """
        wanted = tuple(sorted(set(fetches)))
        rows = rows_of(feeds)
        if not rows:
            # The genuine server never answers a request without rows; running it alone does.
            return self._session.run(feeds, fetches, timeout_ms=timeout_ms)
        now_s = time.monotonic()
        deadline_s = None if timeout_ms is None else now_s + timeout_ms / 1000
        request = _Request(feeds, wanted, rows, deadline_s, now_s)
        self._metrics.observe_input_rows(rows, len(feeds))
        with self._threads.changed:
            self._queue(frozenset(feeds), wanted).queue.add(request, rows, now_s=now_s)
            self._threads.changed.notify()
        by_name = dict(zip(wanted, request.done.result(), strict=True))
        return [by_name[name] for name in fetches]

    def _queue(self, fed: frozenset[str], fetches: tuple[str, ...]) -> _Queue:
        queue = self._queues.get((fed, fetches))
        if queue is None:
            queue = self._queues[fed, fetches] = _Queue(self, fetches)
            self._threads.add(queue)
        return queue

    def run_batch(self, fetches: tuple[str, ...], batch: Batch[_Request]) -> None:
        """Run a batch, and give every request in it its outputs or the one error."""
        try:
            outputs = self._run_joined(fetches, batch)
        except StatusError as error:
            _fail(batch, error)
        except Exception as fault:  # noqa: BLE001 - a batch thread must live on, and its requests must be answered
            _fail(batch, StatusError("INTERNAL", f"{type(fault).__name__}: {fault}"))
        else:
            for piece, tensors in zip(batch.pieces, outputs, strict=True):
                piece.request.deliver(piece.begin, piece.rows, tensors)

    def _run_joined(self, fetches: tuple[str, ...], batch: Batch[_Request]) -> list[list[Array]]:
        now_s = time.monotonic()
        for piece in batch.pieces:
            self._metrics.observe_queuing(now_s - piece.request.enqueued_s)
        timeout_ms = _timeout_ms([piece.request.deadline_s for piece in batch.pieces], now_s)
        size = padded_size(batch.rows, self.parameters.allowed_batch_sizes)
        padding = size - batch.rows
        self._metrics.observe_batch(size, padding)
        cuts = [cut_rows(piece.request.feeds, piece.begin, piece.end) for piece in batch.pieces]
        feeds = join(cuts, padding=padding, pad_shapes=self.parameters.pad_variable_length_inputs)
        self._metrics.count_wrapped_run()
        outputs = self._session.run(feeds, fetches, timeout_ms=timeout_ms)
        return divide(outputs, [piece.rows for piece in batch.pieces], padding=padding)


def _timeout_ms(deadlines: list[float | None], now_s: float) -> int | None:
    """The longest time any of the requests still has, None for no limit.

    Raises:
        StatusError: RESOURCE_EXHAUSTED, none has any time left.
    """
    if any(deadline is None for deadline in deadlines):
        return None
    left_s = max(deadline for deadline in deadlines if deadline is not None) - now_s
    if left_s <= 0:
        raise StatusError("RESOURCE_EXHAUSTED", "Run() timeout exceeded while waiting in batching queue")
    return max(1, int(left_s * 1000))


def _fail(batch: Batch[_Request], error: StatusError) -> None:
    for piece in batch.pieces:
        piece.request.fail(error)
