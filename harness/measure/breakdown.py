"""Breakdown: where the time of a call goes, by one call after the other through the steps of the harness's own clients.

    encode | network and frameworks | server, around the model | waiting for a batch | model run | decode

What lies between send and reply is measured here; how much of it the server took, its own metrics say. The rest is
neither the one nor the other: both sides' gRPC or HTTP, the kernel, the wire.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from harness.clients import GrpcClient, RestClient
from harness.measure.answers import decode_answer
from harness.measure.pool import encode_request
from harness.measure.server_metrics import MetricsWatch
from harness.results import Breakdown, Part

if TYPE_CHECKING:
    from harness.checks.request import Method
    from harness.load import EncodedRequest
    from harness.measure.pool import RequestPool
    from harness.results import ServerSide
    from harness.servers import Server

__all__ = ["DEFAULT_CALLS", "break_down", "parts_of", "send_encoded"]

DEFAULT_CALLS = 200
_WARMING_CALLS = 20


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
    watch = MetricsWatch(server)
    times_ns: list[tuple[int, int, int]] = []
    sizes: list[tuple[int, int]] = []
    with (GrpcClient if pool.api == "grpc" else RestClient)(server.endpoint) as client:
        for number in range(-_WARMING_CALLS, calls):
            if number == 0:
                times_ns.clear()
                sizes.clear()
                watch.look()
            _call(client, pool, number % len(pool.requests), times_ns, sizes)
    watch.look()
    said = watch.server_side(model=server.endpoint.model, api=pool.api, method=pool.method)
    if said is not None and said.requests != calls:
        watch.note = f"it counted {said.requests} requests and not the {calls} that were sent: somebody else calls it"
        said = None
    encode_ns, trip_ns, decode_ns = (float(mean) for mean in np.mean(times_ns, axis=0))
    row = Breakdown(
        model=server.endpoint.model,
        api=pool.api,
        method=pool.method,
        n=calls,
        parts=parts_of(encode_ns=encode_ns, trip_ns=trip_ns, decode_ns=decode_ns, said=said),
        batch_size=pool.batch_size,
        request_bytes=round(float(np.mean([sent for sent, _ in sizes]))),
        response_bytes=round(float(np.mean([got for _, got in sizes]))),
    )
    return row, watch.note


def parts_of(*, encode_ns: float, trip_ns: float, decode_ns: float, said: ServerSide | None) -> tuple[Part, ...]:
    """Return a call's parts in the order they happen, from what each took on average.

    Args:
        encode_ns: from arrays to bytes.
        trip_ns: from sending them to the reply.
        decode_ns: from bytes to arrays.
        said: what the server says of its part of the trip, None if nothing.
    """
    before, after = (
        Part(name=name, mean_ns=mean_ns, where="client")
        for name, mean_ns in (("encode", encode_ns), ("decode", decode_ns))
    )
    if said is None or said.request_latency_mean_ns is None:
        return before, Part(name="send to reply", mean_ns=trip_ns, where="network"), after
    server_ns = said.request_latency_mean_ns
    parts = [before, Part(name="network and frameworks", mean_ns=trip_ns - server_ns, where="network")]
    run_ns, queue_ns = said.runtime_latency_mean_ns, said.queue_mean_ns
    if run_ns is None:
        parts.append(Part(name="server", mean_ns=server_ns, where="server"))
    else:
        parts.append(Part(name="server around the model", mean_ns=server_ns - run_ns, where="server"))
        if queue_ns is not None:  # the server counts it as a part of the run
            parts.append(Part(name="waiting for a batch", mean_ns=queue_ns, where="server"))
        parts.append(Part(name="model run", mean_ns=run_ns - (queue_ns or 0.0), where="server"))
    return (*parts, after)


def _call(
    client: GrpcClient | RestClient,
    pool: RequestPool,
    index: int,
    times_ns: list[tuple[int, int, int]],
    sizes: list[tuple[int, int]],
) -> None:
    """Make one call and keep what its steps took, and the sizes of its bodies."""
    request = pool.requests[index]
    signature = pool.signatures[request.signature_name]
    began_ns = time.perf_counter_ns()
    encoded = encode_request(client, request)
    sent_ns = time.perf_counter_ns()
    body = send_encoded(client, encoded, pool.method)
    replied_ns = time.perf_counter_ns()
    decode_answer(body, api=pool.api, method=pool.method, signature=signature)
    times_ns.append((sent_ns - began_ns, replied_ns - sent_ns, time.perf_counter_ns() - replied_ns))
    sizes.append((len(encoded.body), len(body)))


def send_encoded(client: GrpcClient | RestClient, encoded: EncodedRequest, method: Method) -> bytes:
    """Send an encoded request through a client and return the answer's bytes.

    Raises:
        CallError: the server gave no answer.
    """
    if isinstance(client, GrpcClient):
        return client.send(method.capitalize(), encoded.body)
    return client.send(encoded.method, encoded.body)
