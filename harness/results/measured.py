"""What was measured: latency rows and throughput rows.

A row is one line of a table in the report. Percentiles carry whether there were enough samples for them
(`harness.stats.Percentile`), so nobody downstream can print a p99 of a hundred requests.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.stats import Percentile

__all__ = ["Api", "Latency", "ServerSide", "Throughput", "Window"]

Api = Literal["grpc", "rest"]


@dataclass(frozen=True, kw_only=True)
class ServerSide:
    """What the server's own metrics say of a measured time: differences between its end and its beginning.

    Attributes:
        requests: how many requests of this model and API it counted.
        request_latency_mean_ns: how long it took over one, from the message's arrival to the answer, None if not told.
        runtime_latency_mean_ns: how long of that the model ran, None if not told.
        queue_mean_ns: how long a request waited to be batched, None without batching.
        batch_size_mean: examples run together, None without batching.
        padding_mean: examples added to fill up a batch, None without batching.
    """

    requests: int
    request_latency_mean_ns: float | None = None
    runtime_latency_mean_ns: float | None = None
    queue_mean_ns: float | None = None
    batch_size_mean: float | None = None
    padding_mean: float | None = None


@dataclass(frozen=True, kw_only=True)
class Window:
    """A slice of a measured time.

    Attributes:
        start_s: seconds from the beginning of the measured time.
        duration_s: how long it is.
        n: requests scheduled in it that were answered well.
        errors: and those that were not.
        p50_ns: their median latency, None if none was answered.
        max_ns: and the longest.
        server_cpu_share: processor time the server used, as a share of one core; None if not known.
    """

    start_s: float
    duration_s: float
    n: int
    errors: int = 0
    p50_ns: float | None = None
    max_ns: float | None = None
    server_cpu_share: float | None = None


@dataclass(frozen=True, kw_only=True)
class Latency:
    """How long single requests took.

    Attributes:
        model: the servable's name.
        api: ``grpc`` or ``rest``.
        method: ``predict``, ``classify``, ``regress`` ...
        batch_size: examples in each request, None if not known.
        payload_bytes: size of the encoded request, None if not known.
        n: samples.
        mean_ns: their mean, and so on.
        stddev_ns: sample standard deviation, None for fewer than two samples.
        percentiles: each with its sufficiency.
        how: what measured it.
        concurrency: requests in flight while it was measured.
        name: which benchmark it was, e.g. a test's node id; empty if there is nothing to tell.
    """

    model: str
    api: Api
    method: str
    n: int
    mean_ns: float
    median_ns: float
    min_ns: float
    max_ns: float
    stddev_ns: float | None
    percentiles: tuple[Percentile, ...]
    how: Literal["load", "pytest-benchmark"]
    batch_size: int | None = None
    payload_bytes: int | None = None
    concurrency: int = 1
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """How many requests a second were answered, and how long they took meanwhile.

    Attributes:
        model: the servable's name.
        api: ``grpc`` or ``rest``.
        method: ``predict``, ``classify``, ``regress`` ...
        concurrency: requests in flight (closed loop), or the most allowed (open loop).
        duration_s: the measured time, without warm-up.
        n: requests answered well.
        rate_per_s: those per second.
        percentiles: latency of those, each with its sufficiency.
        errors: status code to count of the requests that were not answered well.
        steady: whether the warm-up reached a steady state before measuring.
        loop: ``closed`` or ``open``.
        asked_rate_per_s: the arrival rate asked for in open loop, None in closed.
        engine: what sent the requests, e.g. ``grpc.aio``.
        batch_size: examples in each request, None if not known.
        payload_bytes: size of the encoded request, None if not known.
        server_cpu_us_per_request: processor time the server spent per request, None if not known.
        server_peak_memory_bytes: the server's peak memory, None if not known.
        warnings: what makes this row less than it seems; shown with the verdict.
        arrivals: in open loop the shape of the schedule, e.g. ``poisson``; empty in closed.
        lag_p99_ns: in open loop how late requests left, the 99th percentile; None in closed.
        void: whether the run says nothing, e.g. since the generator was late; a warning says why.
        requests: what was sent, for people, e.g. ``24 of the model's warm-up records``; empty if not told.
        generator_cpu_us_per_request: processor time the generator spent per request, None if not known.
        answers_compared: how many answers were compared with what was expected.
        answers_wrong: how many of those differed.
        server: what the server's own metrics say of the measured time, None if it shows none.
        windows: the measured time in slices, in order, for a plot over time.
        ended: ``completed``, or why the run ended early; a warning says more.
    """

    model: str
    api: Api
    method: str
    concurrency: int
    duration_s: float
    n: int
    rate_per_s: float
    percentiles: tuple[Percentile, ...]
    errors: Mapping[str, int] = field(default_factory=dict)
    steady: bool = True
    loop: Literal["closed", "open"] = "closed"
    asked_rate_per_s: float | None = None
    engine: str = ""
    batch_size: int | None = None
    payload_bytes: int | None = None
    server_cpu_us_per_request: float | None = None
    server_peak_memory_bytes: int | None = None
    warnings: tuple[str, ...] = ()
    arrivals: str = ""
    lag_p99_ns: float | None = None
    void: bool = False
    requests: str = ""
    generator_cpu_us_per_request: float | None = None
    answers_compared: int = 0
    answers_wrong: int = 0
    server: ServerSide | None = None
    windows: tuple[Window, ...] = ()
    ended: str = "completed"
