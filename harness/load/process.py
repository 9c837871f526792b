"""Running worker processes: start them, keep them together, end them early on Ctrl-C, and never leave one behind."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.load.answers import Answer, load_answers
from harness.load.outcome import Outcome
from harness.load.samples import Samples
from harness.scratch import scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.load.job import Job

__all__ = ["run_workers"]

# The worker imports what this process would import: the same sys.path, whatever the working folder holds. Nothing but
# the built-in sys may be imported before that.
_START = (
    "import sys; sys.path[:] = sys.argv[1].split(chr(10)); "
    "from pathlib import Path; from harness.load.worker import main; main(Path(sys.argv[2]))"
)
_SLACK_S = 60.0
_TAIL_LINES = 12
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
        workers: list[_Worker] = []
        try:
            for number, part in enumerate(jobs):
                workers.append(_Worker(part, folder / str(number)))
            _Crew(workers, on_phase, most_s=_most_s(job)).follow()
        finally:
            for worker in workers:
                worker.close()
        for worker in workers:
            worker.check(_most_s(job))
        return _collected([worker.folder for worker in workers])


def _collected(folders: Sequence[Path]) -> tuple[Samples, Outcome, tuple[Answer, ...]]:
    samples = [Samples.load(folder / "samples.npz") for folder in folders]
    answers = tuple(answer for folder in folders for answer in load_answers(folder))
    outcome = Outcome.merge([Outcome.load(folder) for folder in folders])
    return samples[0] if len(samples) == 1 else Samples.merge(samples), outcome, answers


class _Worker:
    """One worker process."""

    def __init__(self, job: Job, folder: Path) -> None:
        folder.mkdir()
        job.save(folder)
        self.folder = folder
        self.phases: list[str] = []
        paths = [str(Path(entry).resolve()) if entry in ("", ".") else entry for entry in sys.path]
        with (folder / "stderr.txt").open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _START, "\n".join(paths), str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,  # a terminal's Ctrl-C reaches this process only, which then asks for an end
            )
        self._heard = b""

    def fileno(self) -> int:
        """Return what can be read when it says something."""
        assert self.process.stdout  # noqa: S101 - this tells mypy
        return self.process.stdout.fileno()

    def hear(self) -> list[str] | None:
        """Return the lines it has said, None if it will say no more."""
        data = os.read(self.fileno(), 4096)
        *lines, self._heard = (self._heard + data).split(b"\n")
        return [line.decode() for line in lines] if data else None

    def tell(self, line: str) -> None:
        """Say something, if it still listens."""
        if self.process.stdin and not self.process.stdin.closed:
            with suppress(BrokenPipeError):
                self.process.stdin.write(f"{line}\n".encode())
                self.process.stdin.flush()

    def interrupt(self) -> None:
        """Ask for an early end."""
        if self.process.stdin:
            with suppress(BrokenPipeError):
                self.process.stdin.close()

    def close(self) -> None:
        """Leave nothing behind."""
        self.process.kill()  # without effect on one that has ended
        self.process.wait()
        self.interrupt()
        if self.process.stdout:
            self.process.stdout.close()

    def check(self, most_s: float) -> None:
        """Raise HarnessError unless it ended well."""
        code = self.process.returncode
        if code == 0:
            return
        said = (self.folder / "stderr.txt").read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        tail = "\n".join(f"    | {line}" for line in said) or "    | (it wrote nothing)"
        killed = f"was killed: out of memory, or no result after {most_s:.0f} s"
        raise HarnessError(
            f"the load worker {killed if code == -9 else f'exited with code {code}'}\n  its last lines:\n{tail}"
        )


class _Crew:
    """The workers of one run."""

    def __init__(self, workers: Sequence[_Worker], on_phase: Callable[[str], None], *, most_s: float) -> None:
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

    def _left(self, worker: _Worker) -> None:
        """Let the others not wait for a worker that broke."""
        if worker.process.wait() != 0:
            self._interrupt()

    def _heard(self, worker: _Worker, line: str) -> None:
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


def _most_s(job: Job) -> float:
    return (job.timing.warmup_bound_ns + job.timing.duration_ns) / 1e9 + 2 * job.timeout_s + _SLACK_S
