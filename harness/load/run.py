"""run_load: a closed loop against one endpoint, from a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from harness.errors import ConnectionFailedError, UsageError
from harness.load import engines
from harness.load.engines.address import grpc_address, rest_address
from harness.load.job import Job
from harness.load.process import run_worker
from harness.load.request import EncodedRequest
from harness.load.result import LoadResult, ServerUsage
from harness.load.session import Timing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.endpoint import Endpoint
    from harness.load.arrivals import Arrivals
    from harness.results.measured import Api

__all__ = ["run_load"]

_GRPC_PREDICT = "/tensorflow.serving.PredictionService/Predict"
_READERS = {"grpc": grpc_address, "rest": rest_address}


def run_load(  # noqa: PLR0913 - the options of one run, all keyword-only
    endpoint: Endpoint,
    requests: Sequence[EncodedRequest | bytes],
    *,
    api: Api = "grpc",
    concurrency: int = 8,
    arrivals: Arrivals | None = None,
    duration_s: float = 10.0,
    most_requests: int | None = None,
    warmup_s: float = 15.0,
    timeout_s: float = 10.0,
    engine: str | None = None,
    usage: Callable[[], ServerUsage | None] | None = None,
    on_phase: Callable[[str], None] = lambda _: None,
) -> LoadResult:
    """Send requests for `duration_s` and return what they cost.

    Closed loop, the default: `concurrency` requests are in flight, each answered one is replaced at once. Open loop,
    with `arrivals`: requests leave on that schedule whatever is in flight, and latency counts from the schedule.

    The warm-up ends once the last three windows' throughput and mean latency agree within 10 %, or after `warmup_s`;
    the result says which. Failed requests are counted by status and never enter the latency. A server that goes away
    ends the run; so does Ctrl-C, once. Both keep what was measured.

    Args:
        endpoint: the model to ask.
        requests: sent in turn; plain bytes are the body of a Predict of the endpoint's model, as
            ``client.encode_predict(...)`` returns it.
        api: ``grpc`` or ``rest``.
        concurrency: requests in flight, in closed loop.
        arrivals: the schedule of an open loop.
        duration_s: the measured time.
        most_requests: end after so many measured requests, if that comes before `duration_s`.
        warmup_s: the longest warm-up; 0 for none.
        timeout_s: the most one request may take.
        engine: which of the API's engines, None for the default.
        usage: returns what the server has used so far, None if it cannot be known (any more); asked when measuring
            begins and when it ends.
        on_phase: told ``warming``, ``measuring`` and ``ended`` as they begin, e.g. for a progress bar.

    Raises:
        UsageError: an argument cannot be used.
        ConnectionFailedError: nothing listens at the endpoint.
        HarnessError: the worker process broke.
    """
    name = engines.check(api, engine)
    target = _target(endpoint, api)
    if arrivals is not None and name not in engines.OPEN_LOOP:
        raise UsageError(f"engine {name!r} knows closed loops only; for arrivals take one of {engines.OPEN_LOOP}")
    _check_counts(concurrency=concurrency, most_requests=most_requests)
    _check_times(duration_s=duration_s, warmup_s=warmup_s, timeout_s=timeout_s)
    job = Job(
        engine=name,
        target=target,
        concurrency=concurrency,
        timeout_s=timeout_s,
        timing=Timing(
            duration_ns=round(duration_s * 1e9),
            warmup_bound_ns=round(warmup_s * 1e9),
            window_requests=max(16, 2 * concurrency),
            most_requests=most_requests,
        ),
        requests=_encoded(requests, endpoint, api),
        arrivals=arrivals,
    )
    return _carry_out(job, endpoint.model, api, usage, on_phase)


def _carry_out(
    job: Job,
    model: str,
    api: Api,
    usage: Callable[[], ServerUsage | None] | None,
    on_phase: Callable[[str], None],
) -> LoadResult:
    used: dict[str, ServerUsage] = {}

    def hear(phase: str) -> None:
        if usage and phase in ("measuring", "ended"):
            found = usage()
            used.update({} if found is None else {phase: found})
        on_phase(phase)

    samples, outcome = run_worker(job, on_phase=hear)
    if not outcome.reached and outcome.ended != "interrupted":
        raise ConnectionFailedError(
            "nothing accepts a connection there; start the server, or correct the address",
            target=job.target,
            api=api,
            request=f"load on model={model}, {job.concurrency} in flight",
        )
    return LoadResult(
        model=model,
        api=api,
        engine=job.engine,
        target=job.target,
        concurrency=job.concurrency,
        arrivals=job.arrivals,
        payload_bytes=round(sum(len(each.body) for each in job.requests) / len(job.requests)),
        samples=samples,
        duration_s=outcome.duration_s,
        warmup_s=outcome.warmup_s,
        steady=outcome.steady,
        ended=outcome.ended,
        reason=outcome.reason,
        messages=outcome.messages,
        generator_cpu_share=outcome.cpu_share,
        server_cpu_us_per_request=_cpu_us_per_request(used, len(samples)),
        server_peak_memory_bytes=used["ended"].peak_memory_bytes if "ended" in used else None,
    )


def _cpu_us_per_request(used: dict[str, ServerUsage], n: int) -> float | None:
    if not n or not {"measuring", "ended"} <= set(used):
        return None
    return (used["ended"].cpu_us - used["measuring"].cpu_us) / n


def _target(endpoint: Endpoint, api: Api) -> str:
    target = endpoint.grpc if api == "grpc" else endpoint.rest
    if target is None:
        raise UsageError(f"the endpoint of model {endpoint.model!r} has no {api} address; choose the other api")
    _READERS[api](target)  # refuses what the worker could not read
    return target


def _encoded(requests: Sequence[EncodedRequest | bytes], endpoint: Endpoint, api: Api) -> tuple[EncodedRequest, ...]:
    if not requests or not isinstance(requests[0], (EncodedRequest, bytes)):  # one bytes object is a list of ints
        raise UsageError("requests must be a list of at least one request; e.g. [client.encode_predict(inputs)]")
    method = _GRPC_PREDICT if api == "grpc" else _rest_predict(endpoint)
    return tuple(
        each if isinstance(each, EncodedRequest) else EncodedRequest(body=bytes(each), method=method)
        for each in requests
    )


def _rest_predict(endpoint: Endpoint) -> str:
    path = f"/v1/models/{quote(endpoint.model, safe='')}"
    if endpoint.version is not None:
        path += f"/versions/{endpoint.version}"
    if endpoint.label is not None:
        path += f"/labels/{quote(endpoint.label, safe='')}"
    return path + ":predict"


def _check_counts(**counts: int | None) -> None:
    for name, value in counts.items():
        if value is not None and value < 1:
            raise UsageError(f"{name} must be at least 1, got {value}")


def _check_times(*, duration_s: float, warmup_s: float, timeout_s: float) -> None:
    bounds = (("duration_s", duration_s, 0.001), ("warmup_s", warmup_s, 0), ("timeout_s", timeout_s, 0.001))
    for name, value, least in bounds:
        if not least <= value <= 86_400:
            raise UsageError(f"{name} must lie between {least} and 86,400 seconds, got {value!r}")
