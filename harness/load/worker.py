"""The worker process: reads a job from a folder, carries it out, and leaves samples and outcome there.

Its standard output names each phase as it begins. Its standard input says when to begin, and to measure, together with
other workers; and it is the worker's lifeline: once it closes, because the parent asks for an early end or is dead, the
run ends and what was measured is kept.

One that *stays* says ``standing by``, and carries its job out as often as its standard input asks for it, by a line of
JSON for each run: its timing, and the seed of its arrivals. It says ``done`` when a run's files are there. It ends when
its standard input closes.
"""

from __future__ import annotations

import gc
import json
import os
import queue
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.load.answers import Keeper, save_answers
from harness.load.engines import engine
from harness.load.job import Job
from harness.load.outcome import Outcome
from harness.load.session import Phase, Session, Timing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["main"]

_OBJECTS = 100_000


def main(folder: Path, stays: str = "") -> None:
    """Carry out the job in the folder: once, or, if told to stay, whenever standard input asks for it."""
    job = Job.load(folder)
    gc.freeze()  # what the imports left behind need not be walked in every collection of the run
    gc.set_threshold(_OBJECTS)  # what is in flight comes and goes: collections would find nothing, again and again
    if stays:
        _stay(job, folder)
    else:
        _carry_out(job, folder, lambda session: threading.Thread(target=_listen, args=(session,), daemon=True).start())


def _carry_out(job: Job, folder: Path, begin_to_hear: Callable[[Session], None]) -> None:
    marks: dict[Phase, tuple[int, int]] = {}
    keeper = Keeper(job.keep_answers) if job.keep_answers else None
    session = Session(
        job.timing, on_phase=lambda phase: _announce(phase, session, marks), together=job.parts > 1, keeper=keeper
    )
    begin_to_hear(session)
    engine(job.engine)(job, session)
    session.samples().save(folder / "samples.npz")
    save_answers(() if keeper is None else keeper.kept, folder)
    _outcome(session, marks).save(folder)


def _stay(job: Job, folder: Path) -> None:
    orders = _Orders()
    threading.Thread(target=orders.listen, daemon=True).start()
    engine(job.engine)  # loads its module before anybody waits for it
    _say("standing by")
    for order in orders:
        arrivals = None if job.arrivals is None else replace(job.arrivals, seed=order["seed"])
        _carry_out(replace(job, timing=Timing(**order["timing"]), arrivals=arrivals), folder, orders.watch)
        _say("done")


class _Orders:
    """The runs that a worker that stays is asked for, until there will be no more."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._session: Session | None = None
        self._closed = False

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield each when it comes."""
        return iter(self._queue.get, None)  # None is not yielded

    def watch(self, session: Session) -> None:
        """Interrupt this run when standard input closes, or now if it has."""
        self._session = session
        if self._closed:
            session.interrupt()

    def listen(self) -> None:
        """Take orders until standard input closes."""
        for line in _lines():
            self._queue.put(json.loads(line))
        self._closed = True
        if self._session is not None:
            self._session.interrupt()
        self._queue.put(None)


def _outcome(session: Session, marks: dict[Phase, tuple[int, int]]) -> Outcome:
    duration_ns = session.end_ns - session.start_ns
    warm_until_ns = session.start_ns or time.perf_counter_ns()
    cpu_ns, wall_ns = 0, 0
    if "measuring" in marks and "ended" in marks:
        cpu_ns, wall_ns = (end - start for start, end in zip(marks["measuring"], marks["ended"], strict=True))
    return Outcome(
        ended=session.ended,
        reason=session.reason,
        reached=bool(session.began_ns),
        steady=session.steady,
        warmup_s=(warm_until_ns - session.began_ns) / 1e9 if session.began_ns else 0.0,
        duration_s=duration_ns / 1e9,
        cpu_share=cpu_ns / wall_ns if wall_ns else 0.0,
        cpu_s=cpu_ns / 1e9,
        messages=session.messages,
    )


def _announce(phase: Phase, session: Session, marks: dict[Phase, tuple[int, int]]) -> None:
    marks[phase] = (time.process_time_ns(), time.perf_counter_ns())
    _say(f"{phase} {session.ended}" if phase == "ended" else phase)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _listen(session: Session) -> None:
    """Take what the parent says, a line each, until it says no more."""
    orders = {"begin": session.begin_at, "measure": session.measure_at}
    for line in _lines():
        word, time_ns = line.split()
        orders[word](int(time_ns))
    session.interrupt()


def _lines() -> Iterator[str]:
    heard = b""
    while data := os.read(0, 4096):  # not sys.stdin: its lock, held here, would keep the interpreter alive
        *lines, heard = (heard + data).split(b"\n")
        for line in lines:
            yield line.decode()
