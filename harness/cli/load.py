"""``tfserving-harness load``: how many requests a second, and how long each takes, at one or several concurrencies."""

from __future__ import annotations

import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from harness.checks import guess_inputs
from harness.cli.server_options import Once, add_server_options, served
from harness.clients import GrpcClient, RestClient
from harness.errors import UsageError
from harness.load import ServerUsage, run_load
from harness.report import print_summary, write_report
from harness.results import Results, Run, check_writable
from harness.signatures import DEFAULT_SIGNATURE, pick_signature
from harness.surroundings import backend_of, machine, tool_versions

if TYPE_CHECKING:
    import argparse

    from harness.results import Throughput
    from harness.results.measured import Api
    from harness.servers import Server

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("load", help="measure rate and latency under load", description=__doc__)
    add_server_options(parser)
    parser.add_argument("--api", action=Once, choices=("grpc", "rest", "both"), default="both")
    parser.add_argument("--concurrency", action=Once, default="1,8", help="requests in flight, e.g. 1,2,4,8")
    parser.add_argument("--duration", action=Once, type=float, default=5.0, help="measured seconds each (default: 5)")
    parser.add_argument("--batch-size", action=Once, type=int, default=1, help="examples in a request (default: 1)")
    parser.add_argument("--signature", action=Once, default=DEFAULT_SIGNATURE, help="the signature to call")
    parser.add_argument("--report", action=Once, metavar="DIR", help="write results.json, index.html, summary.md there")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    began, created = time.monotonic(), datetime.now(timezone.utc).isoformat(timespec="seconds")
    concurrencies = _concurrencies(options.concurrency)
    if options.report is not None:
        check_writable(Path(options.report) / "results.json")
    with served(options) as server:
        rows = _measure(server, options, concurrencies)
        backend = backend_of(server)
    results = Results(
        run=Run(
            created_utc=created,
            duration_s=time.monotonic() - began,
            command=("tfserving-harness", *sys.argv[1:]),
            versions=tool_versions(),
        ),
        machine=machine(),
        backend=backend,
        throughput=tuple(rows),
    )
    print_summary(results)
    if options.report is not None:
        print(f"report: {write_report(results, directory=options.report).html}")
    return 0


def _measure(server: Server, options: argparse.Namespace, concurrencies: list[int]) -> list[Throughput]:
    endpoint = server.endpoint
    apis: list[Api] = ["grpc", "rest"] if options.api == "both" else [options.api]
    console = Console(stderr=True)
    rows = []
    for api in apis:
        kind = GrpcClient if api == "grpc" else RestClient
        with kind(endpoint) as client:
            signature = pick_signature(client.signatures(), options.signature)
            inputs = guess_inputs(signature, batch_size=options.batch_size)
            body = client.encode_predict(inputs, signature_name=signature.name)
        for concurrency in concurrencies:
            with console.status(f"{api}, {concurrency} in flight"):
                result = run_load(
                    endpoint,
                    [body],
                    api=api,
                    concurrency=concurrency,
                    duration_s=options.duration,
                    usage=lambda: _usage(server),
                )
            rows.append(result.throughput(batch_size=options.batch_size))
    return rows


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
