"""Runner: load runs against one server that have everything in common but what is varied, each with its row."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from harness.load import ServerUsage, engines, run_load
from harness.measure.progress import SILENT
from harness.measure.timeline import UsageWatch, windows_of
from harness.report import text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from harness.endpoint import Endpoint
    from harness.load import Answer, Arrivals, LoadResult
    from harness.measure.pool import RequestPool
    from harness.measure.progress import Progress
    from harness.measure.server_metrics import MetricsWatch
    from harness.measure.verify import Verification
    from harness.results import Throughput
    from harness.servers import Server

__all__ = ["Load", "Measured", "RunSettings", "Runner", "label_of", "usage_of"]


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """What is the same in all runs, see `harness.load.run_load`.

    Attributes:
        duration_s: the measured time of each.
        most_requests: end a run after so many requests, if that comes first; None for no such end.
        warmup_s: the longest warm-up.
        timeout_s: the most one request may take.
        think_s: in closed loop, how long to wait between an answer and the next request.
        processes: how many processes send.
        engine: which engine sends, None for the API's default.
        shuffle_seed: of the order in which requests of a pool are sent; None for their own order.
        keep_answers: how many answers to keep and compare.
    """

    duration_s: float = 5.0
    most_requests: int | None = None
    warmup_s: float = 15.0
    timeout_s: float = 10.0
    think_s: float = 0.0
    processes: int = 1
    engine: str | None = None
    shuffle_seed: int | None = None
    keep_answers: int = 0

    @property
    def known_duration_s(self) -> float | None:
        """How long a run takes, None if that depends on how fast its requests are answered."""
        return self.duration_s if self.most_requests is None else None


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is varied from run to run: a closed loop of `concurrency`, or an open one on a schedule.

    In open loop over REST `concurrency` is the number of connections at first.
    """

    concurrency: int = 8
    arrivals: Arrivals | None = None

    def __str__(self) -> str:
        """Return it in words, e.g. ``8 in flight`` or ``500/s poisson``."""
        if self.arrivals is None:
            return f"{self.concurrency} in flight"
        arrivals = self.arrivals
        changes = "" if arrivals.end_rate_per_s is None else f" to {text.rate(arrivals.end_rate_per_s)}"
        return f"{text.rate(arrivals.rate_per_s)}{changes} {arrivals.shape}"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What came of one run: all of it, and its row."""

    result: LoadResult
    row: Throughput


@dataclass(frozen=True, kw_only=True)
class Runner:
    """Runs load and makes rows of it.

    Attributes:
        endpoints: the model to ask; several are asked in turn.
        usage: tells what the server has used, None if nobody knows.
        settings: of every run.
        progress: what is told of each run.
        samples: folder that gets each run's samples, None to keep none.
        verify: compares the answers that a run kept with what was to be answered.
        observe: returns what reads the server's own metrics in a run, None if it shows none.
    """

    endpoints: tuple[Endpoint, ...]
    usage: Callable[[], ServerUsage | None] | None = None
    settings: RunSettings = field(default_factory=RunSettings)
    progress: Progress = SILENT
    samples: Path | None = None
    verify: Callable[[RequestPool, Sequence[Answer]], Verification] | None = None
    observe: Callable[[], MetricsWatch] | None = None

    def run(
        self,
        pool: RequestPool,
        load: Load,
        *,
        duration_s: float | None = None,
        most_warmup_s: float = math.inf,
        verdict: Callable[[LoadResult], str] | None = None,
    ) -> Measured:
        """Send a pool's requests.

        Args:
            pool: what to send.
            load: how.
            duration_s: the measured time; None for that of the settings.
            most_warmup_s: a bound of the warm-up besides that of the settings.
            verdict: what the caller makes of the run, to be told; None to tell whether it is void.

        Raises:
            UsageError: the settings do not go together.
            ConnectionFailedError: nothing listens there.
            KeyboardInterrupt: a second Ctrl-C; the first ends the run early.
        """
        label = label_of(pool, load)
        settings = replace(
            self.settings,
            duration_s=self.settings.duration_s if duration_s is None else duration_s,
            warmup_s=min(self.settings.warmup_s, most_warmup_s),
        )
        self.progress.begin(label, warmup_s=settings.warmup_s, duration_s=settings.known_duration_s)
        observed = None if self.observe is None else self.observe()
        result, readings = self._load(pool, load, settings, observed)
        row = self._row(pool, result, readings)
        row = row if observed is None else observed.on(row)
        if self.samples is not None:
            result.samples.save(self.samples / f"{_slug(label)}.npz")
        self.progress.end(_told(row, "void" * row.void if verdict is None else verdict(result)))
        return Measured(result=result, row=row)

    def _load(
        self, pool: RequestPool, load: Load, settings: RunSettings, observed: MetricsWatch | None
    ) -> tuple[LoadResult, list[tuple[int, int]]]:
        watch = None if self.usage is None else UsageWatch(self.usage)

        def hear(phase: str) -> None:
            self.progress.phase(phase)
            if observed is not None:
                observed.hear(phase)
            if watch is not None:
                watch.hear(phase)

        reference = settings.engine in engines.REFERENCES
        try:
            result = run_load(
                self.endpoints if len(self.endpoints) > 1 else self.endpoints[0],
                pool.encoded,
                api=pool.api,
                concurrency=load.concurrency,
                arrivals=load.arrivals,
                duration_s=settings.duration_s,
                most_requests=settings.most_requests,
                warmup_s=settings.warmup_s,
                timeout_s=settings.timeout_s,
                think_s=settings.think_s,
                shuffle_seed=None if reference or len(pool.encoded) == 1 else settings.shuffle_seed,
                keep_answers=settings.keep_answers,
                processes=settings.processes,
                engine=settings.engine,
                usage=None if watch is None else watch.usage,
                on_phase=hear,
            )
        finally:
            if watch is not None:
                watch.stop()
        return result, [] if watch is None else watch.readings

    def _row(self, pool: RequestPool, result: LoadResult, readings: list[tuple[int, int]]) -> Throughput:
        row = result.throughput(method=pool.method, batch_size=pool.batch_size)
        row = replace(row, requests=pool.source, windows=windows_of(result, readings))
        return row if self.verify is None else self.verify(pool, result.answers).on(row)


def usage_of(server: Server) -> Callable[[], ServerUsage | None]:
    """Return a function that tells what the server has used so far, None where that cannot be known."""

    def usage() -> ServerUsage | None:
        cpu_us = server.cpu_time_us()
        return None if cpu_us is None else ServerUsage(cpu_us=cpu_us, peak_memory_bytes=server.peak_memory_bytes())

    return usage


def label_of(pool: RequestPool, load: Load) -> str:
    """Return what a run is, for people, e.g. ``grpc, batch 8, 319 B, 4 in flight``."""
    batch = f"batch {pool.batch_size}" if pool.batch_size is not None else pool.method
    return f"{pool.api}, {batch}, {text.size(pool.payload_bytes)}, {load}"


def _told(row: Throughput, verdict: str) -> str:
    """Return a run's outcome in a line."""
    parts = [text.rate(row.rate_per_s)]
    parts += [f"{text.percent_name(one.percent)} {text.percentile(one)}" for one in row.percentiles if one.sufficient]
    parts += [f"{sum(row.errors.values()):,} errors"] if row.errors else []
    parts += [verdict] if verdict else []
    parts += [f"{row.answers_wrong:,} wrong answers"] if row.answers_wrong else []
    parts += [row.ended] if row.ended != "completed" else []
    return ", ".join(parts)


def _slug(label: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", label.lower()).strip("-")
