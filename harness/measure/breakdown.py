"""Breakdown: where the time of a call goes, by one call after the other through the steps of the harness's own clients.

    encode request | network and frameworks | server around the model | waiting for a batch | model run | read answer

and, for a pipeline, what its client does before and after them, e.g. decode an image file and draw what was found.
What lies between send and reply is measured here; how much of it the server took, its own metrics say. The rest is
neither the one nor the other: both sides' gRPC or HTTP, the kernel, the wire.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.clients import GrpcClient, RestClient, open_client
from harness.errors import UsageError
from harness.measure.runner import usage_of
from harness.measure.server_metrics import MetricsWatch
from harness.measure.timed_client import TRIP, TimedClient
from harness.results import Breakdown, Part
from harness.stages import StageClock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.checks.request import Method
    from harness.endpoint import Endpoint
    from harness.measure.pipeline import Pipeline
    from harness.measure.pool import RequestPool
    from harness.results import ServerSide
    from harness.results.measured import Api
    from harness.servers import Server

    _Do = Callable[[TimedClient, StageClock, int], Any]

__all__ = ["DEFAULT_CALLS", "break_down", "break_down_pipeline", "parts_of"]

DEFAULT_CALLS = 200
_WARMING_ROUNDS = 20
_REST = "client's rest"


def break_down(server: Server, pool: RequestPool, *, calls: int = DEFAULT_CALLS) -> tuple[Breakdown, str]:
    """Call a model so many times, one call after the other, and return where their time went.

    Args:
        server: it runs; nobody else should call it meanwhile.
        pool: what to send, in turn.
        calls: how many are measured; 20 before them are not.

    Returns:
        The row, and why the server's part in it is not told, empty if it is.

    Raises:
        CallError: the server gave no answer.
        TensorError: an answer that cannot be read.
    """
    requests = pool.requests
    work = _Work(server=server, endpoint=server.endpoint, api=pool.api, method=pool.method)
    done = work.measure(calls, lambda client, _, number: client.call(requests[number % len(requests)]))
    return done.row(parts_of(done.stages_ns, done.said), batch_size=pool.batch_size), done.note


def break_down_pipeline(
    server: Server,
    api: Api,
    pipeline: Pipeline,
    files: Sequence[bytes],
    *,
    runs: int = DEFAULT_CALLS,
    endpoint: Endpoint | None = None,
) -> tuple[Breakdown, str]:
    """Run a client's pipeline so many times, one run after the other, and return where its time went.

    Args:
        server: it runs; nobody else should call it meanwhile.
        api: over which it is called.
        pipeline: the client's code.
        files: what it is given, in turn.
        runs: how many are measured; 20 before them are not.
        endpoint: of the model, if the server has several; None for its first.

    Returns:
        The row, and why the server's part in it is not told, empty if it is.

    Raises:
        UsageError: the pipeline makes no call of ``predict``.
        CallError: the server gave no answer.
    """
    work = _Work(server=server, endpoint=endpoint or server.endpoint, api=api, method="predict")
    done = work.measure(
        runs, lambda client, clock, number: pipeline.run(files[number % len(files)], client, clock=clock)
    )
    stages_ns = done.stages_ns
    rest_ns = done.wall_ns / runs - sum(stages_ns.values())
    parts = parts_of({**stages_ns, _REST: rest_ns}, done.said, calls=done.client.calls / runs)
    return done.row(parts, pipeline=pipeline.name), done.note


def parts_of(stages_ns: Mapping[str, float], said: ServerSide | None, *, calls: float = 1.0) -> tuple[Part, ...]:
    """Return the parts in the order they happen, with what the server says of its own put where the trip to it is.

    Args:
        stages_ns: mean time of each stage on the client, among them the trip.
        said: what the server says of a call, None if nothing.
        calls: of the server, on average.
    """
    parts: list[Part] = []
    for name, mean_ns in stages_ns.items():
        if name == TRIP:
            parts += _trip(mean_ns, said, calls)
        else:
            parts.append(Part(name=name, mean_ns=mean_ns, where="client"))
    return tuple(parts)


def _trip(trip_ns: float, said: ServerSide | None, calls: float) -> list[Part]:
    if said is None or said.request_latency_mean_ns is None:
        return [Part(name=TRIP, mean_ns=trip_ns, where="network")]
    server_ns = said.request_latency_mean_ns * calls
    parts = [Part(name="network and frameworks", mean_ns=trip_ns - server_ns, where="network")]
    if said.runtime_latency_mean_ns is None:
        return [*parts, Part(name="server", mean_ns=server_ns, where="server")]
    run_ns = said.runtime_latency_mean_ns * calls
    parts.append(Part(name="server around the model", mean_ns=server_ns - run_ns, where="server"))
    queue_ns = (said.queue_mean_ns or 0.0) * calls
    if said.queue_mean_ns is not None:  # the server counts it as a part of the run
        parts.append(Part(name="waiting for a batch", mean_ns=queue_ns, where="server"))
    return [*parts, Part(name="model run", mean_ns=run_ns - queue_ns, where="server")]


@dataclass(frozen=True, kw_only=True)
class _Rounds:
    """What some rounds of work took.

    Attributes:
        rounds: how many.
        client: through which they called the server.
        clock: that counted their stages.
        wall_ns: time of all rounds together.
        client_cpu_us: processor time of this process.
        server_cpu_us: and of the server, None if not known.
        method: of the calls.
        said: what the server says of a call, None if nothing.
        note: why it says nothing, empty if it does.
    """

    rounds: int
    client: TimedClient
    clock: StageClock
    wall_ns: int
    client_cpu_us: float
    server_cpu_us: float | None
    method: str
    said: ServerSide | None
    note: str

    @property
    def stages_ns(self) -> dict[str, float]:
        """Mean time of each stage in a round."""
        return {name: ns / self.rounds for name, ns in self.clock.stages_ns.items()}

    def row(self, parts: tuple[Part, ...], *, batch_size: int | None = None, pipeline: str = "") -> Breakdown:
        """Return the row of these parts."""
        return Breakdown(
            model=self.client.endpoint.model,
            api=self.client.api,
            method=self.method,
            n=self.rounds,
            parts=parts,
            batch_size=batch_size,
            request_bytes=round(self.client.request_bytes / self.client.calls),
            response_bytes=round(self.client.response_bytes / self.client.calls),
            pipeline=pipeline,
            client_cpu_us=self.client_cpu_us / self.rounds,
            server_cpu_us=None if self.server_cpu_us is None else self.server_cpu_us / self.rounds,
        )


def _repeat(work: _Do, plain: GrpcClient | RestClient, rounds: int) -> tuple[TimedClient, StageClock]:
    clock = StageClock()
    client = TimedClient(plain, clock)
    for number in range(rounds):
        work(client, clock, number)
    return client, clock


@dataclass(frozen=True, kw_only=True)
class _Work:
    """What calls go to."""

    server: Server
    endpoint: Endpoint
    api: Api
    method: Method

    def measure(self, rounds: int, do: _Do) -> _Rounds:
        """Do the work so many times, after as much of it as warms both sides up."""
        watch, usage = MetricsWatch(self.server), usage_of(self.server)
        with open_client(self.endpoint, self.api) as plain:
            _repeat(do, plain, _WARMING_ROUNDS)
            watch.look()
            used, own_ns, began_ns = usage(), time.process_time_ns(), time.perf_counter_ns()
            client, clock = _repeat(do, plain, rounds)
            wall_ns, own_ns = time.perf_counter_ns() - began_ns, time.process_time_ns() - own_ns
            now_used = usage()
        watch.look()
        if not client.calls:
            raise UsageError("what was to be broken down never calls client.predict: there is no call in it")
        said = self._said(watch, client.calls)
        return _Rounds(
            rounds=rounds,
            client=client,
            clock=clock,
            wall_ns=wall_ns,
            client_cpu_us=own_ns / 1e3,
            server_cpu_us=None if used is None or now_used is None else float(now_used.cpu_us - used.cpu_us),
            method=self.method,
            said=said,
            note=watch.note,
        )

    def _said(self, watch: MetricsWatch, calls: int) -> ServerSide | None:
        """Return what the server says of these calls, None if it says nothing or counts others."""
        said = watch.server_side(model=self.endpoint.model, api=self.api, method=self.method)
        if said is None or said.requests == calls:
            return said
        watch.note = f"it counted {said.requests} requests and not the {calls} that were sent: somebody else calls it"
        return None
