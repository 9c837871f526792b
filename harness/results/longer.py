"""What takes more than one load run to measure: rate searches, cold starts, soaks, scenarios, where the time goes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.results.measured import Api

__all__ = ["Breakdown", "ColdStart", "Limit", "Part", "RateSearch", "RateStep", "Scenario", "Soak"]


@dataclass(frozen=True, kw_only=True)
class RateStep:
    """One rate of a search.

    Attributes:
        asked_rate_per_s: arrivals a second.
        verdict: ``kept`` the limit, ``missed`` it, or ``void``: the load generator was at its end.
        limited_ns: the limited percentile of latency as measured, None with insufficient samples.
        n: requests answered well.
        errors: and those that were not.
    """

    asked_rate_per_s: float
    verdict: Literal["kept", "missed", "void"]
    limited_ns: float | None
    n: int
    errors: int = 0


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A limit on latency: of the percentile `percent`, in nanoseconds."""

    percent: float
    limit_ns: float


@dataclass(frozen=True, kw_only=True)
class RateSearch:
    """The highest open-loop rate that keeps a latency limit, as a bracket.

    Attributes:
        model: the servable's name.
        api: ``grpc`` or ``rest``.
        method: ``predict``, ``classify``, ``regress`` ...
        percent: the limited percentile, e.g. 99.0.
        limit_ns: the limit.
        kept_per_s: the highest rate that kept it, None if none did.
        missed_per_s: the lowest rate above that did not, None if none was found.
        why_open: why one side is missing, or the bracket is wider than asked; empty if it is as asked.
        steps: each rate that was tried, in order.
        batch_size: examples in each request, None if not known.
        payload_bytes: size of the encoded request, None if not known.
        further_limits: limits that were to be kept besides.
    """

    model: str
    api: Api
    method: str
    percent: float
    limit_ns: float
    kept_per_s: float | None
    missed_per_s: float | None
    why_open: str = ""
    steps: tuple[RateStep, ...] = ()
    batch_size: int | None = None
    payload_bytes: int | None = None
    further_limits: tuple[Limit, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ColdStart:
    """From a server that is not running to its first answers.

    Attributes:
        model: the servable's name.
        api: ``grpc`` or ``rest``.
        warmup_records: how many warm-up records the model had.
        runs: how often it was started.
        ready_s: seconds from start to ready, one for each start.
        load_s: seconds of that the server took to load the model, as its metrics say; empty if not told.
        first_ns: latency of the first request, one for each start.
        later_ns: median latency of the requests after it, one for each start.
    """

    model: str
    api: Api
    warmup_records: int
    runs: int
    ready_s: tuple[float, ...]
    first_ns: tuple[float, ...]
    later_ns: tuple[float, ...]
    load_s: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Soak:
    """A long run under steady load, for what grows.

    Attributes:
        model: the servable's name.
        api: ``grpc`` or ``rest``.
        duration_s: the measured time.
        n: requests answered well.
        errors: status code to count of the others.
        at_s: when the server was looked at, seconds from the beginning.
        memory_bytes: its memory at each of those times.
        memory_slope_bytes_per_s: slope of a robust straight line through them, None with too few.
        memory_slope_low: lower 95 % bound of the slope.
        memory_slope_high: upper 95 % bound.
        grows: whether memory grows: the lower bound is above what the check tolerates.
        warnings: what makes this less than it seems.
    """

    model: str
    api: Api
    duration_s: float
    n: int
    errors: Mapping[str, int] = field(default_factory=dict)
    at_s: tuple[float, ...] = ()
    memory_bytes: tuple[int, ...] = ()
    memory_slope_bytes_per_s: float | None = None
    memory_slope_low: float | None = None
    memory_slope_high: float | None = None
    grows: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A run of one of MLPerf's inference scenarios.

    Attributes:
        model: the servable's name.
        api: ``grpc`` or ``rest``.
        scenario: ``SingleStream``, ``MultiStream``, ``Server`` or ``Offline``.
        valid: MLPerf's verdict.
        metric: what the scenario is judged by, e.g. ``90th percentile latency (ns)``.
        value: of that metric.
        n: queries.
        checks: what the verdict rests on, e.g. ``Min duration satisfied`` to ``Yes``.
        numbers: further numbers of its summary, by name.
        warnings: what makes this less than it seems, e.g. LoadGen's own errors and recommendations.
    """

    model: str
    api: Api
    scenario: Literal["SingleStream", "MultiStream", "Server", "Offline"]
    valid: bool
    metric: str
    value: float
    n: int
    checks: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a call, with its mean time; ``where`` says on whose side it is spent."""

    name: str
    mean_ns: float
    where: Literal["client", "network", "server"]


@dataclass(frozen=True, kw_only=True)
class Breakdown:
    """Where the time of a call goes.

    Attributes:
        model: the servable's name.
        api: ``grpc`` or ``rest``.
        method: ``predict`` ...
        n: calls, or runs of the pipeline.
        parts: in the order they happen; together the whole call, or the whole pipeline.
        batch_size: examples in each request, None if not known.
        request_bytes: body of a request, None if not known.
        response_bytes: body of an answer, None if not known.
        pipeline: the client's code around the call, e.g. ``models.commodity:make_prediction``; empty if there is none.
        client_cpu_us: processor time of the client, mean of a call or run, None if not known.
        server_cpu_us: and of the server.
    """

    model: str
    api: Api
    method: str
    n: int
    parts: tuple[Part, ...]
    batch_size: int | None = None
    request_bytes: int | None = None
    response_bytes: int | None = None
    pipeline: str = ""
    client_cpu_us: float | None = None
    server_cpu_us: float | None = None
