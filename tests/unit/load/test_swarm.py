"""A master and two workers of a swarm, as processes, against a small server."""

from __future__ import annotations

from fixtures.extras import require_extra

require_extra("swarm")

# ruff: noqa: E402 - what follows needs the extra
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc

from fixtures.gateway import SECRET, gateway_to
from harness.load import EncodedRequest
from harness.measure import RequestPool
from harness.results import read_results
from harness.swarm import write_pools

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.endpoint import Endpoint

_LOCUSTFILE = Path(__file__).parents[3] / "benchmarks" / "locustfile.py"


def _locust(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "locust", "-f", str(_LOCUSTFILE), "--loglevel", "WARNING", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _swarm(tmp_path: Path, address: str, *words: str, kill_after: Callable[[], None] | None = None) -> tuple[Any, str]:
    """Run a master and two workers; return the row of its results and what the master printed."""
    request = EncodedRequest(body=b"x", method="/v1/models/m:predict")
    pools = [RequestPool(api=api, method="predict", encoded=(request,), source="1") for api in ("grpc", "rest")]
    requests = write_pools(pools, tmp_path / "requests.json")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    serving = ["--serving-endpoint", address, "--serving-model", "m", "--serving-requests", str(requests)]
    results = tmp_path / "results.json"
    ends = ["--headless", "--expect-workers", "2", "-u", "4", "-r", "4", "--stop-timeout", "5", *words]
    listen = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port]
    processes = [_locust(*listen, *ends, *serving, "--serving-results", str(results))]
    processes += [_locust("--worker", "--master-host", "127.0.0.1", "--master-port", port) for _ in range(2)]
    try:
        if kill_after is not None:
            kill_after()
            processes[1].kill()
        printed = processes[0].communicate(timeout=40)[0]
        for process in processes[1:]:
            process.communicate(timeout=30)
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert results.exists(), printed
    (row,) = read_results(results).throughput
    return row, printed


def test_two_workers_are_one_row(tmp_path: Path, grpc_server: Callable[..., Endpoint], counter: Any) -> None:
    """All requests that the server saw are counted, its errors by code, and percentiles are finer than 1 ms."""

    def answer(number: int, body: bytes, context: Any) -> bytes:
        if number % 10 == 0:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such model")
        return body

    address = grpc_server(answer).grpc or ""
    row, printed = _swarm(tmp_path, address, "-t", "1s", "--serving-rate", "100", "GrpcUser")
    assert row.n + sum(row.errors.values()) == counter.n, printed
    assert row.errors == {"NOT_FOUND": counter.n // 10}
    assert row.concurrency == 4
    assert row.warnings == ()
    assert row.percentiles[0].value_ns % 1_000_000 or row.percentiles[1].value_ns % 1_000_000


def test_a_killed_worker_is_told(tmp_path: Path, http_server: Callable[..., Endpoint], counter: Any) -> None:
    """A run whose worker died ends, and its row says that the worker's last requests are missing."""
    address = http_server().rest or ""
    row, printed = _swarm(
        tmp_path, address, "-t", "4s", "--serving-rate", "40", "RestUser", kill_after=lambda: counter.wait_for_more(20)
    )
    assert 0 < row.n <= counter.n
    assert any("lost 1 worker" in warning for warning in row.warnings), printed


def test_users_pass_a_gateway(
    tmp_path: Path, grpc_server: Callable[..., Endpoint], http_server: Callable[..., Endpoint]
) -> None:
    """Over TLS and with the header users of both APIs are answered, and the value stands in no output."""
    request = EncodedRequest(body=b"x", method="/v1/models/m:predict")
    pools = [RequestPool(api=api, method="predict", encoded=(request,), source="1") for api in ("grpc", "rest")]
    pools_file, results = write_pools(pools, tmp_path / "requests.json"), tmp_path / "results.json"
    targets = {"grpc_target": grpc_server().grpc or "", "rest_url": http_server().rest or ""}
    with gateway_to(**targets, folder=tmp_path, host="model.example") as gateway:
        swarm = _locust(
            "--headless", "-u", "2", "-r", "2", "-t", "1s", "--serving-endpoint", gateway.address,
            "--serving-model", "m", "--serving-requests", str(pools_file), "--serving-results", str(results),
            "--serving-tls-ca", str(gateway.ca), "--serving-tls-server-name", "model.example",
            "--serving-header", f"authorization={SECRET}", "--serving-rate", "50",
        )  # fmt: skip
        printed = swarm.communicate(timeout=40)[0]
    rows = read_results(results).throughput
    assert [(row.api, row.errors) for row in rows] == [("grpc", {}), ("rest", {})], printed
    assert all(row.n for row in rows)
    assert SECRET not in printed + results.read_text()
