"""pytest-benchmark's measurements -> latency rows of the report, and its extra_info filled in."""

from __future__ import annotations

import inspect
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from harness.checks.request import Request
from harness.clients.client import BaseClient
from harness.errors import HarnessError
from harness.pytest_plugin.hooks import SERVER_USED
from harness.results import Latency
from harness.stats import summarise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pytest

    from harness.clients import GrpcClient, RestClient
    from harness.load import ServerUsage
    from harness.prediction import Prediction
    from harness.pytest_plugin.state import State

__all__ = ["record_benchmark", "time_predict"]

_NS_PER_S = 1_000_000_000


def time_predict(
    benchmark: Any,
    usage: Callable[[], ServerUsage | None],
    client: GrpcClient | RestClient,
    inputs: Mapping[str, np.ndarray],
    **options: Any,
) -> Prediction:
    """Time a client's predict with pytest-benchmark, fill in its extra_info, and return an answer.

    Args:
        benchmark: pytest-benchmark's fixture.
        usage: tells what the server has used.
        client: of the model.
        inputs: array by input name.
        **options: of ``client.predict``.

    Raises:
        CallError: the server gave no answer.
    """
    calls = 0

    def call() -> Prediction:
        nonlocal calls
        calls += 1
        return client.predict(inputs, **options)

    info = benchmark.extra_info
    info["batch_size"] = Request(inputs=inputs).rows
    info["payload_bytes"] = len(client.encode_predict(inputs))
    before = usage()
    answer: Prediction = benchmark(call)
    after = usage()
    if before is not None and after is not None:
        info["server_cpu_us_per_call"] = round((after.cpu_us - before.cpu_us) / calls, 1)  # warm-up calls among them
    return answer


def record_benchmark(item: pytest.Item, state: State) -> None:
    """Fill in the extra_info of a test's benchmark and keep its samples as a latency row.

    Nothing is done for a test without the ``benchmark`` fixture, without a client, or whose benchmark did not run.
    """
    arguments: dict[str, Any] = getattr(item, "funcargs", {})
    benchmark = arguments.get("benchmark")
    asked_for = [arguments.get(name) for name in _own_arguments(item)]
    clients = [value for value in asked_for if isinstance(value, BaseClient)]
    stats = getattr(getattr(benchmark, "stats", None), "stats", None)
    if benchmark is None or not clients or stats is None or not stats.data:
        return
    info = benchmark.extra_info
    used = [one for one in clients if one.api == info.get("api", one.api)]
    used_apis = {one.api for one in used}
    if len(used_apis) != 1:
        state.recorder.warnings.append(
            f"{item.nodeid} has both clients, so its latency cannot be told to be REST's or gRPC's:"
            " set benchmark.extra_info['api'] = 'grpc' or 'rest'"
        )
        return
    api: Literal["grpc", "rest"] = "grpc" if used_apis == {"grpc"} else "rest"
    info.setdefault("api", api)
    info.setdefault("model", used[0].endpoint.model)
    info.setdefault("backend", state.backend.name if state.backend else "unknown")
    info.setdefault("method", "predict")
    _tell_server(item, info, used[0])
    state.recorder.measured(_row(item, info, api, stats.data))


def _tell_server(item: pytest.Item, info: dict[str, Any], client: Any) -> None:
    """Note which image and which version of the model answered, as far as that is known."""
    server = item.stash.get(SERVER_USED, None)
    if server is not None and server.engine.image is not None:
        info.setdefault("image", server.engine.image)
    with suppress(HarnessError):
        available = [status.version for status in client.model_status() if status.is_available]
        if available:
            info.setdefault("model_version", max(available))


def _own_arguments(item: pytest.Item) -> list[str]:
    """Return the arguments of the test function itself, without what its fixtures ask for."""
    return list(inspect.signature(getattr(item, "function", _own_arguments)).parameters)


def _row(item: pytest.Item, info: dict[str, Any], api: Literal["grpc", "rest"], data_s: list[float]) -> Latency:
    summary = summarise(np.asarray(data_s) * _NS_PER_S)
    return Latency(
        model=info["model"],
        api=api,
        method=info["method"],
        n=summary.n,
        mean_ns=summary.mean_ns,
        median_ns=summary.median_ns,
        min_ns=summary.min_ns,
        max_ns=summary.max_ns,
        stddev_ns=summary.stddev_ns,
        percentiles=summary.percentiles,
        how="pytest-benchmark",
        batch_size=info.get("batch_size"),
        payload_bytes=info.get("payload_bytes"),
        name=item.nodeid,
    )
