"""Requests are run together, and each gets its own answer or the one error."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.standin.batching import Batcher, BatchThreads
from harness.standin.batching_parameters import BatchingParameters, read_batching_parameters, read_per_model_parameters
from harness.standin.monitoring import Metrics
from harness.standin.status import StatusError

if TYPE_CHECKING:
    from pathlib import Path


class _Doubler:
    """A session that doubles x, and remembers the sizes of its runs."""

    def __init__(self, error: Exception | None = None) -> None:
        self.sizes: list[int] = []
        self.timeouts: list[int | None] = []
        self._error = error

    def run(self, feeds: Any, fetches: Any, *, timeout_ms: int | None = None) -> list[Any]:
        self.sizes.append(len(feeds["x"]))
        self.timeouts.append(timeout_ms)
        if self._error is not None:
            raise self._error
        return [feeds["x"] * 2 if name == "twice" else feeds["x"] for name in fetches]


def batcher(session: Any, **parameters: Any) -> Batcher:
    """A Batcher with two threads of its own."""
    return Batcher(session, BatchingParameters(**parameters), BatchThreads(2), Metrics())


def test_requests_at_the_same_time_share_a_run() -> None:
    """Two requests that fill a batch are run as one, and get their own rows."""
    session = _Doubler()
    runner = batcher(session, max_batch_size=3, max_execution_batch_size=3, batch_timeout_s=30.0)
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(runner.run, {"x": np.array([1.0])}, ["twice"])
        two = pool.submit(runner.run, {"x": np.array([2.0, 3.0])}, ["twice"])
        assert one.result()[0].tolist() == [2.0]
        assert two.result()[0].tolist() == [4.0, 6.0]
    assert session.sizes == [3]


def test_a_batch_is_run_when_its_time_is_up() -> None:
    """A request alone is answered after the batch's time-out."""
    session = _Doubler()
    assert batcher(session, batch_timeout_s=0.01).run({"x": np.array([1.0])}, ["twice"])[0].tolist() == [2.0]


def test_outputs_come_in_the_order_asked_for() -> None:
    """The tensors come back as they were asked for, one asked for twice included."""
    outputs = batcher(_Doubler()).run({"x": np.array([1.0])}, ["twice", "same", "twice"])
    assert [output.tolist() for output in outputs] == [[2.0], [1.0], [2.0]]


def test_batches_are_padded_and_cut_again() -> None:
    """A batch is run in an allowed size, which the answer does not show."""
    session = _Doubler()
    runner = batcher(session, max_batch_size=4, max_execution_batch_size=4, allowed_batch_sizes=(4,))
    assert runner.run({"x": np.array([1.0])}, ["twice"])[0].tolist() == [2.0]
    assert session.sizes == [4]


def test_a_split_request_is_answered_whole() -> None:
    """A request spread over batches gets all its rows, in order."""
    session = _Doubler()
    runner = batcher(session, max_batch_size=8, max_execution_batch_size=2, split_large=True)
    assert runner.run({"x": np.arange(7.0)}, ["twice"])[0].tolist() == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0]
    assert sorted(session.sizes) == [1, 2, 2, 2]


def test_an_error_reaches_every_request_of_the_batch() -> None:
    """When a batch fails, all its requests do, and the next batch is run."""
    session = _Doubler(StatusError("INTERNAL", "no"))
    runner = batcher(session, max_batch_size=2, max_execution_batch_size=2, batch_timeout_s=30.0)
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(runner.run, {"x": np.array([1.0])}, ["twice"]) for _ in range(2)]
        assert all(isinstance(job.exception(), StatusError) for job in jobs)


def test_a_fault_of_ours_is_an_internal_error() -> None:
    """An unexpected exception is told, and the threads live on."""
    runner = batcher(_Doubler(RuntimeError("oops")))
    for _ in range(3):
        with pytest.raises(StatusError, match="INTERNAL: RuntimeError: oops"):
            runner.run({"x": np.array([1.0])}, ["twice"])


def test_the_longest_time_left_is_the_batchs() -> None:
    """A batch may run as long as any of its requests has time, for ever if one has no limit."""
    session = _Doubler()
    runner = batcher(session, max_batch_size=2, max_execution_batch_size=2, batch_timeout_s=30.0)
    for timeouts in ((5_000, 60_000), (5_000, None)):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda t: runner.run({"x": np.array([1.0])}, ["twice"], timeout_ms=t), timeouts))
    assert session.timeouts[0] is not None
    assert session.timeouts[0] > 5_000
    assert session.timeouts[1] is None


def test_a_request_whose_time_is_up_in_the_queue_fails() -> None:
    """A batch nobody waits for any more is not run."""
    runner = batcher(_Doubler(), batch_timeout_s=0.2)
    with pytest.raises(
        StatusError, match=r"RESOURCE_EXHAUSTED: Run.. timeout exceeded while waiting in batching queue"
    ):
        runner.run({"x": np.array([1.0])}, ["twice"], timeout_ms=1)


def test_a_request_without_rows_is_run_alone() -> None:
    """The genuine server never answers it; here it is run without batching."""
    assert batcher(_Doubler()).run({"x": np.zeros((0, 2))}, ["twice"])[0].shape == (0, 2)


def test_a_closed_batcher_leaves_the_threads_to_others() -> None:
    """When a model is unloaded, its queues go and other models are served."""
    threads, metrics = BatchThreads(1), Metrics()
    session: Any = _Doubler()
    first, second = (Batcher(session, BatchingParameters(), threads, metrics) for _ in range(2))
    first.run({"x": np.array([1.0])}, ["twice"])
    first.close()
    assert second.run({"x": np.array([1.0])}, ["twice"])[0].tolist() == [2.0]
    assert threading.active_count() < 50


def test_parameters_are_read_from_text(tmp_path: Path) -> None:
    """A text proto sets some parameters, the others keep their defaults."""
    file = tmp_path / "batching.txt"
    file.write_text(
        "max_batch_size { value: 8 } batch_timeout_micros { value: 1500 } allowed_batch_sizes: 4 "
        "allowed_batch_sizes: 8 enable_large_batch_splitting { value: true } max_execution_batch_size { value: 4 } "
        'thread_pool_name { value: "pool" } pad_variable_length_inputs: true',
        encoding="utf-8",
    )
    parameters = read_batching_parameters(str(file))
    assert parameters == BatchingParameters(
        max_batch_size=8,
        max_execution_batch_size=4,
        batch_timeout_s=0.0015,
        allowed_batch_sizes=(4, 8),
        split_large=True,
        pad_variable_length_inputs=True,
    )
    assert read_batching_parameters("") == BatchingParameters()


def parameters_of(tmp_path: Path, text: str) -> BatchingParameters:
    """The parameters in a text proto."""
    file = tmp_path / "batching.txt"
    file.write_text(text, encoding="utf-8")
    return read_batching_parameters(str(file))


def test_a_queue_of_no_batches_is_one_of_one_batch(tmp_path: Path) -> None:
    """``max_enqueued_batches`` 0 means 1, but is refused when requests are split."""
    text = "max_enqueued_batches { value: 0 }"
    assert parameters_of(tmp_path, text).max_enqueued_batches == 1
    split = parameters_of(tmp_path, text + " enable_large_batch_splitting { value: true }")
    with pytest.raises(StatusError, match="max_enqueued_batches must be positive; was 0"):
        split.check()


def test_a_negative_size_is_no_limit(tmp_path: Path) -> None:
    """Sizes are unsigned in the genuine server."""
    parameters = parameters_of(tmp_path, "max_batch_size { value: -1 }")
    parameters.check()
    assert parameters.max_batch_size == parameters.max_execution_batch_size == 2**64 - 1


def test_batches_may_not_be_larger_than_requests_when_these_are_split(tmp_path: Path) -> None:
    """The numbers stand in the message as the genuine server runs them together."""
    text = "max_batch_size { value: 8 } max_execution_batch_size { value: 16 } "
    text += "enable_large_batch_splitting { value: true }"
    with pytest.raises(StatusError) as caught:
        parameters_of(tmp_path, text).check()
    assert caught.value.message == (
        "When enable_large_batch_splitting is true, input_batch_size_limit must be greater than or equal to "
        "max_execution_batch_size.1816"
    )


def test_a_number_of_threads_must_be_positive(tmp_path: Path) -> None:
    """No thread could run no batch."""
    file = tmp_path / "batching.txt"
    file.write_text("num_batch_threads { value: 0 }", encoding="utf-8")
    with pytest.raises(StatusError, match="num_batch_threads must be positive; was 0"):
        read_batching_parameters(str(file))


def test_a_version_may_have_parameters_of_its_own(tmp_path: Path) -> None:
    """A version without batching_params.pbtxt is not batched (behaviour item 185)."""
    assert read_per_model_parameters(tmp_path) is None
    (tmp_path / "batching_params.pbtxt").write_text("max_batch_size { value: 3 }", encoding="utf-8")
    parameters = read_per_model_parameters(tmp_path)
    assert parameters is not None
    assert parameters.max_batch_size == 3
