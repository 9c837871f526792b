"""The worker process: reads a job from a folder, carries it out, and leaves samples and outcome there.

Its standard input is its lifeline: once that closes, because the parent asks for an early end or is dead, the run
ends and what was measured is kept. Its standard output names each phase as it begins.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time
from typing import TYPE_CHECKING

from harness.load.engines import ENGINES, engine
from harness.load.engines.address import grpc_address, listens, rest_address
from harness.load.job import Job, Outcome
from harness.load.session import Phase, Session

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["main"]

_REACH_S = 5.0


def main(folder: Path) -> None:
    """Carry out the job in the folder."""
    job = Job.load(folder)
    marks: dict[Phase, int] = {}
    session = Session(job.timing, on_phase=lambda phase: _announce(phase, marks))
    threading.Thread(target=_watch_lifeline, args=(session,), daemon=True).start()
    reached = _is_reached(job)
    if reached:
        gc.freeze()  # what the imports left behind need not be walked in every collection of the run
        engine(job.engine)(job, session)
    session.samples().save(folder / "samples.npz")
    _outcome(session, marks, reached=reached).save(folder)


def _outcome(session: Session, marks: dict[Phase, int], *, reached: bool) -> Outcome:
    duration_ns = session.end_ns - session.start_ns
    warm_until_ns = session.start_ns or time.perf_counter_ns()
    cpu_ns = marks.get("ended", 0) - marks.get("measuring", 0) if "measuring" in marks else 0
    return Outcome(
        ended=session.ended,
        reason=session.reason,
        reached=reached,
        steady=session.steady,
        warmup_s=(warm_until_ns - session.began_ns) / 1e9 if session.began_ns else 0.0,
        duration_s=duration_ns / 1e9,
        cpu_share=cpu_ns / duration_ns if duration_ns else 0.0,
        messages=session.messages,
    )


def _announce(phase: Phase, marks: dict[Phase, int]) -> None:
    marks[phase] = time.process_time_ns()
    sys.stdout.write(phase + "\n")
    sys.stdout.flush()


def _watch_lifeline(session: Session) -> None:
    os.read(0, 1)  # not through sys.stdin: its lock, held here, would keep the interpreter from ending
    session.interrupt()


def _is_reached(job: Job) -> bool:
    address = rest_address(job.target) if job.engine in ENGINES["rest"] else grpc_address(job.target)
    return asyncio.run(listens(address, timeout_s=_REACH_S))
