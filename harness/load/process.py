"""Running worker processes: start them, keep them together, end them early on Ctrl-C, and never leave one behind."""

from __future__ import annotations

import selectors
import time
from typing import TYPE_CHECKING

from harness.load.answers import Answer, load_answers
from harness.load.outcome import Outcome
from harness.load.samples import Samples
from harness.load.worker_process import WorkerProcess
from harness.scratch import scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from harness.load.job import Job

__all__ = ["collected", "longest_s", "run_workers"]

_SLACK_S = 60.0
_NOTICE_NS = 20_000_000  # so long before its time a common beginning is told
_ORDERS = {"ready": "begin", "warm": "measure"}


def run_workers(
    job: Job, *, processes: int = 1, on_phase: Callable[[str], None]
) -> tuple[Samples, Outcome, tuple[Answer, ...]]:
    """Carry out a job in one process, or in several that begin, and begin to measure, together.

    Args:
        job: what to do.
        processes: among how many workers it is split.
        on_phase: told ``warming``, ``measuring`` and ``ended`` as they begin in all of them.

    Returns:
        What was measured, how it ended, and the answers that were kept; on Ctrl-C what there was by then.

    Raises:
        HarnessError: a worker broke, or did not end in time.
        KeyboardInterrupt: Ctrl-C came a second time.
    """
    jobs = job.split(processes)
    with scratch() as folder:
        workers: list[WorkerProcess] = []
        try:
            for number, part in enumerate(jobs):
                workers.append(WorkerProcess(part, folder / str(number)))
            _Crew(workers, on_phase, most_s=longest_s(job)).follow()
        finally:
            for worker in workers:
                worker.close()
        for worker in workers:
            worker.check(longest_s(job))
        return collected([worker.folder for worker in workers])


def collected(folders: Sequence[Path]) -> tuple[Samples, Outcome, tuple[Answer, ...]]:
    """Return what workers left in these folders, as one."""
    samples = [Samples.load(folder / "samples.npz") for folder in folders]
    answers = tuple(answer for folder in folders for answer in load_answers(folder))
    outcome = Outcome.merge([Outcome.load(folder) for folder in folders])
    return samples[0] if len(samples) == 1 else Samples.merge(samples), outcome, answers


class _Crew:
    """The workers of one run."""

    def __init__(self, workers: Sequence[WorkerProcess], on_phase: Callable[[str], None], *, most_s: float) -> None:
        self._workers, self._on_phase = workers, on_phase
        self._until_s = time.perf_counter() + most_s
        self._passed: set[str] = set()

    def follow(self) -> None:
        """Hear the workers until all have ended, or their time is over; the first Ctrl-C asks them to end."""
        with selectors.DefaultSelector() as selector:
            for worker in self._workers:
                selector.register(worker, selectors.EVENT_READ, worker)
            try:
                self._hear(selector)
            except KeyboardInterrupt:
                self._interrupt()
                self._hear(selector)

    def _hear(self, selector: selectors.BaseSelector) -> None:
        while selector.get_map():
            ready = selector.select(max(0.0, self._until_s - time.perf_counter()))
            if not ready and time.perf_counter() >= self._until_s:
                return
            for key, _ in ready:
                lines = key.data.hear()
                if lines is None:
                    selector.unregister(key.data)
                    self._left(key.data)
                for line in lines or ():
                    self._heard(key.data, line)

    def _left(self, worker: WorkerProcess) -> None:
        """Let the others not wait for a worker that broke."""
        if worker.process.wait() != 0:
            self._interrupt()

    def _heard(self, worker: WorkerProcess, line: str) -> None:
        phase, _, ended = line.partition(" ")
        worker.phases.append(phase)
        if ended not in ("", "completed"):
            self._interrupt()
        if phase in self._passed or not all(phase in one.phases for one in self._workers):
            return
        self._passed.add(phase)
        if phase in _ORDERS:
            at_ns = time.perf_counter_ns() + _NOTICE_NS  # one clock for all processes of the machine
            for one in self._workers:
                one.tell(f"{_ORDERS[phase]} {at_ns}")
        elif phase != "connecting":
            self._on_phase(phase)

    def _interrupt(self) -> None:
        for worker in self._workers:
            worker.interrupt()


def longest_s(job: Job) -> float:
    """Return after how long a worker that has not carried out its job never will."""
    return (job.timing.warmup_bound_ns + job.timing.duration_ns) / 1e9 + 2 * job.timeout_s + _SLACK_S
