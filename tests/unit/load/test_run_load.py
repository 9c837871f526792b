from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import psutil
import pytest

from harness.endpoint import Endpoint
from harness.errors import ConnectionFailedError, HarnessError, UsageError
from harness.load import Arrivals, EncodedRequest, LoadResult, ServerUsage, engines, run_load
from harness.load.engines.address import grpc_address, rest_address
from harness.tls import Tls

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BRIEFLY: dict[str, Any] = {"duration_s": 0.2, "warmup_s": 0.0, "concurrency": 4, "timeout_s": 5.0}


def _endpoint(api: str, address: str) -> Endpoint:
    grpc_target, rest_target = (address, None) if api == "grpc" else (None, f"http://{address}")
    return Endpoint(grpc=grpc_target, rest=rest_target, model="m")


_ENGINES = [(api, engine) for api, names in engines.ENGINES.items() for engine in names]


@pytest.fixture(params=_ENGINES, ids=[engine for _, engine in _ENGINES])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Callable[..., Endpoint]]:
    """An API and what starts a server of it; both echo the body. Each engine in turn is the API's default."""
    api, engine = request.param
    monkeypatch.setitem(engines.DEFAULTS, api, engine)
    name = {"grpc": "grpc_server", "rest": "http_server"}[api]
    return api, request.getfixturevalue(name)


def test_every_request_is_answered_and_counted(server: tuple[Any, Any], counter: Any) -> None:
    """The run has samples, no error, the echo's sizes, and as many requests as the server saw."""
    api, start = server
    result = run_load(start(), [b"x" * 100, b"y" * 300], api=api, **BRIEFLY)
    assert (result.ended, result.errors, result.messages) == ("completed", {}, {})
    assert result.n == len(result.samples) > 1
    assert counter.n - len(result.samples) in range(9)  # a lane may send once more before it notices the end, or twice
    assert set(result.samples.response_bytes.tolist()) == {100, 300}
    assert result.payload_bytes == 200
    assert result.duration_s == pytest.approx(0.2)
    assert result.rate_per_s == pytest.approx(result.n / 0.2)
    assert (result.samples.done_ns > result.samples.sent_ns).all()


def test_a_number_of_requests_ends_the_run(server: tuple[Any, Any]) -> None:
    """A run of 50 requests has 50 samples, and its measured time is theirs."""
    api, start = server
    result = run_load(start(), [b"x"], api=api, **BRIEFLY | {"duration_s": 60.0, "most_requests": 50})
    assert (result.ended, len(result.samples), result.errors) == ("completed", 50, {})
    assert 0 < result.duration_s < 30


_OPEN = {"grpc": "grpc_server", "rest": "http_server"}


@pytest.mark.parametrize("api", _OPEN)
def test_open_loop_keeps_its_schedule(api: Any, request: pytest.FixtureRequest) -> None:
    """Requests are scheduled as the arrivals say, whatever the server does; latency counts from the schedule."""
    arrivals = Arrivals(rate_per_s=200, shape="constant")
    endpoint = request.getfixturevalue(_OPEN[api])()
    result = run_load(endpoint, [b"x"], api=api, arrivals=arrivals, **BRIEFLY | {"duration_s": 0.25})
    assert (result.ended, result.errors) == ("completed", {})
    assert len(result.samples) == pytest.approx(50, abs=1)
    scheduled = np.sort(result.samples.scheduled_ns)
    np.testing.assert_array_equal(np.unique(np.diff(scheduled)), [5_000_000])
    assert (result.samples.sent_ns >= result.samples.scheduled_ns).all()
    row = result.throughput()
    assert (row.loop, row.asked_rate_per_s) == ("open", 200)


@pytest.mark.parametrize("api", _OPEN)
def test_a_stalled_server_is_charged_to_every_request_it_delays(api: Any, request: pytest.FixtureRequest) -> None:
    """While the server stands still, requests go on being scheduled, and each counts for as long as it had to wait."""
    goes_on = threading.Event()

    def stand_still(number: int, *words: Any) -> Any:
        if number == 1:
            threading.Timer(0.5, goes_on.set).start()
        assert goes_on.wait(30)
        return words[0] if api == "grpc" else (200, words[1])

    endpoint = request.getfixturevalue(_OPEN[api])(stand_still)
    arrivals = Arrivals(rate_per_s=100, shape="constant")
    options = BRIEFLY | {"duration_s": 0.4, "concurrency": 1}
    result = run_load(endpoint, [b"x"], api=api, arrivals=arrivals, **options)
    assert len(result.samples) == pytest.approx(40, abs=1)
    assert (result.samples.latency_ns >= 100_000_000).sum() >= 35


@pytest.mark.parametrize(
    "options",
    [
        {"arrivals": Arrivals(rate_per_s=1)},
        {"think_s": 1.0},
        {"shuffle_seed": 0},
        {"keep_answers": 1},
        {"tls": Tls()},
        {"processes": 2},
    ],
    ids=lambda options: next(iter(options)),
)
def test_reference_engines_know_plain_closed_loops_only(options: dict[str, Any]) -> None:
    """What a reference engine does not know is refused, not left out in silence."""
    endpoint = Endpoint(grpc="127.0.0.1:1", rest=None, model="m")
    with pytest.raises(UsageError, match=f"which knows plain closed loops only, not: {next(iter(options))}"):
        run_load(endpoint, [b"x"], engine="grpc.aio", **BRIEFLY, **options)


def test_no_more_requests_are_in_flight_than_asked(server: tuple[Any, Any]) -> None:
    """At no time are more than the asked number of requests between sent and done."""
    api, start = server
    samples = run_load(start(), [b"x"], api=api, **BRIEFLY).samples
    events = sorted([(t, 1) for t in samples.sent_ns.tolist()] + [(t, -1) for t in samples.done_ns.tolist()])
    depth = deepest = 0
    for _, step in events:
        depth += step
        deepest = max(deepest, depth)
    assert 1 < deepest <= 4


def test_warm_up_is_told_and_left_out(server: tuple[Any, Any], counter: Any) -> None:
    """A bound too short for three windows gives an unsteady run whose samples lack the warm-up's requests."""
    api, start = server
    phases: list[str] = []
    result = run_load(start(), [b"x"], api=api, **BRIEFLY | {"warmup_s": 0.3}, on_phase=phases.append)
    assert phases == ["warming", "measuring", "ended"]
    assert not result.steady
    assert result.warmup_s >= 0.3
    assert 0 < len(result.samples) < counter.n


def test_grpc_errors_are_counted_by_code_and_have_no_latency(grpc_server: Any) -> None:
    """Every second request fails: both kinds are counted, and latency is of the answered only."""

    def answer(number: int, body: bytes, context: Any) -> bytes:
        if number % 2:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted")
        return body

    result = run_load(grpc_server(answer), [b"x"], **BRIEFLY)
    assert list(result.errors) == ["RESOURCE_EXHAUSTED"]
    assert result.n + result.errors["RESOURCE_EXHAUSTED"] == len(result.samples)
    assert result.samples.latency_ns.size == result.n > 0
    assert result.messages == {"RESOURCE_EXHAUSTED": "Server Threadpool Exhausted"}
    assert any("--grpc_max_threads" in warning for warning in result.warnings)


def test_http_errors_are_counted_by_status(http_server: Any) -> None:
    """A 404 is an error with the server's body as its message; the connection lives on."""
    result = run_load(
        http_server(lambda number, _path, body: (404 if number % 2 else 200, body)), [b"lost"], api="rest", **BRIEFLY
    )
    assert list(result.errors) == ["HTTP 404"]
    assert result.n > 0
    assert result.messages == {"HTTP 404": "lost"}


def test_plain_bytes_are_predict_requests_of_the_endpoints_model(
    grpc_server: Any, http_server: Any, counter: Any
) -> None:
    """Bodies go to Predict over gRPC, and over REST to the version or label the endpoint names."""
    run_load(grpc_server(), [b"x"], **BRIEFLY | {"most_requests": 1})
    assert counter.methods == {"/tensorflow.serving.PredictionService/Predict"}
    paths = set()

    def note(_number: int, path: str, body: bytes) -> tuple[int, bytes]:
        paths.add(path)
        return 200, body

    rest = http_server(note).rest
    once = BRIEFLY | {"most_requests": 1, "api": "rest"}
    for wanted in ({}, {"version": 3}, {"label": "a/b"}):
        run_load(Endpoint(grpc=None, rest=rest, model="dig its", **wanted), [b"x"], **once)
    assert paths == {
        "/v1/models/dig%20its:predict",
        "/v1/models/dig%20its/versions/3:predict",
        "/v1/models/dig%20its/labels/a%2Fb:predict",
    }


def test_requests_carry_their_own_method_and_headers(http_server: Any) -> None:
    """An encoded request is sent to its own path, below the endpoint's."""
    paths = set()

    def note(_number: int, path: str, body: bytes) -> tuple[int, bytes]:
        paths.add(path)
        return 200, body

    endpoint = http_server(note)
    request = EncodedRequest(body=b"x", method="/v1/models/m:classify?a=1", headers=(("X-Kind", "load"),))
    behind_proxy = Endpoint(grpc=None, rest=f"{endpoint.rest}/proxy/", model="m")
    assert run_load(behind_proxy, [request], api="rest", **BRIEFLY).errors == {}
    assert paths == {"/proxy/v1/models/m:classify?a=1"}


def test_large_bodies_pass_both_ways(server: tuple[Any, Any]) -> None:
    """Eight megabytes exceed gRPC's default limit and every buffer, and arrive whole."""
    api, start = server
    result = run_load(start(), [b"z" * 8_000_000], api=api, **BRIEFLY | {"timeout_s": 30.0})
    assert result.errors == {}
    assert set(result.samples.response_bytes.tolist()) == {8_000_000}


def test_connections_the_server_closes_are_opened_anew(http_server: Any) -> None:
    """A server that closes after every answer costs time, not errors."""
    options = BRIEFLY | {"duration_s": 60.0, "most_requests": 30}
    result = run_load(http_server(protocol="HTTP/1.0"), [b"x"], api="rest", **options)
    assert (result.errors, len(result.samples)) == ({}, 30)


@pytest.mark.parametrize(("api", "code"), [("grpc", "DEADLINE_EXCEEDED"), ("rest", "TIMEOUT")])
def test_a_server_that_never_answers_times_out(silent_address: str, api: Any, code: str) -> None:
    """Requests without an answer are errors after the time-out, and the run still ends."""
    result = run_load(_endpoint(api, silent_address), [b"x"], api=api, **BRIEFLY | {"timeout_s": 0.3})
    assert set(result.errors) == {code}
    assert (result.n, result.rate_per_s, result.summary()) == (0, 0.0, None)


def test_the_wrong_protocol_is_an_error_not_a_hang(grpc_server: Any, http_server: Any) -> None:
    """HTTP/1.1 to a gRPC port, and gRPC to an HTTP port, end with errors only."""
    swapped = Endpoint(grpc=http_server().rest.removeprefix("http://"), rest=f"http://{grpc_server().grpc}", model="m")
    for api in ("grpc", "rest"):
        result = run_load(swapped, [b"x"], api=api, **BRIEFLY | {"timeout_s": 0.5})
        assert result.n == 0
        assert result.errors


@pytest.mark.parametrize("api", ["grpc", "rest"])
def test_nothing_listening_is_told_at_once(closed_address: str, api: Any) -> None:
    """Without a server there is no run but an error with the address."""
    with pytest.raises(ConnectionFailedError, match=closed_address):
        run_load(_endpoint(api, closed_address), [b"x"], api=api, **BRIEFLY)


_ECHO = {
    "grpc": """
        from concurrent import futures
        import grpc
        class Echo(grpc.GenericRpcHandler):
            def service(self, details):
                return grpc.unary_unary_rpc_method_handler(lambda body, context: body)
        server = grpc.server(futures.ThreadPoolExecutor(4))
        server.add_generic_rpc_handlers((Echo(),))
        print(server.add_insecure_port("127.0.0.1:0"), flush=True)
        server.start()
        server.wait_for_termination()
    """,
    "rest": """
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
        class Echo(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            def log_message(self, *args):
                pass
        server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
        print(server.server_address[1], flush=True)
        server.serve_forever()
    """,
}


@pytest.mark.parametrize("api", ["grpc", "rest"])
def test_a_server_that_dies_ends_the_run_with_what_there_is(api: Any) -> None:
    """Killed while measured, the server ends the run early; what it had answered is kept, and it is told."""
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(_ECHO[api])], stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout
            endpoint = _endpoint(api, f"127.0.0.1:{int(server.stdout.readline())}")
            result = run_load(
                endpoint,
                [b"x"],
                api=api,
                concurrency=4,
                duration_s=60,
                warmup_s=0.2,
                on_phase=lambda phase: threading.Timer(0.3, server.kill).start() if phase == "measuring" else None,
            )
        finally:
            server.kill()
    assert result.ended == "server gone"
    assert result.duration_s < 60
    assert result.n > 0
    assert any("server gone" in warning for warning in result.warnings)
    assert sum(result.errors.values()) + result.n == len(result.samples)


def _interrupt_after(counter: Any, requests: int, found: list[psutil.Process]) -> Callable[[str], None]:
    others = set(psutil.Process().children())  # servers of other tests may go on running beside

    def on_phase(phase: str) -> None:
        if phase == "measuring":
            found.extend(set(psutil.Process().children()) - others)
            counter.wait_for_more(requests)
            signal.raise_signal(signal.SIGINT)

    return on_phase


def test_ctrl_c_keeps_what_was_measured(server: tuple[Any, Any], counter: Any) -> None:
    """Interrupted while measuring, the run returns its samples, says so, and leaves no process."""
    api, start = server
    workers: list[psutil.Process] = []
    result = run_load(
        start(), [b"x"], api=api, duration_s=60, warmup_s=0, on_phase=_interrupt_after(counter, 50, workers)
    )
    assert result.ended == "interrupted"
    assert result.n > 0
    assert 0 < result.duration_s < 60
    assert workers
    assert not any(worker.is_running() for worker in workers)


def test_a_worker_does_not_outlive_its_parent(grpc_server: Any, tmp_path: Path) -> None:
    """When the process that asked for the load is killed, the worker ends by itself."""
    code = """
        import sys
        sys.path[:] = {paths!r}
        from harness.endpoint import Endpoint
        from harness.load import run_load
        run_load(Endpoint(grpc={target!r}, rest=None, model="m"), [b"x"], duration_s=600, warmup_s=0,
                 on_phase=lambda phase: print(phase, flush=True))
    """
    code = textwrap.dedent(code).format(paths=sys.path, target=grpc_server().grpc)
    environment = {"TMPDIR": str(tmp_path), "PATH": ""}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == b"measuring\n"
        workers = psutil.Process(parent.pid).children()
        parent.kill()
        assert len(workers) == 1
        gone, alive = psutil.wait_procs(workers, timeout=30)
    assert (len(gone), alive) == (1, [])


def test_a_broken_worker_is_told_with_its_last_lines(grpc_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that meets an engine it does not know breaks; its traceback's end is in the error."""
    monkeypatch.setattr(engines, "check", lambda _api, _name: "steam")
    with pytest.raises(HarnessError, match=r"(?s)load worker exited with code 1.*its last lines.*\| "):
        run_load(grpc_server(), [b"x"], **BRIEFLY)


def test_the_servers_cost_is_divided_by_the_requests(grpc_server: Any) -> None:
    """Usage is asked when measuring begins and when it ends; its difference is per request."""
    usages = iter([ServerUsage(cpu_us=1_000), ServerUsage(cpu_us=51_000, peak_memory_bytes=77)])
    result = run_load(grpc_server(), [b"x"], **BRIEFLY, usage=lambda: next(usages))
    assert result.server_cpu_us_per_request == pytest.approx(50_000 / len(result.samples))
    assert result.server_peak_memory_bytes == 77


def test_a_cost_that_cannot_be_known_is_none(grpc_server: Any) -> None:
    """A server that cannot be asked any more has no cost, rather than a wrong one."""
    usages = iter([ServerUsage(cpu_us=1_000), None])
    result = run_load(grpc_server(), [b"x"], **BRIEFLY, usage=lambda: next(usages))
    assert (result.server_cpu_us_per_request, result.server_peak_memory_bytes) == (None, None)


def test_a_working_folder_with_other_modules_disturbs_nothing(
    grpc_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Modules of the same names in the current folder are not what the worker imports."""
    for name in ("harness.py", "numpy.py", "json.py"):
        (tmp_path / name).write_text("raise SystemExit(3)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each])
    assert run_load(grpc_server(), [b"x"], **BRIEFLY).errors == {}


def _results_rows(result: LoadResult) -> tuple[Any, Any]:
    return result.throughput(batch_size=2), result.latency(batch_size=2)


def test_rows_for_the_report_agree_with_the_run(server: tuple[Any, Any]) -> None:
    """The throughput and latency rows carry the run's own numbers."""
    api, start = server
    result = run_load(start(), [b"x" * 10], api=api, **BRIEFLY)
    throughput, latency = _results_rows(result)
    assert (throughput.n, throughput.rate_per_s, throughput.errors) == (result.n, result.rate_per_s, {})
    assert (throughput.api, throughput.concurrency, throughput.payload_bytes) == (api, 4, 10)
    assert (latency.n, latency.batch_size, latency.how) == (result.n, 2, "load")
    assert latency.percentiles == throughput.percentiles


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"concurrency": 0}, "concurrency"),
        ({"duration_s": 0}, "duration_s"),
        ({"duration_s": float("nan")}, "duration_s"),
        ({"warmup_s": -1}, "warmup_s"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"api": "soap"}, "api must be one of"),
        ({"api": "rest"}, "no rest address"),
        ({"engine": "steam"}, "no engine 'steam'"),
        ({"requests": []}, "at least one"),
        ({"requests": b"body"}, "at least one"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(options: dict[str, Any], message: str) -> None:
    """Each is refused before any process starts, with its name."""
    requests = options.pop("requests", [b"x"]) if "requests" in options else [b"x"]
    with pytest.raises(UsageError, match=message):
        run_load(Endpoint(grpc="127.0.0.1:1", rest=None, model="m"), requests, **options)


@pytest.mark.parametrize("address", ["127.0.0.1", "host:notaport", "host:99999"])
def test_addresses_that_cannot_be_read_are_refused(address: str) -> None:
    """A gRPC address needs a host and a port."""
    with pytest.raises(UsageError, match="address"):
        grpc_address(address)


def test_addresses_of_every_kind_are_read() -> None:
    """IPv6, Unix sockets, default ports and path prefixes are understood."""
    assert (grpc_address("[::1]:8500").host, grpc_address("[::1]:8500").port) == ("::1", 8500)
    assert grpc_address("unix:/tmp/s").unix_path == grpc_address("unix:///tmp/s").unix_path == "/tmp/s"  # noqa: S108 - a name only
    assert (rest_address("https://a").port, rest_address("http://a").port) == (443, 80)
    assert rest_address("http://a:1/b/").prefix == "/b"
    with pytest.raises(UsageError, match="http"):
        rest_address("a:8501")
