"""Scenarios through LoadGen, against small servers; nothing here looks at how long anything took."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.extras import require_extra
from harness.errors import CheckError, ConnectionFailedError, HarnessError, UsageError
from harness.load import EncodedRequest
from harness.load.mlperf import process
from harness.measure import RequestPool, scenario
from harness.measure.scenario import Rules, run_scenario

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness import Endpoint
    from harness.results.measured import Api


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenario, "_PROBE_S", 0.05)


@pytest.fixture
def loadgen() -> None:
    """LoadGen is there, or the test is skipped."""
    require_extra("mlperf")


def _pool(api: Api) -> RequestPool:
    method = "/a/B" if api == "grpc" else "/v1/models/m:predict"
    bodies = (b"one", b"two", b"three")
    return RequestPool(
        api=api, method="predict", encoded=tuple(EncodedRequest(body=body, method=method) for body in bodies)
    )


def _rules(name: Any, **others: Any) -> Rules:
    # a latency limit that no busy machine misses
    counts = {"min_duration_s": 0.1, "min_queries": 10, "samples_per_query": 3, "in_flight": 2}
    return Rules(scenario=name, **{"target_latency_ns": 60_000_000_000, **counts, **others})


@pytest.mark.usefixtures("loadgen")
@pytest.mark.parametrize(
    ("api", "name", "metric"),
    [  # the tests below run the other scenarios over the other API
        ("grpc", "SingleStream", "90.0th percentile latency (ns)"),
        ("grpc", "MultiStream", "99.0th percentile latency (ns)"),
        ("rest", "Server", "Completed samples per second"),
        ("grpc", "Offline", "Samples per second"),
    ],
)
def test_a_scenario_runs(api: Api, name: Any, metric: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Each scenario ends with LoadGen's verdict, its metric, and every request answered well; its logs are kept."""
    endpoint = request.getfixturevalue("grpc_server" if api == "grpc" else "http_server")()

    row = run_scenario(endpoint, _pool(api), _rules(name), rate_per_s=100.0, warmup_s=0, keep_logs=tmp_path / "logs")

    assert (row.model, row.api, row.scenario, row.metric) == ("m", api, name, metric)
    assert row.value > 0
    assert row.n >= (1 if name == "Offline" else 10)
    assert row.checks["All requests answered well"] == "Yes"
    assert row.checks["Min queries satisfied"] == "Yes"
    assert row.numbers["Requests answered"] >= row.n * (3 if name == "MultiStream" else 1)
    assert (tmp_path / "logs" / f"mlperf-{api}-{name}" / "mlperf_log_summary.txt").is_file()


@pytest.mark.usefixtures("loadgen")
def test_the_samples_are_all_requests_of_the_pool(http_server: Callable[..., Endpoint]) -> None:
    """LoadGen draws from every request of the pool."""
    seen: set[bytes] = set()

    def answer(_number: int, _path: str, body: bytes) -> tuple[int, bytes]:
        seen.add(body)
        return 200, body

    run_scenario(http_server(answer), _pool("rest"), _rules("Offline", min_duration_s=0.05), warmup_s=0)

    assert seen == {b"one", b"two", b"three"}


@pytest.mark.usefixtures("loadgen")
def test_failed_answers_make_a_run_not_valid(http_server: Callable[..., Endpoint]) -> None:
    """LoadGen sees no errors; the row counts them, says so first, and is not valid."""
    endpoint = http_server(lambda number, _path, body: (503, b"too busy") if number % 5 == 0 else (200, body))

    row = run_scenario(endpoint, _pool("rest"), _rules("SingleStream", min_queries=70), warmup_s=0)

    assert row.checks["Early stopping satisfied"] == "Yes"
    assert row.checks["All requests answered well"] == "NO"
    assert row.numbers["Requests failed"] >= 14
    assert not row.valid
    assert "HTTP 503; first message: too busy" in row.warnings[0]


@pytest.mark.usefixtures("loadgen")
def test_without_a_rate_the_server_scenario_finds_one(grpc_server: Callable[..., Endpoint]) -> None:
    """The rate is half of a closed loop's, and the row says so; and that ten queries are too few."""
    row = run_scenario(grpc_server(), _pool("grpc"), _rules("Server", min_duration_s=0.01), warmup_s=0)

    assert row.checks["Early stopping satisfied"] == "NO"
    assert row.warnings[-2].startswith("not valid: Early stopping satisfied: NO. Run unsuccessful. Processed ")
    assert "half of what a closed loop with 2 in flight reached" in row.warnings[-1]


@pytest.mark.usefixtures("loadgen")
def test_a_server_that_answers_nothing_well_is_not_given_to_loadgen(http_server: Callable[..., Endpoint]) -> None:
    """The closed loop before finds out that no request is answered well."""
    endpoint = http_server(lambda *_: (404, b"no such model"))

    with pytest.raises(CheckError, match="no such model"):
        run_scenario(endpoint, _pool("rest"), _rules("SingleStream"), warmup_s=0)


@pytest.mark.usefixtures("loadgen")
def test_a_server_that_goes_away_ends_the_run(raw_server: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its server a run has no verdict, and ends with an error that says so."""
    from harness.endpoint import Endpoint

    answered = threading.Event()

    def serve(connection: Any, number: int) -> None:
        while number == 1 and connection.recv(65_536):  # the closed loop's connection alone
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            answered.set()

    endpoint = Endpoint(grpc=None, rest=f"http://{raw_server(serve)}", model="m")
    monkeypatch.setattr(scenario, "_PROBE_S", 0.02)

    with pytest.raises(ConnectionFailedError, match="no verdict on a run without its server"):
        run_scenario(endpoint, _pool("rest"), _rules("SingleStream"), warmup_s=0)
    assert answered.is_set()


@pytest.mark.usefixtures("loadgen")
def test_ctrl_c_ends_loadgen(http_server: Callable[..., Endpoint], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in a long run ends it long before its time, and no process is left."""
    started: list[Any] = []
    popen = process.subprocess.Popen
    monkeypatch.setattr(process.subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1])

    stopped: list[bool] = []

    def answer(_number: int, _path: str, body: bytes) -> tuple[int, bytes]:
        if len(started) == 2 and not stopped:  # the first one is the closed loop's
            stopped.append(True)
            os.kill(os.getpid(), signal.SIGINT)
        return 200, body

    # The duration is not enough: LoadGen ends early if answers come much sooner than a slow closed loop let expect.
    rules = _rules("SingleStream", min_duration_s=20, min_queries=100_000)
    with pytest.raises(KeyboardInterrupt):
        run_scenario(http_server(answer), _pool("rest"), rules, warmup_s=0)

    assert started[-1].returncode == 130


@pytest.mark.usefixtures("loadgen")
def test_a_crash_of_loadgen_is_told(http_server: Callable[..., Endpoint], monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is aborted becomes an error with its signal and its last words."""
    monkeypatch.setattr(
        process, "_START", "import os, sys; sys.stderr.write('terminate called\\n'); sys.stderr.flush(); os.abort()"
    )

    with pytest.raises(HarnessError, match=r"(?s)ended by SIGABRT.*terminate called"):
        run_scenario(http_server(), _pool("rest"), _rules("SingleStream"), warmup_s=0)


def test_without_loadgen_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where LoadGen is not installed, the error says how to install it, before anything is sent."""
    from harness.endpoint import Endpoint

    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)

    with pytest.raises(UsageError, match=r"pip install 'tfserving-harness\[mlperf\]'"):
        run_scenario(Endpoint(grpc="127.0.0.1:1", rest=None, model="m"), _pool("grpc"), _rules("Server"))


def test_importing_scenarios_does_not_load_loadgen() -> None:
    """LoadGen's global state never comes into this process."""
    assert "mlperf_loadgen" not in sys.modules


@pytest.mark.usefixtures("loadgen")
def test_the_api_must_be_there() -> None:
    """A pool for an API that the endpoint does not have is refused."""
    from harness.endpoint import Endpoint

    with pytest.raises(UsageError, match="no grpc address"):
        run_scenario(Endpoint(grpc=None, rest="http://127.0.0.1:1", model="m"), _pool("grpc"), _rules("Server"))
