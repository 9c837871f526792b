"""LoadGenerator: a worker process that is kept for many short runs against one endpoint."""

from __future__ import annotations

import json
import selectors
import time
from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from harness.errors import HarnessError, UsageError
from harness.load.collecting import UsageMarks, result_of
from harness.load.preparing import make_job, make_timing
from harness.load.process import collected, longest_s
from harness.load.worker_process import WorkerProcess
from harness.scratch import scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from harness.endpoint import Endpoint
    from harness.load.arrivals import Arrivals
    from harness.load.request import EncodedRequest
    from harness.load.result import LoadResult, ServerUsage
    from harness.results.measured import Api

__all__ = ["LoadGenerator"]

_STAND_BY_S = 60.0


class LoadGenerator:
    """Sends load whenever asked, as `run_load` does, but without starting a process for each run.

    A run of a fifth of a second then costs little more than its time, so that two servers can be measured in quick
    turns. Between runs nothing is connected. Leaving the ``with`` block, or ``close``, ends the process.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        requests: Sequence[EncodedRequest | bytes],
        *,
        api: Api = "grpc",
        concurrency: int = 8,
        arrivals: Arrivals | None = None,
        timeout_s: float = 10.0,
        engine: str | None = None,
    ) -> None:
        """Start the process, and return when it stands by; see `run_load` for the arguments.

        Raises:
            UsageError: an argument cannot be used.
            HarnessError: the process broke.
        """
        self._closed = False
        self._model, self._api, self._concurrency = endpoint.model, api, concurrency
        timing = make_timing(duration_s=1.0, warmup_s=0.0, concurrency=concurrency)  # each run brings its own
        self._job = make_job(
            (endpoint,),
            requests,
            timing,
            api=api,
            concurrency=concurrency,
            timeout_s=timeout_s,
            engine=engine,
            arrivals=arrivals,
        )
        with ExitStack() as stack:
            folder = stack.enter_context(scratch())
            self._worker = WorkerProcess(self._job, folder / "worker", stays=True)
            stack.callback(self._worker.close)
            self._selector = stack.enter_context(selectors.DefaultSelector())
            self._selector.register(self._worker, selectors.EVENT_READ)
            self._hear("standing by", within_s=_STAND_BY_S)
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        """Return the generator; leaving the block ends its process."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the process."""
        self.close()

    def close(self) -> None:
        """End the process, whatever it is doing; nothing happens if that was done."""
        self._closed = True
        self._stack.close()

    def run(
        self,
        *,
        duration_s: float,
        warmup_s: float = 0.0,
        seed: int = 0,
        usage: Callable[[], ServerUsage | None] | None = None,
        on_phase: Callable[[str], None] = lambda _: None,
    ) -> LoadResult:
        """Send requests for `duration_s` and return what they cost; see `run_load` for the arguments.

        Args:
            duration_s: the measured time.
            warmup_s: the longest warm-up before it.
            seed: of the arrivals in open loop.
            usage: tells what the server has used so far; asked when measuring begins and when it ends.
            on_phase: told ``warming``, ``measuring`` and ``ended`` as they begin.

        Raises:
            UsageError: a time that makes no sense, or the generator was closed.
            ConnectionFailedError: nothing listens at the endpoint.
            HarnessError: the process broke, or did not end the run in time.
            KeyboardInterrupt: Ctrl-C; what was measured is lost, and the generator is of no more use but to be closed.
        """
        if self._closed:
            raise UsageError("this load generator was closed; make another one")
        timing = make_timing(duration_s=duration_s, warmup_s=warmup_s, concurrency=self._concurrency)
        arrivals = self._job.arrivals
        job = replace(self._job, timing=timing, arrivals=None if arrivals is None else replace(arrivals, seed=seed))
        marks = UsageMarks(usage, on_phase)
        self._worker.tell(json.dumps({"timing": asdict(timing), "seed": seed}))
        self._hear("done", within_s=longest_s(job), on_phase=marks.hear)
        return result_of(job, collected([self._worker.folder]), marks, model=self._model, api=self._api)

    def _hear(self, last: str, *, within_s: float, on_phase: Callable[[str], None] = lambda _: None) -> None:
        """Listen to the worker until it says that."""
        until_s = time.perf_counter() + within_s
        while self._selector.select(max(0.0, until_s - time.perf_counter())):
            lines = self._worker.hear()
            if lines is None:
                self._worker.close()
                self._worker.check(within_s)
                raise HarnessError("the load worker ended by itself; make another generator")
            for line in lines:
                if line == last:
                    return
                if line != "connecting":
                    on_phase(line.partition(" ")[0])
        raise HarnessError(f"the load worker did not end a run within {within_s:.0f} s")
