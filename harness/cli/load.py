"""``tfserving-harness load``: how many requests a second, and how long each takes, at one or several concurrencies."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console

from harness.checks import guess_inputs
from harness.checks.parity import rest_obstacle
from harness.cli.main import INTERRUPTED
from harness.cli.record import Record, add_report_option
from harness.cli.server_options import PREDICT, Once, add_server_options, positive, served
from harness.clients import GrpcClient, RestClient
from harness.errors import UsageError
from harness.load import ServerUsage, run_load
from harness.option_values import seconds
from harness.signatures import DEFAULT_SIGNATURE, pick_signature
from harness.surroundings import backend_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from harness.endpoint import Endpoint
    from harness.load import LoadResult
    from harness.results.measured import Api
    from harness.servers import Server

__all__ = ["add_options", "run"]

_DEFAULT_DURATION, _DEFAULT_WARMUP = "5", "15"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add_server_options(parser)
    parser.add_argument(
        "--api", action=Once, choices=("grpc", "rest", "both"), default="both", help="what to call (default: both)"
    )
    parser.add_argument("--concurrency", action=Once, default="1,8", help="requests in flight, e.g. 1,2,4,8")
    parser.add_argument("--duration", action=Once, help="measured seconds each (default: 5)")
    parser.add_argument("--warmup", action=Once, help="seconds the warm-up may take at most (default: 15)")
    parser.add_argument(
        "--batch-size", action=Once, type=positive, default=1, help="examples in a request (default: 1)"
    )
    parser.add_argument("--signature", action=Once, default=DEFAULT_SIGNATURE, help="the signature to call")
    add_report_option(parser)


def run(options: argparse.Namespace) -> int:
    """Measure; 1 if requests failed, 130 if Ctrl-C cut it short. What was measured is reported all the same."""
    record = Record(options)
    concurrencies = _concurrencies(options.concurrency)
    duration_s = seconds(_DEFAULT_DURATION if options.duration is None else options.duration, "--duration")
    warmup_s = seconds(_DEFAULT_WARMUP if options.warmup is None else options.warmup, "--warmup")
    load = partial(run_load, duration_s=duration_s, warmup_s=warmup_s)
    results: list[LoadResult] = []
    with served(options) as server:
        for result in _measure(server, options, concurrencies, load):
            results.append(result)
            if result.ended != "completed":
                break
        backend = backend_of(server)
    interrupted = any(result.ended == "interrupted" for result in results)
    rows = tuple(result.throughput(batch_size=options.batch_size) for result in results)
    record.finish(interrupted=interrupted, backend=backend, throughput=rows)
    if interrupted:
        return INTERRUPTED
    return 1 if any(result.errors or result.ended != "completed" or not result.n for result in results) else 0


def _measure(
    server: Server, options: argparse.Namespace, concurrencies: list[int], load: Callable[..., LoadResult]
) -> Iterator[LoadResult]:
    endpoint = server.endpoint
    for api in _apis(options.api, endpoint):
        body = _body(endpoint, api, options)
        if body is None:
            continue
        for concurrency in concurrencies:
            with Console(stderr=True).status(f"{api}, {concurrency} in flight"):
                result = load(
                    endpoint,
                    [body],
                    api=api,
                    concurrency=concurrency,
                    usage=lambda: _usage(server),
                )
            yield result


def _apis(asked: str, endpoint: Endpoint) -> list[Api]:
    available: list[Api] = []
    available += ["grpc"] if endpoint.grpc is not None else []
    available += ["rest"] if endpoint.rest is not None else []
    chosen = [api for api in available if asked in ("both", api)]
    if not chosen:
        raise UsageError(f"--api {asked}: --endpoint names no {asked} address, only {available[0]}")
    return chosen


def _body(endpoint: Endpoint, api: Api, options: argparse.Namespace) -> bytes | None:
    """Return the request to send, None if this API cannot carry it and is not the one asked for.

    Raises:
        SignatureError: the model has no such signature.
        UsageError: the signature cannot be called with tensors, or not over the API that was asked for.
    """
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
            return client.encode_predict(inputs, signature_name=signature.name)
    if options.api == "rest":
        raise UsageError(f"--api rest: {obstacle}; use --api grpc")
    print(f"rest is left out: {obstacle}", file=sys.stderr)
    return None


def _usage(server: Server) -> ServerUsage | None:
    cpu_us = server.cpu_time_us()
    return None if cpu_us is None else ServerUsage(cpu_us=cpu_us, peak_memory_bytes=server.peak_memory_bytes())


def _concurrencies(text: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        raise UsageError(f"--concurrency {text!r} should be numbers above 0 with commas between, e.g. 1,2,4,8")
    return numbers
