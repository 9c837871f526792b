"""What to send: pools of encoded requests for each API that can carry them, one for each size that is varied."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from harness.checks.extents import Extent, Freedom
from harness.checks.guess import inputs_of_extent
from harness.checks.parity import rest_obstacle
from harness.checks.request import Request
from harness.cli.server_options import PREDICT, Once
from harness.clients import GrpcClient, RestClient
from harness.errors import UsageError
from harness.load import EncodedRequest
from harness.load.request import predict_method
from harness.measure import RequestPool
from harness.option_values import numbers
from harness.signatures import pick_signature

if TYPE_CHECKING:
    import argparse

    from harness.endpoint import Endpoint
    from harness.results.measured import Api
    from harness.servers import Server
    from harness.signatures import Signature

__all__ = ["add_pool_options", "batch_sizes", "payload_sizes", "pools_of"]

_DEFAULT_PAYLOADS = "1,4,16,64"


def add_pool_options(group: argparse._ArgumentGroup) -> None:
    """Add the options that say what is sent."""
    group.add_argument(
        "--batch-size", action=Once, default="1", metavar="N,N", help="examples in a request, varied if several"
    )
    group.add_argument(
        "--payload-sweep",
        action=Once,
        nargs="?",
        const=_DEFAULT_PAYLOADS,
        metavar="N,N",
        help=f"vary the size of open dimensions other than the batch (default: {_DEFAULT_PAYLOADS})",
    )


def batch_sizes(options: argparse.Namespace) -> list[int]:
    """Return the batch sizes to measure.

    Raises:
        UsageError: they are none.
    """
    return numbers(options.batch_size, "--batch-size")


def payload_sizes(options: argparse.Namespace) -> list[int]:
    """Return the sizes of open dimensions to measure; one, 1, if they are not varied.

    Raises:
        UsageError: they are none.
    """
    return [1] if options.payload_sweep is None else numbers(options.payload_sweep, "--payload-sweep")


def pools_of(server: Server, options: argparse.Namespace) -> dict[Api, tuple[RequestPool, ...]]:
    """Return what to send over each API that was asked for; REST is left out, with a word, if it cannot carry it.

    Raises:
        SignatureError: the model has no such signature.
        UsageError: the signature cannot be called with tensors, or not over the API that was asked for, or has no size
            that could be varied.
    """
    endpoint = server.endpoint
    pools = {api: _pools(endpoint, api, options) for api in _apis(options.api, endpoint)}
    return {api: several for api, several in pools.items() if several}


def _apis(asked: str, endpoint: Endpoint) -> list[Api]:
    available: list[Api] = []
    available += ["grpc"] if endpoint.grpc is not None else []
    available += ["rest"] if endpoint.rest is not None else []
    chosen = [api for api in available if asked in ("both", api)]
    if not chosen:
        raise UsageError(f"--api {asked}: --endpoint names no {asked} address, only {available[0]}")
    return chosen


def _pools(endpoint: Endpoint, api: Api, options: argparse.Namespace) -> tuple[RequestPool, ...]:
    kind = GrpcClient if api == "grpc" else RestClient
    with kind(endpoint) as client:
        signature = pick_signature(client.signatures(), options.signature)
        _refuse_unfit(signature, options)
        obstacle = rest_obstacle(signature) if api == "rest" else ""
        if not obstacle:
            extents = [
                Extent(rows=rows, open_size=size) for rows in batch_sizes(options) for size in payload_sizes(options)
            ]
            return tuple(_pool(client, api, signature, extent, seed=int(options.seed)) for extent in extents)
    if options.api == "rest":
        raise UsageError(f"--api rest: {obstacle}; use --api grpc")
    print(f"rest is left out: {obstacle}", file=sys.stderr)
    return ()


def _refuse_unfit(signature: Signature, options: argparse.Namespace) -> None:
    if signature.method_name != PREDICT:
        raise UsageError(
            f"--signature {signature.name} is for {signature.method_name}, which takes tf.Examples; load sends"
            " tensors to predict signatures"
        )
    free = Freedom.of(signature.inputs, (), takes_examples=False)
    if options.payload_sweep is not None and not free.sizes:
        raise UsageError(
            f"--payload-sweep: the inputs of {signature.name} have no open size but the batch; vary that, with"
            " --batch-size 1,8,32"
        )


def _pool(client: GrpcClient | RestClient, api: Api, signature: Signature, extent: Extent, *, seed: int) -> RequestPool:
    inputs = inputs_of_extent(signature, extent, seed=seed, texts={})
    body = client.encode_predict(inputs, signature_name=signature.name)
    size = "" if extent.open_size == 1 else f", open dimensions of {extent.open_size}"
    return RequestPool(
        api=api,
        method="predict",
        encoded=(EncodedRequest(body=body, method=predict_method(client.endpoint, api)),),
        requests=(Request(signature_name=signature.name, inputs=inputs, source="made up"),),
        source=f"made up{size}",
        batch_size=extent.rows,
    )
