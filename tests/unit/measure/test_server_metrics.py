"""What is read of a server's metrics: differences of pages, and notes where there are none."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.load_results import made_result
from harness.endpoint import Endpoint
from harness.measure.server_metrics import MetricsError, MetricsWatch, Reading, metrics_url, server_side
from harness.results import ServerSide
from harness.standin.monitoring import Metrics

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PATH = "/monitoring/prometheus/metrics"


def _page(metrics: Metrics) -> Reading:
    return Reading.parse(metrics.render().decode())


@contextmanager
def _serving(*answers: tuple[int, bytes]) -> Iterator[str]:
    """A web server that gives these answers, one after the other; yields its URL."""
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = left.pop(0)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _server(rest: str | None, *args: str, backend: str = "external", metrics: bool = False) -> Any:
    """As much of a server as is asked here."""
    return SimpleNamespace(
        engine=SimpleNamespace(addresses=lambda: ("127.0.0.1:1", rest)),
        spec=SimpleNamespace(args=args, metrics=metrics, model_names=("m",)),
        backend=SimpleNamespace(name=backend),
        endpoint_of=lambda model: Endpoint(grpc="127.0.0.1:1", rest=rest, model=model),
    )


def test_only_what_happened_in_between_counts() -> None:
    """Means are of the requests between two pages, of this model, this API and this method."""
    metrics = Metrics()
    metrics.observe_latency("m", "Predict", "GRPC", 10_000)
    metrics.observe_run("m", "Predict", 0.01)
    before = _page(metrics)
    for us in (100, 300):
        metrics.observe_latency("m", "Predict", "GRPC", us)
    metrics.observe_run("m", "Predict", 50e-6)
    metrics.observe_latency("m", "predict", "REST", 9_000)
    metrics.observe_latency("m", "Classify", "GRPC", 9_000)
    metrics.observe_latency("other", "Predict", "GRPC", 9_000)
    after = _page(metrics)
    found = server_side(before, after, model="m", api="grpc", method="predict")
    assert found.requests == 2
    assert found.request_latency_mean_ns == pytest.approx(200_000)
    assert found.runtime_latency_mean_ns == pytest.approx(50_000)
    assert (found.queue_mean_ns, found.batch_size_mean, found.padding_mean) == (None, None, None)
    assert server_side(before, after, model="m", api="rest", method="predict").requests == 1


def test_batches_are_told_without_their_padding() -> None:
    """Queueing is in nanoseconds; a batch of 8 of which 2 are padding holds 6 examples."""
    metrics = Metrics()
    before = _page(metrics)
    metrics.observe_latency("m", "Predict", "GRPC", 100)
    metrics.observe_queuing(2e-3)
    metrics.observe_batch(8, 2)
    metrics.observe_batch(4, 0)
    found = server_side(before, _page(metrics), model="m", api="grpc", method="predict")
    assert found.queue_mean_ns == pytest.approx(2_000_000)
    assert found.batch_size_mean == pytest.approx(5)
    assert found.padding_mean == pytest.approx(1)


def test_what_six_digits_cannot_tell_is_left_out() -> None:
    """After a billion microseconds sums go in steps of ten thousand: a mean that is made of few steps is not told."""
    metrics = Metrics()
    metrics.observe_latency("m", "Predict", "GRPC", 1_000_000_000)
    before = _page(metrics)
    metrics.observe_latency("m", "Predict", "GRPC", 30_000)
    short = server_side(before, _page(metrics), model="m", api="grpc", method="predict")
    metrics.observe_latency("m", "Predict", "GRPC", 1_970_000)
    long = server_side(before, _page(metrics), model="m", api="grpc", method="predict")
    assert (short.requests, short.request_latency_mean_ns) == (1, None)
    assert long.request_latency_mean_ns == pytest.approx(1e9, rel=0.01)


def test_a_counter_that_falls_is_a_server_started_anew() -> None:
    """Between pages of two lives of a server no difference is made."""
    metrics = Metrics()
    metrics.observe_latency("m", "Predict", "GRPC", 100)
    fresh = Metrics()
    for reading in (_page(fresh), Reading(values={})):
        with pytest.raises(MetricsError, match="started anew"):
            server_side(_page(metrics), reading, model="m", api="grpc", method="predict")


def test_no_such_request_is_said() -> None:
    """A page that counts nothing of the model, e.g. since all requests failed, says nothing of it."""
    with pytest.raises(MetricsError, match="it counted no predict of model 'm'"):
        server_side(_page(Metrics()), _page(Metrics()), model="m", api="rest", method="predict")


def test_loading_times_are_those_of_the_model() -> None:
    """TensorFlow counts microseconds by the path of the version; another model's are left out, absent ones are None."""
    page = (
        "# TYPE :tensorflow:cc:saved_model:load_latency counter\n"
        ':tensorflow:cc:saved_model:load_latency{model_path="/models/m/1"} 250000\n'
        ':tensorflow:cc:saved_model:load_latency{model_path="/models/other/1"} 9000000\n'
    )
    assert Reading.parse(page).load_s("m") == pytest.approx(0.25)
    assert Reading.parse(page).load_s("nobody") is None


@pytest.mark.parametrize(
    ("answers", "note"),
    [
        ([(404, b"")], "answers 404: the server was started without --monitoring_config_file, or shows its metrics at"),
        ([(200, b"<html>{{{")], "the page of metrics is no Prometheus text"),
        ([(200, b""), (404, b"")], "answers 404"),
        ([(200, b""), (200, b"")], "it counted no Predict"),
    ],
    ids=["absent", "another page", "gone meanwhile", "nothing counted"],
)
def test_what_cannot_be_read_is_a_note(answers: list[tuple[int, bytes]], note: str) -> None:
    """A run whose server shows no metrics, or not to its end, has no server's side, and never fails."""
    with _serving(*answers) as rest:
        watch = MetricsWatch(_server(rest))
        watch.hear("warming")
        watch.hear("measuring")
        watch.hear("ended")
    assert watch.server_side(model="m", api="grpc", method="predict") is None
    assert note in watch.note
    row = watch.on(made_result([1.0] * 5).throughput())
    assert row.server is None
    assert len([one for one in row.warnings if note in one]) == len(answers) - 1  # unexpected only if it began


def test_a_server_that_does_not_answer_is_a_note() -> None:
    """Nobody at the REST port is a note as well."""
    with _serving() as rest:
        pass
    watch = MetricsWatch(_server(rest))
    watch.look()
    assert "does not answer" in watch.note


def test_a_run_gets_what_its_server_says() -> None:
    """Read at the beginning of the measured time and at its end, the metrics end up in the run's row."""
    metrics = Metrics()
    first = metrics.render()
    metrics.observe_latency("m", "Predict", "GRPC", 100)
    with _serving((200, first), (200, metrics.render())) as rest:
        watch = MetricsWatch(_server(rest))
        for phase in ("warming", "measuring", "ended"):
            watch.hear(phase)
    row = watch.on(made_result([1.0]).throughput())
    assert row.server == ServerSide(requests=1, request_latency_mean_ns=pytest.approx(100_000))
    assert not watch.note


def test_the_page_is_where_the_servers_flags_say(tmp_path: Path) -> None:
    """The user's own config names the path, unless it lies elsewhere; an external server has the usual one."""
    config = tmp_path / "mine"
    config.write_text("prometheus_config { enable: true path: '/my/metrics' }")
    flag = "--monitoring_config_file"
    local = {"backend": "standin"}
    assert metrics_url(_server("http://h:1/", f"{flag}={config}", **local)) == "http://h:1/my/metrics"
    assert metrics_url(_server("http://h:1", f"{flag}=/in/container", **local)) == f"http://h:1{_PATH}"
    assert metrics_url(_server("http://h:1", metrics=True, **local)) == f"http://h:1{_PATH}"
    assert metrics_url(_server("http://h:1")) == f"http://h:1{_PATH}"
    for without, why in ((_server("http://h:1", **local), "without metrics"), (_server(None), "REST port only")):
        with pytest.raises(MetricsError, match=why):
            metrics_url(without)
