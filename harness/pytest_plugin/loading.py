"""Load on the model under test, for users' own benchmarks: what its requests are, and the function that sends them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pytest

from harness.checks.extents import Extent, Freedom
from harness.checks.guess import inputs_of_extent
from harness.checks.request import Request
from harness.errors import UsageError
from harness.load import EncodedRequest
from harness.load.request import predict_method
from harness.measure import RequestPool, make_pool
from harness.measure.runner import Load, Runner, RunSettings, usage_of
from harness.measure.server_metrics import MetricsWatch
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

Asked = Mapping[str, "np.ndarray"] | Request | bytes | EncodedRequest

_SOURCE = "the test's own"


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
        requests: Asked | Sequence[Asked] | RequestPool,
        *,
        api: Api = "grpc",
        concurrency: int = 8,
        arrivals: Arrivals | None = None,
        **settings: Any,
    ) -> LoadResult:
        """Send requests and return what they cost; skips the test if the server does not have the API.

        Args:
            requests: inputs by name for Predict, a `harness.checks.request.Request`, or a request's encoded bytes; or
                a list of such, sent in turn; or a pool of requests.
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
        pool = requests if isinstance(requests, RequestPool) else self._pool(requests, client, api)
        runner = Runner(
            endpoints=(self.endpoint,),
            usage=usage_of(self.server),
            settings=RunSettings(**settings),
            observe=partial(MetricsWatch, self.server),
        )
        found = runner.run(pool, Load(concurrency=concurrency, arrivals=arrivals))
        self.record(found.row)
        return found.result

    def _pool(self, asked: Asked | Sequence[Asked], client: GrpcClient | RestClient, api: Api) -> RequestPool:
        several = list(asked) if isinstance(asked, Sequence) and not isinstance(asked, bytes) else [asked]
        encoded = [self._encoded(one, api) for one in several if isinstance(one, bytes | EncodedRequest)]
        if encoded and len(encoded) == len(several):
            return RequestPool(api=api, method="predict", encoded=tuple(encoded), source=_SOURCE)
        if encoded or not several:
            raise UsageError(
                "serving_load takes inputs by name (or Requests) or encoded requests, at least one of one kind"
            )
        requests = [Request(inputs=one) if isinstance(one, Mapping) else one for one in several]
        return make_pool(client, cast("list[Request]", requests), source=_SOURCE)

    def _encoded(self, one: bytes | EncodedRequest, api: Api) -> EncodedRequest:
        if isinstance(one, EncodedRequest):
            return one
        return EncodedRequest(body=one, method=predict_method(self.endpoint, api))


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
