"""The worker process of a scenario: reads job and rules from a folder, lets LoadGen run, and leaves its logs there.

Its standard input is its lifeline: once that closes, because the parent was interrupted or is dead, the process ends;
LoadGen knows no other way to stop early.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import traceback
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import mlperf_loadgen

from harness.load.engines.wire import LinkLostError
from harness.load.engines.wire.waiting import sharpen_timers
from harness.load.job import Job
from harness.load.mlperf.rules import Rules
from harness.load.mlperf.system import Background, Tally, carry
from harness.load.mlperf.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

__all__ = ["BROKEN", "GONE", "INTERRUPTED", "main"]

BROKEN, GONE, INTERRUPTED = 70, 69, 130


def main(folder: Path) -> None:
    """Carry out the job in the folder by the rules in the folder."""
    threading.Thread(target=_follow_lifeline, daemon=True).start()
    job, rules = Job.load(folder), Rules.load(folder)
    gone = partial(_gone, folder)
    sharpen_timers()
    tally = Tally(_complete)
    is_server = rules.scenario == "Server"
    try:
        traffic = Traffic(job, grows=is_server, over=tally.over, gone=gone)
    except LinkLostError as exc:
        gone(str(exc))
    traffic.connect()
    gc.freeze()
    with _issuing(traffic, overlaps=is_server) as issue:
        _test(issue, rules, samples=len(job.requests), folder=folder)
    traffic.close()
    counts = {"answered": tally.answered, "errors": dict(tally.errors), "messages": tally.messages}
    (folder / "failures.json").write_text(json.dumps(counts))


@contextmanager
def _issuing(traffic: Traffic, *, overlaps: bool) -> Iterator[Callable[[Sequence[Any]], None]]:
    """Yield what takes LoadGen's queries until the block ends."""
    if not overlaps:
        yield partial(carry, traffic)
        return
    background = Background(traffic, failed=_broken)
    yield background.issue
    background.end()


def _test(issue: Callable[[Sequence[Any]], None], rules: Rules, *, samples: int, folder: Path) -> None:
    def issue_or_end(queries: Sequence[Any]) -> None:
        try:
            issue(queries)
        except BaseException:  # noqa: BLE001 - it would pass through C++, which aborts without a word
            _broken()

    sut = mlperf_loadgen.ConstructSUT(issue_or_end, lambda: None)
    library = mlperf_loadgen.ConstructQSL(samples, samples, lambda _loaded: None, lambda _unloaded: None)
    # An audit.config in the working folder would change the rules; there is none in ours.
    mlperf_loadgen.StartTestWithLogSettings(
        sut, library, _settings(rules), _log_settings(folder), str(folder / "audit.config")
    )
    mlperf_loadgen.DestroyQSL(library)
    mlperf_loadgen.DestroySUT(sut)


def _settings(rules: Rules) -> Any:
    settings = mlperf_loadgen.TestSettings()
    settings.scenario = getattr(mlperf_loadgen.TestScenario, rules.scenario)
    settings.mode = mlperf_loadgen.TestMode.PerformanceOnly
    for name, value in rules.fields().items():
        setattr(settings, name, value)
    return settings


def _log_settings(folder: Path) -> Any:
    output = mlperf_loadgen.LogOutputSettings()
    output.outdir = str(folder)
    output.copy_summary_to_stdout = False
    settings = mlperf_loadgen.LogSettings()
    settings.log_output = output
    settings.enable_trace = False
    return settings


def _complete(ids: list[int]) -> None:
    """Tell LoadGen of answers; in performance mode it does not look at what they hold."""
    mlperf_loadgen.QuerySamplesComplete([mlperf_loadgen.QuerySampleResponse(each, 0, 0) for each in ids])


def _gone(folder: Path, why: str) -> NoReturn:
    (folder / "gone.txt").write_text(why)
    os._exit(GONE)


def _broken() -> NoReturn:
    traceback.print_exc()
    sys.stderr.flush()
    os._exit(BROKEN)


def _follow_lifeline() -> None:
    while os.read(0, 4096):
        pass
    os._exit(INTERRUPTED)
