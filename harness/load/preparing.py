"""From what a caller asks for to a job that a worker can carry out; everything that cannot be done is refused here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.errors import UsageError
from harness.load import engines
from harness.load.engines.address import grpc_address, rest_address
from harness.load.job import Job
from harness.load.limits import check_connections
from harness.load.request import EncodedRequest, check_metadata, predict_method, with_headers
from harness.load.session import Timing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.endpoint import Endpoint
    from harness.load.arrivals import Arrivals
    from harness.results.measured import Api
    from harness.tls import Tls

__all__ = ["make_job", "make_timing"]


def make_job(  # noqa: PLR0913 - what may be asked of a run, all but the first three keyword-only
    endpoints: Sequence[Endpoint],
    requests: Sequence[EncodedRequest | bytes],
    timing: Timing,
    *,
    api: Api,
    concurrency: int,
    timeout_s: float,
    engine: str | None = None,
    arrivals: Arrivals | None = None,
    think_s: float = 0.0,
    shuffle_seed: int | None = None,
    tls: Tls | None = None,
    keep_answers: int = 0,
    processes: int = 1,
) -> Job:
    """Return the job; see `harness.load.run_load` for what the arguments mean.

    Raises:
        UsageError: an argument cannot be used, or some do not go together.
    """
    name = engines.check(api, engine)
    _check_counts(concurrency=concurrency, most_requests=timing.most_requests, processes=processes)
    _check_times(timeout_s=timeout_s, think_s=think_s)
    targets = _targets(tuple(endpoints), api, tls)
    job = Job(
        engine=name,
        targets=targets,
        concurrency=concurrency,
        timeout_s=timeout_s,
        timing=timing,
        requests=_encoded(requests, endpoints[0], api),
        arrivals=arrivals,
        think_s=think_s,
        shuffle_seed=shuffle_seed,
        tls=_usable(endpoints[0].tls_over(api) if tls is None else tls),
        keep_answers=keep_answers,
    )
    _check_job(job, api, processes)
    return job


def make_timing(*, duration_s: float, warmup_s: float, concurrency: int, most_requests: int | None = None) -> Timing:
    """Return how long the parts of a run take.

    Raises:
        UsageError: a time that makes no sense.
    """
    _check_times(duration_s=duration_s, warmup_s=warmup_s)
    return Timing(
        duration_ns=round(duration_s * 1e9),
        warmup_bound_ns=round(warmup_s * 1e9),
        window_requests=max(16, 2 * concurrency),
        most_requests=most_requests,
    )


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
