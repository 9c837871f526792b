"""From what workers leave behind to the result of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import ConnectionFailedError
from harness.load.result import LoadResult, ServerUsage

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.load.answers import Answer
    from harness.load.job import Job
    from harness.load.outcome import Outcome
    from harness.load.samples import Samples
    from harness.results.measured import Api

__all__ = ["UsageMarks", "result_of"]


class UsageMarks:
    """What a server had used when measuring began and when it ended."""

    def __init__(self, usage: Callable[[], ServerUsage | None] | None, on_phase: Callable[[str], None]) -> None:
        """Prepare.

        Args:
            usage: tells what it has used so far; None if nobody knows.
            on_phase: told every phase, after the server was asked.
        """
        self._usage, self._on_phase = usage, on_phase
        self._found: dict[str, ServerUsage] = {}

    def hear(self, phase: str) -> None:
        """Notice that a phase begins."""
        if self._usage and phase in ("measuring", "ended"):
            found = self._usage()
            self._found.update({} if found is None else {phase: found})
        self._on_phase(phase)

    def cpu_us_per_request(self, n: int) -> float | None:
        """Return the processor time between the two, for each of so many requests; None if it is not known."""
        if not n or not {"measuring", "ended"} <= set(self._found):
            return None
        return (self._found["ended"].cpu_us - self._found["measuring"].cpu_us) / n

    @property
    def peak_memory_bytes(self) -> int | None:
        """The peak memory at the end, None if it is not known."""
        return self._found["ended"].peak_memory_bytes if "ended" in self._found else None


def result_of(
    job: Job,
    collected: tuple[Samples, Outcome, tuple[Answer, ...]],
    marks: UsageMarks,
    *,
    model: str,
    api: Api,
    processes: int = 1,
) -> LoadResult:
    """Return the result.

    Raises:
        ConnectionFailedError: nothing listened at the target.
    """
    samples, outcome, answers = collected
    target = ", ".join(job.targets)
    if not outcome.reached and outcome.ended != "interrupted":
        raise ConnectionFailedError(
            f"{outcome.reason or 'no connection'}; start the server, or correct the address",
            target=target,
            api=api,
            request=f"load on model={model}, {job.concurrency} in flight",
        )
    n = len(samples)
    return LoadResult(
        model=model,
        api=api,
        engine=job.engine,
        target=target,
        concurrency=job.concurrency,
        arrivals=job.arrivals,
        payload_bytes=round(sum(len(each.body) for each in job.requests) / len(job.requests)),
        samples=samples,
        answers=answers,
        duration_s=outcome.duration_s,
        warmup_s=outcome.warmup_s,
        steady=outcome.steady,
        ended=outcome.ended,
        reason=outcome.reason,
        messages=outcome.messages,
        processes=processes,
        generator_cpu_share=outcome.cpu_share,
        generator_cpu_us_per_request=outcome.cpu_s * 1e6 / n if n else None,
        server_cpu_us_per_request=marks.cpu_us_per_request(n),
        server_peak_memory_bytes=marks.peak_memory_bytes,
    )
