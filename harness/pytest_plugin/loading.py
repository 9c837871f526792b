"""Load on the model under test, for users' own benchmarks: what its requests are, and the function that sends them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from harness.checks.extents import Extent, Freedom
from harness.checks.guess import inputs_of_extent
from harness.checks.request import Request
from harness.load import EncodedRequest
from harness.load.request import predict_method
from harness.measure import RequestPool
from harness.measure.runner import Load, Runner, RunSettings, usage_of
from harness.signatures import DEFAULT_SIGNATURE

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from harness.checks.subject import Subject
    from harness.clients import GrpcClient, RestClient
    from harness.endpoint import Endpoint
    from harness.load import Arrivals, LoadResult
    from harness.results import Throughput
    from harness.results.measured import Api
    from harness.servers import Server

__all__ = ["ServingLoad", "inputs_of"]

Asked = Mapping[str, "np.ndarray"] | bytes | EncodedRequest


@dataclass(frozen=True, kw_only=True)
class ServingLoad:
    """Sends load to one model of a server.

    Attributes:
        server: the server.
        endpoint: the model to ask.
        clients: its clients, gRPC's and REST's; None for an API that the server does not have.
        record: takes each run's row for the report.
    """

    server: Server
    endpoint: Endpoint
    clients: tuple[GrpcClient | None, RestClient | None]
    record: Callable[[Throughput], None]

    def __call__(
        self,
        requests: Asked | Sequence[Asked],
        *,
        api: Api = "grpc",
        concurrency: int = 8,
        arrivals: Arrivals | None = None,
        **settings: Any,
    ) -> LoadResult:
        """Send requests and return what they cost; skips the test if the server does not have the API.

        Args:
            requests: inputs by name for Predict, or a request's encoded bytes, or a list of such, sent in turn.
            api: ``grpc`` or ``rest``.
            concurrency: requests in flight, in closed loop.
            arrivals: the schedule of an open loop.
            **settings: fields of `harness.measure.runner.RunSettings`, e.g. ``duration_s``, ``warmup_s``.

        Raises:
            UsageError: an argument cannot be used.
            ConnectionFailedError: the server is gone.
        """
        client = self.clients[0 if api == "grpc" else 1]
        if client is None:
            pytest.skip(f"the endpoint has no {api} address")
        several = list(requests) if isinstance(requests, Sequence) and not isinstance(requests, bytes) else [requests]
        runner = Runner(endpoints=(self.endpoint,), usage=usage_of(self.server), settings=RunSettings(**settings))
        found = runner.run(self._pool(several, client, api), Load(concurrency=concurrency, arrivals=arrivals))
        self.record(found.row)
        return found.result

    def _pool(self, several: list[Asked], client: GrpcClient | RestClient, api: Api) -> RequestPool:
        asked = tuple(Request(inputs=one) for one in several if isinstance(one, Mapping))
        sizes = {request.rows for request in asked}
        return RequestPool(
            api=api,
            method="predict",
            encoded=tuple(self._encoded(one, client, api) for one in several),
            requests=asked if len(asked) == len(several) else (),
            source="the test's own",
            batch_size=sizes.pop() if len(sizes) == 1 and len(asked) == len(several) else None,
        )

    def _encoded(self, one: Asked, client: GrpcClient | RestClient, api: Api) -> EncodedRequest:
        if isinstance(one, EncodedRequest):
            return one
        body = client.encode_predict(one) if isinstance(one, Mapping) else bytes(one)
        return EncodedRequest(body=body, method=predict_method(self.endpoint, api))


def inputs_of(subject: Subject, batch_size: int, *, open_size: int | None = None) -> dict[str, np.ndarray]:
    """Return inputs of the default signature: rows of the known requests, in turn; skips the test if there are none.

    Args:
        subject: the model.
        batch_size: how many rows.
        open_size: make values up instead, and give every open dimension but the first this size.
    """
    signature = subject.signatures.get(DEFAULT_SIGNATURE)
    if signature is None or signature.method_name != "tensorflow/serving/predict":
        pytest.skip(f"the model {subject.model!r} has no {DEFAULT_SIGNATURE} for Predict")
    free = Freedom.of(signature.inputs, (), takes_examples=False)
    if open_size is not None:
        if not free.sizes:
            pytest.skip(f"the model {subject.model!r} has inputs of fixed sizes, the batch aside")
        return inputs_of_extent(signature, Extent(rows=batch_size, open_size=open_size), seed=0, texts={})
    for request in subject.requests:
        if request.signature_name == DEFAULT_SIGNATURE and request.method == "predict" and request.rows:
            if not free.rows and request.rows != batch_size:
                pytest.skip(f"the model {subject.model!r} takes batches of {request.rows} only")
            return dict(request.take([row % request.rows for row in range(batch_size)]).inputs)
    pytest.skip(f"no request with rows is known for the model {subject.model!r}; give some with --serving-examples")
