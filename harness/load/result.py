"""LoadResult: what one load run measured, and what one must know before believing it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from harness.results import Latency, Throughput
from harness.stats import percentile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.load.answers import Answer
    from harness.load.arrivals import Arrivals
    from harness.load.samples import Samples
    from harness.load.session import Ended
    from harness.results.measured import Api
    from harness.stats import Percentile, Summary

__all__ = ["LoadResult", "ServerUsage", "lateness"]

_BUSY_SHARE = 0.9
_RATE_TOLERANCE = 0.01
_LAG_SHARE = 0.1


@dataclass(frozen=True, kw_only=True)
class ServerUsage:
    """What a server has used since it started: processor time, and its peak memory if known."""

    cpu_us: int
    peak_memory_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class LoadResult:
    """A load run.

    Attributes:
        model: the servable's name.
        api: ``grpc`` or ``rest``.
        engine: what sent the requests.
        target: where to; several with commas between.
        concurrency: requests in flight, in closed loop.
        arrivals: the schedule of an open loop, None for a closed one.
        payload_bytes: mean size of the requests' bodies, rounded.
        samples: one row for each request sent in the measured time.
        duration_s: the measured time; shorter than asked if the run ended early, 0 if it never came to measuring.
        warmup_s: how long the warm-up took.
        steady: whether it became steady.
        ended: ``completed``, ``server gone``, ``interrupted``, or ``overrun``: far too many requests were overdue.
        reason: why it ended early.
        messages: status name to the first message that came with it; ``loss of ADDRESS`` to why an endpoint was gone.
        answers: those that were kept, see `run_load`; failed ones never are.
        processes: how many sent.
        generator_cpu_share: processor time the generator used, as a share of one core; of several processes the
            busiest one's.
        generator_cpu_us_per_request: the generator's processor time per request of the samples, None without any.
        server_cpu_us_per_request: the server's processor time per request of the samples, None if not known.
        server_peak_memory_bytes: its peak memory, None if not known.
    """

    model: str
    api: Api
    engine: str
    target: str
    concurrency: int
    payload_bytes: int
    samples: Samples = field(repr=False)
    duration_s: float
    warmup_s: float
    steady: bool
    arrivals: Arrivals | None = None
    ended: Ended = "completed"
    reason: str = ""
    messages: Mapping[str, str] = field(default_factory=dict)
    answers: tuple[Answer, ...] = field(default=(), repr=False)
    processes: int = 1
    generator_cpu_share: float = 0.0
    generator_cpu_us_per_request: float | None = None
    server_cpu_us_per_request: float | None = None
    server_peak_memory_bytes: int | None = None

    @property
    def n(self) -> int:
        """Requests answered well."""
        return int(self.samples.ok.sum())

    @property
    def errors(self) -> dict[str, int]:
        """Status name to count of the others."""
        return self.samples.errors

    @property
    def rate_per_s(self) -> float:
        """Requests answered well per second of the measured time (see `harness.load.session` for why it is exact)."""
        return self.n / self.duration_s if self.duration_s else 0.0

    @property
    def sent_rate_per_s(self) -> float:
        """Requests that left within the measured time, per second of it."""
        if not self.duration_s or not len(self.samples):
            return 0.0
        end_ns = self.samples.scheduled_ns.min() + round(self.duration_s * 1e9)
        return float((self.samples.sent_ns < end_ns).sum()) / self.duration_s

    @property
    def lag(self) -> Percentile:
        """The 99th percentile of how late requests left in open loop: the generator's part of their latency."""
        return percentile(self.samples.sent_ns - self.samples.scheduled_ns, 99.0)

    @property
    def void(self) -> str:
        """Why an open loop's numbers tell of the generator and not of the server; empty if they are good.

        A run is void if fewer than 99 % of the requests left within the measured time, or if the p99 of their lag is
        over 10 % of the p50 latency.
        """
        return lateness([self])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What lessens the result, besides `steady` and `errors`, which rows carry on their own."""
        found = [self.void] if self.void else []
        if self.ended != "completed":
            found.append(f"the run ended early, {self.ended}: {self.reason}")
        if self.generator_cpu_share > _BUSY_SHARE:
            found.append(
                f"the load generator used {self.generator_cpu_share:.0%} of a core: the rate may be its limit, "
                "not the server's"
            )
        found.extend(f"the first {code}: {message}" for code, message in self.messages.items())
        if "Threadpool Exhausted" in self.messages.get("RESOURCE_EXHAUSTED", ""):
            found.append(
                "tensorflow_model_server answers at most --grpc_max_threads gRPC calls at a time, 4 x the number of "
                "CPUs unless set; raise it or lower the concurrency"
            )
        return tuple(found)

    def summary(self) -> Summary | None:
        """Return the latency of the answered requests in a few numbers, None if none was answered."""
        return self.samples.summary()

    def throughput(self, *, method: str = "predict", batch_size: int | None = None) -> Throughput:
        """Return the run as a row of the report's throughput table."""
        summary = self.summary()
        return Throughput(
            model=self.model,
            api=self.api,
            method=method,
            concurrency=self.concurrency,
            duration_s=self.duration_s,
            n=self.n,
            rate_per_s=self.rate_per_s,
            percentiles=summary.percentiles if summary else (),
            errors=self.errors,
            steady=self.steady,
            loop="closed" if self.arrivals is None else "open",
            asked_rate_per_s=None if self.arrivals is None else self.arrivals.rate_per_s,
            engine=self.engine,
            batch_size=batch_size,
            payload_bytes=self.payload_bytes,
            server_cpu_us_per_request=self.server_cpu_us_per_request,
            server_peak_memory_bytes=self.server_peak_memory_bytes,
            warnings=self.warnings,
            arrivals="" if self.arrivals is None else self.arrivals.shape,
            lag_p99_ns=None if self.arrivals is None else self.lag.value_ns,
            void=bool(self.void),
            generator_cpu_us_per_request=self.generator_cpu_us_per_request,
            ended=self.ended,
        )

    def latency(self, *, method: str = "predict", batch_size: int | None = None) -> Latency | None:
        """Return the run as a row of the report's latency table, None if no request was answered."""
        summary = self.summary()
        if summary is None:
            return None
        return Latency(
            model=self.model,
            api=self.api,
            method=method,
            n=summary.n,
            mean_ns=summary.mean_ns,
            median_ns=summary.median_ns,
            min_ns=summary.min_ns,
            max_ns=summary.max_ns,
            stddev_ns=summary.stddev_ns,
            percentiles=summary.percentiles,
            how="load",
            batch_size=batch_size,
            payload_bytes=self.payload_bytes,
            concurrency=self.concurrency,
        )


def lateness(results: Sequence[LoadResult]) -> str:
    """Return why the numbers of one open loop, or of several taken together, are void (see `LoadResult.void`)."""
    if not results or results[0].arrivals is None or not sum(each.n for each in results):
        return ""
    duration_s = sum(each.duration_s for each in results)
    asked = sum(len(each.samples) for each in results) / duration_s
    sent = sum(each.sent_rate_per_s * each.duration_s for each in results) / duration_s
    if sent < (1 - _RATE_TOLERANCE) * asked:
        return f"void: {asked:,.1f} requests a second were to leave, only {sent:,.1f} did"
    lags_ns = np.concatenate([each.samples.sent_ns - each.samples.scheduled_ns for each in results])
    lag = percentile(lags_ns, 99.0).value_ns
    half = float(np.median(np.concatenate([each.samples.latency_ns for each in results])))
    if lag is not None and lag > _LAG_SHARE * half:
        return f"void: the generator was late, p99 {lag / 1e3:,.0f} us, over 10 % of p50 latency {half / 1e3:,.0f} us"
    return ""
