"""run_load: closed or open loop against one endpoint or several, from processes of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.endpoint import Endpoint
from harness.load.collecting import UsageMarks, result_of
from harness.load.preparing import make_job, make_timing
from harness.load.process import run_workers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.load.arrivals import Arrivals
    from harness.load.request import EncodedRequest
    from harness.load.result import LoadResult, ServerUsage
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
    endpoints = (endpoint,) if isinstance(endpoint, Endpoint) else tuple(endpoint)
    job = make_job(
        endpoints,
        requests,
        make_timing(duration_s=duration_s, warmup_s=warmup_s, concurrency=concurrency, most_requests=most_requests),
        api=api,
        concurrency=concurrency,
        timeout_s=timeout_s,
        engine=engine,
        arrivals=arrivals,
        think_s=think_s,
        shuffle_seed=shuffle_seed,
        tls=tls,
        keep_answers=keep_answers,
        processes=processes,
    )
    marks = UsageMarks(usage, on_phase)
    collected = run_workers(job, processes=processes, on_phase=marks.hear)
    return result_of(job, collected, marks, model=endpoints[0].model, api=api, processes=processes)
