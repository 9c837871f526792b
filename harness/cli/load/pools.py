"""What to send: a pool of encoded requests for each API that can carry them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from urllib.parse import quote

from harness.checks import guess_inputs
from harness.checks.parity import rest_obstacle
from harness.checks.request import Request
from harness.cli.server_options import PREDICT
from harness.clients import GrpcClient, RestClient
from harness.errors import UsageError
from harness.load import EncodedRequest
from harness.measure import RequestPool
from harness.signatures import pick_signature

if TYPE_CHECKING:
    import argparse

    from harness.endpoint import Endpoint
    from harness.results.measured import Api
    from harness.servers import Server

__all__ = ["pools_of"]


def pools_of(server: Server, options: argparse.Namespace) -> dict[Api, RequestPool]:
    """Return what to send over each API that was asked for; REST is left out, with a word, if it cannot carry it.

    Raises:
        SignatureError: the model has no such signature.
        UsageError: the signature cannot be called with tensors, or not over the API that was asked for.
    """
    endpoint = server.endpoint
    pools = {api: _pool(endpoint, api, options) for api in _apis(options.api, endpoint)}
    return {api: pool for api, pool in pools.items() if pool is not None}


def _apis(asked: str, endpoint: Endpoint) -> list[Api]:
    available: list[Api] = []
    available += ["grpc"] if endpoint.grpc is not None else []
    available += ["rest"] if endpoint.rest is not None else []
    chosen = [api for api in available if asked in ("both", api)]
    if not chosen:
        raise UsageError(f"--api {asked}: --endpoint names no {asked} address, only {available[0]}")
    return chosen


def _method(endpoint: Endpoint, api: Api) -> str:
    if api == "grpc":
        return "/tensorflow.serving.PredictionService/Predict"
    return f"/v1/models/{quote(endpoint.model, safe='')}:predict"


def _pool(endpoint: Endpoint, api: Api, options: argparse.Namespace) -> RequestPool | None:
    kind = GrpcClient if api == "grpc" else RestClient
    with kind(endpoint) as client:
        signature = pick_signature(client.signatures(), options.signature)
        if signature.method_name != PREDICT:
            raise UsageError(
                f"--signature {signature.name} is for {signature.method_name}, which takes tf.Examples; load sends"
                " tensors to predict signatures"
            )
        obstacle = rest_obstacle(signature) if api == "rest" else ""
        if not obstacle:
            inputs = guess_inputs(signature, batch_size=options.batch_size)
            body = client.encode_predict(inputs, signature_name=signature.name)
            return RequestPool(
                api=api,
                method="predict",
                encoded=(EncodedRequest(body=body, method=_method(endpoint, api)),),
                requests=(Request(signature_name=signature.name, inputs=inputs, source="made up"),),
                source="made up",
                batch_size=options.batch_size,
            )
    if options.api == "rest":
        raise UsageError(f"--api rest: {obstacle}; use --api grpc")
    print(f"rest is left out: {obstacle}", file=sys.stderr)
    return None
