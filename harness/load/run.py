"""run_load: closed or open loop against one endpoint or several, from processes of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.endpoint import Endpoint
from harness.errors import ConnectionFailedError, UsageError
from harness.load import engines
from harness.load.engines.address import grpc_address, rest_address
from harness.load.job import Job
from harness.load.limits import check_connections
from harness.load.process import run_workers
from harness.load.request import EncodedRequest, check_metadata, predict_method, with_headers
from harness.load.result import LoadResult, ServerUsage
from harness.load.session import Timing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.load.arrivals import Arrivals
    from harness.results.measured import Api
    from harness.tls import Tls

__all__ = ["run_load"]


def run_load(  # noqa: PLR0913 - the options of one run, all keyword-only
    endpoint: Endpoint | Sequence[Endpoint],
    requests: Sequence[EncodedRequest | bytes],
    *,
    api: Api = "grpc",
    concurrency: int = 8,
    arrivals: Arrivals | None = None,
    duration_s: float = 10.0,
    most_requests: int | None = None,
    warmup_s: float = 15.0,
    timeout_s: float = 10.0,
    think_s: float = 0.0,
    shuffle_seed: int | None = None,
    keep_answers: int = 0,
    processes: int = 1,
    tls: Tls | None = None,
    engine: str | None = None,
    usage: Callable[[], ServerUsage | None] | None = None,
    on_phase: Callable[[str], None] = lambda _: None,
) -> LoadResult:
    """Send requests for `duration_s` and return what they cost.

    Closed loop, the default: `concurrency` requests are in flight, each answered one is replaced at once. Open loop,
    with `arrivals`: requests leave on that schedule whatever is in flight, and latency counts from the schedule.

    The warm-up ends once the last three windows' throughput and mean latency agree within 10 %, or after `warmup_s`;
    the result says which. Failed requests are counted by status and never enter the latency. A server that goes away
    ends the run; so does Ctrl-C, once; so do 100,000 requests without an answer. All of them keep what was measured.

    Of several endpoints each must be there when the run begins. When one goes away the run goes on: requests whose turn
    it is there fail as ``UNAVAILABLE``, a lane in closed loop about every 50 ms, until it answers again; a warning of
    the result names it. Only when none is left does the run end.

    Args:
        endpoint: the model to ask; several are asked in turn: gRPC has a connection to each, REST as many as requests
            in flight, dealt out among them.
        requests: sent in turn; plain bytes are the body of a Predict of the endpoint's model, as
            ``client.encode_predict(...)`` returns it.
        api: ``grpc`` or ``rest``.
        concurrency: requests in flight, in closed loop. In open loop over REST the number of connections at first;
            where all are busy more are opened, up to 1,024.
        arrivals: the schedule of an open loop.
        duration_s: the measured time.
        most_requests: end after so many measured requests, if that comes before `duration_s`.
        warmup_s: the longest warm-up; 0 for none.
        timeout_s: the most one request may take.
        think_s: in closed loop, how long to wait between an answer and the request that follows it.
        shuffle_seed: send each pass through `requests` in an order drawn from this seed; None for their own order.
        keep_answers: keep so many answers at most, drawn from the whole run, in ``LoadResult.answers``, to be compared
            with what was to be answered. At most 64 MiB of them are kept from each process.
        processes: how many processes send; each can fill a core. They share `concurrency`, or the schedule, begin
            together, and their samples become one.
        tls: files for TLS: over gRPC TLS is used if this is given, over REST if the endpoint's URL is an https one.
            None for the endpoint's own.
        engine: which of the API's engines, None for the default.
        usage: returns what the server has used so far, None if it cannot be known (any more); asked when measuring
            begins and when it ends.
        on_phase: told ``warming``, ``measuring`` and ``ended`` as they begin, e.g. for a progress bar.

    Raises:
        UsageError: an argument cannot be used.
        ConnectionFailedError: nothing listens at the endpoint, or TLS does not come about.
        HarnessError: the worker process broke.
    """
    name = engines.check(api, engine)
    endpoints = (endpoint,) if isinstance(endpoint, Endpoint) else tuple(endpoint)
    _check_counts(concurrency=concurrency, most_requests=most_requests, processes=processes)
    _check_times(duration_s=duration_s, warmup_s=warmup_s, timeout_s=timeout_s, think_s=think_s)
    targets = _targets(endpoints, api, tls)
    tls = _usable(endpoints[0].tls_over(api) if tls is None else tls)
    job = Job(
        engine=name,
        targets=targets,
        concurrency=concurrency,
        timeout_s=timeout_s,
        timing=Timing(
            duration_ns=round(duration_s * 1e9),
            warmup_bound_ns=round(warmup_s * 1e9),
            window_requests=max(16, 2 * concurrency),
            most_requests=most_requests,
        ),
        requests=_encoded(requests, endpoints[0], api),
        arrivals=arrivals,
        think_s=think_s,
        shuffle_seed=shuffle_seed,
        tls=tls,
        keep_answers=keep_answers,
    )
    _check_job(job, api, processes)
    return _carry_out(job, processes, endpoints[0].model, api, usage, on_phase)


def _carry_out(
    job: Job,
    processes: int,
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

    samples, outcome, answers = run_workers(job, processes=processes, on_phase=hear)
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
        server_cpu_us_per_request=_cpu_us_per_request(used, n),
        server_peak_memory_bytes=used["ended"].peak_memory_bytes if "ended" in used else None,
    )


def _cpu_us_per_request(used: dict[str, ServerUsage], n: int) -> float | None:
    if not n or not {"measuring", "ended"} <= set(used):
        return None
    return (used["ended"].cpu_us - used["measuring"].cpu_us) / n


def _targets(endpoints: tuple[Endpoint, ...], api: Api, tls: Tls | None) -> tuple[str, ...]:
    if not endpoints:
        raise UsageError("endpoint is an empty list; give an Endpoint, or a list of some")
    if len({(each.model, each.version, each.label) for each in endpoints}) > 1:
        raise UsageError("several endpoints of one run must name the same model, version and label")
    if len({(each.tls_over(api), each.headers) for each in endpoints}) > 1:
        raise UsageError("several endpoints of one run must have the same TLS files and headers")
    targets = [each.grpc if api == "grpc" else each.rest for each in endpoints]
    for target in targets:
        if target is None:
            raise UsageError(f"the endpoint of model {endpoints[0].model!r} has no {api} address; choose the other api")
        address = (
            grpc_address(target) if api == "grpc" else rest_address(target)
        )  # refuses what the worker could not read
        if tls is not None and api == "rest" and not address.tls:
            raise UsageError(f"tls is given, but {target} is no https:// address; correct it, or leave tls out")
    return tuple(target for target in targets if target is not None)


def _usable(tls: Tls | None) -> Tls | None:
    """Return TLS files, if they are such that the worker can use."""
    if tls is not None:
        tls.context()
    return tls


def _encoded(requests: Sequence[EncodedRequest | bytes], endpoint: Endpoint, api: Api) -> tuple[EncodedRequest, ...]:
    if not requests or not isinstance(requests[0], (EncodedRequest, bytes)):  # one bytes object is a list of ints
        raise UsageError("requests must be a list of at least one request; e.g. [client.encode_predict(inputs)]")
    method = predict_method(endpoint, api)
    bare = tuple(
        each if isinstance(each, EncodedRequest) else EncodedRequest(body=bytes(each), method=method)
        for each in requests
    )
    encoded = with_headers(bare, endpoint)
    if api == "grpc":
        for each in encoded:
            check_metadata(each)
    return encoded


def _check_job(job: Job, api: Api, processes: int) -> None:
    """Refuse what does not go together."""
    _check_engine(job, processes)
    if job.arrivals is not None and job.think_s:
        raise UsageError("think_s is for closed loops; in open loop the arrivals say when requests leave")
    if job.keep_answers < 0:
        raise UsageError(f"keep_answers must be 0 or more, got {job.keep_answers}")
    closed = job.arrivals is None
    if closed and job.concurrency < max(processes, len(job.targets)):
        raise UsageError(
            f"concurrency={job.concurrency} is too little for {processes} processes and {len(job.targets)} endpoints:"
            " each needs a request in flight"
        )
    if (job.timing.most_requests or processes) < processes:
        raise UsageError(f"most_requests={job.timing.most_requests} is too little for {processes} processes")
    if api == "rest":
        check_connections(-(-job.concurrency // processes))


def _check_engine(job: Job, processes: int) -> None:
    if job.engine not in engines.REFERENCES:
        return
    asked: dict[str, Any] = {
        "arrivals": job.arrivals is not None,
        "several endpoints": len(job.targets) > 1,
        "think_s": job.think_s,
        "shuffle_seed": job.shuffle_seed is not None,
        "keep_answers": job.keep_answers,
        "tls": job.tls is not None,
        "processes": processes > 1,
    }
    if any(asked.values()):
        names = ", ".join(name for name, value in asked.items() if value)
        raise UsageError(f"engine {job.engine!r} is a reference, which knows plain closed loops only, not: {names}")


def _check_counts(**counts: int | None) -> None:
    for name, value in counts.items():
        if value is not None and value < 1:
            raise UsageError(f"{name} must be at least 1, got {value}")


def _check_times(**times_s: float) -> None:
    least = {"duration_s": 0.001, "timeout_s": 0.001}
    for name, value in times_s.items():
        if not least.get(name, 0) <= value <= 86_400:
            raise UsageError(f"{name} must lie between {least.get(name, 0)} and 86,400 seconds, got {value!r}")
