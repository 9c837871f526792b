"""The worker process: reads a job from a folder, carries it out, and leaves samples and outcome there.

Its standard output names each phase as it begins. Its standard input says when to begin, and to measure, together with
other workers; and it is the worker's lifeline: once it closes, because the parent asks for an early end or is dead, the
run ends and what was measured is kept.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from typing import TYPE_CHECKING

from harness.load.answers import Keeper, save_answers
from harness.load.engines import engine
from harness.load.job import Job
from harness.load.outcome import Outcome
from harness.load.session import Phase, Session

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["main"]

_OBJECTS = 100_000


def main(folder: Path) -> None:
    """Carry out the job in the folder."""
    job = Job.load(folder)
    marks: dict[Phase, tuple[int, int]] = {}
    keeper = Keeper(job.keep_answers) if job.keep_answers else None
    session = Session(
        job.timing, on_phase=lambda phase: _announce(phase, session, marks), together=job.parts > 1, keeper=keeper
    )
    threading.Thread(target=_listen, args=(session,), daemon=True).start()
    gc.freeze()  # what the imports left behind need not be walked in every collection of the run
    gc.set_threshold(_OBJECTS)  # what is in flight comes and goes: collections would find nothing, again and again
    engine(job.engine)(job, session)
    session.samples().save(folder / "samples.npz")
    save_answers(() if keeper is None else keeper.kept, folder)
    _outcome(session, marks).save(folder)


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
    sys.stdout.write(f"{phase} {session.ended}\n" if phase == "ended" else f"{phase}\n")
    sys.stdout.flush()


def _listen(session: Session) -> None:
    """Take what the parent says, a line each, until it says no more."""
    orders = {"begin": session.begin_at, "measure": session.measure_at}
    heard = b""
    while data := os.read(0, 4096):  # not sys.stdin: its lock, held here, would keep the interpreter alive
        *lines, heard = (heard + data).split(b"\n")
        for line in lines:
            word, time_ns = line.decode().split()
            orders[word](int(time_ns))
    session.interrupt()
