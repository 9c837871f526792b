"""A running stand-in with metrics: what it says of load, where a call's time goes, and cold starts played on it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.example_models import exported
from harness import GrpcClient, RestClient, serve
from harness.cli.load import cold_start as cold_start_mode
from harness.errors import UsageError
from harness.measure import pool_for
from harness.measure.breakdown import break_down, break_down_pipeline, parts_of
from harness.measure.cold_start import ColdStarting
from harness.measure.pipeline import Pipeline
from harness.measure.runner import Load, Runner, RunSettings
from harness.measure.server_metrics import MetricsWatch
from harness.measure.timed_client import TimedClient
from harness.results import ServerSide
from harness.savedmodel import write_warmup
from harness.savedmodel.copies import publish_copy
from harness.stage import Stage
from harness.stages import StageClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Server
    from harness.model_config import ModelConfig

_APIS = pytest.mark.parametrize("api", ["grpc", "rest"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """half_plus_two with three warm-up records, on a stand-in that shows metrics."""
    base_path = tmp_path_factory.mktemp("models") / "warm"
    version_dir = publish_copy(exported("half_plus_two") / "1", base_path, version=7)
    write_warmup(version_dir, [{"x": [value, value]} for value in (1.0, 2.0, 3.0)])
    with serve(base_path, backend="standin", metrics=True) as running:
        yield running


@_APIS
def test_a_run_has_what_the_server_says_of_it(server: Server, api: Any) -> None:
    """The server counts the run's requests, give or take those in flight at its ends, and its latency is below ours."""
    runner = Runner(
        endpoints=(server.endpoint,),
        settings=RunSettings(most_requests=200, warmup_s=0.0),
        observe=lambda: MetricsWatch(server),
    )
    found = runner.run(pool_for(server, api, count=2), Load(concurrency=1))
    said = found.row.server
    assert said is not None
    assert 150 <= said.requests <= 201
    ours_ns = float(found.result.samples.latency_ns.mean())
    assert 0 < (said.runtime_latency_mean_ns or 0) <= (said.request_latency_mean_ns or 0) < ours_ns
    assert not found.row.warnings


@_APIS
def test_a_call_is_taken_apart(server: Server, api: Any) -> None:
    """Client, network and server have their parts, of which none is negative, and the sizes are those on the wire."""
    pool = pool_for(server, api, count=1)
    row, note = break_down(server, pool, calls=25)
    assert note == ""
    names = ["encode request", "network and frameworks", "server around the model", "model run", "read answer"]
    assert [part.name for part in row.parts] == names
    assert [part.where for part in row.parts] == ["client", "network", "server", "server", "client"]
    assert all(part.mean_ns > 0 for part in row.parts)
    assert (row.n, row.request_bytes) == (25, pool.payload_bytes)
    assert (row.response_bytes or 0) > 10


def _twice(file: bytes, client: Any, *, clock: Any) -> float:
    with clock("read file"):
        value = float(file)
    first = client.predict({"x": [value]})["y"]
    second = client.predict({"x": first})["y"]
    with clock("add up"):
        return float(first.sum() + second.sum())


@_APIS
def test_a_pipeline_is_taken_apart(server: Server, api: Any) -> None:
    """What the client does before and after its calls stands beside their steps; together it is the whole."""
    row, note = break_down_pipeline(server, api, Pipeline(name="twice", function=_twice), [b"1", b"2.5"], runs=15)
    assert note == ""
    assert [part.name for part in row.parts] == [
        "read file",
        "encode request",
        "network and frameworks",
        "server around the model",
        "model run",
        "read answer",
        "add up",
        "client's rest",
    ]
    assert all(part.mean_ns > 0 for part in row.parts)
    assert (row.n, row.pipeline, row.method) == (15, "twice", "predict")
    assert (row.client_cpu_us or 0) > 0
    assert (row.server_cpu_us or 0) >= 0


def test_a_pipeline_without_a_call_is_refused(server: Server) -> None:
    """A pipeline that never asks the server has no call to take apart, and the error says so."""
    pipeline = Pipeline(name="idle", function=lambda file, _client, *, clock: None)  # noqa: ARG005
    with pytest.raises(UsageError, match=r"never calls client\.predict"):
        break_down_pipeline(server, "grpc", pipeline, [b""], runs=1)


@_APIS
def test_a_timed_client_answers_as_the_client_does(server: Server, api: Any) -> None:
    """The answer is the plain client's, with the version that answered where the API tells it."""
    with (GrpcClient if api == "grpc" else RestClient)(server.endpoint) as plain:
        clock = StageClock()
        timed = TimedClient(plain, clock)
        assert timed.predict({"x": [1.0, 2.0]}) == plain.predict({"x": [1.0, 2.0]})
        assert timed.model_status() == plain.model_status()
    assert (timed.calls, list(clock.stages_ns)) == (1, ["encode request", "send to reply", "read answer"])


def test_without_metrics_the_server_is_a_part_of_the_way(server: Server) -> None:
    """A server that shows none has a breakdown of three parts, and a note says why."""
    pool = pool_for(server, "grpc", count=1)
    external = type(server)(
        spec=replace(server.spec, metrics=False), backend=server.backend, engine=_NotOurs(server.engine)
    )
    row, note = break_down(external, pool, calls=3)
    assert [part.name for part in row.parts] == ["encode request", "send to reply", "read answer"]
    assert "without metrics" in note


class _NotOurs:
    """An engine that is not stopped by a second server around it."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def stop(self) -> None: ...


def test_parts_add_up() -> None:
    """With batching the wait for a batch is taken out of the model's run; together the parts are the whole call."""
    said = ServerSide(requests=1, request_latency_mean_ns=60.0, runtime_latency_mean_ns=50.0, queue_mean_ns=20.0)
    stages_ns = {"decode image": 5.0, "encode request": 1.0, "send to reply": 100.0, "read answer": 2.0}
    assert {part.name: part.mean_ns for part in parts_of(stages_ns, said)} == {
        "decode image": 5.0,
        "encode request": 1.0,
        "network and frameworks": 40.0,
        "server around the model": 10.0,
        "waiting for a batch": 20.0,
        "model run": 30.0,
        "read answer": 2.0,
    }
    bare = parts_of(stages_ns, replace(said, runtime_latency_mean_ns=None))
    assert [part.name for part in bare[2:4]] == ["network and frameworks", "server"]


def test_a_server_that_is_called_twice_has_twice_its_time() -> None:
    """Of a pipeline with two calls the server's mean for a call counts twice, and the network is what is left."""
    said = ServerSide(requests=2, request_latency_mean_ns=30.0, runtime_latency_mean_ns=20.0)
    parts = parts_of({"send to reply": 100.0}, said, calls=2.0)
    assert [part.mean_ns for part in parts] == [40.0, 20.0, 40.0]


@dataclass(frozen=True, kw_only=True)
class _Played(Stage):
    """A stage whose servers are the one that runs; it notes what it was to serve, and gets Ctrl-C after so many."""

    at_hand: Server
    most_starts: int = 99
    started: list[Any] = field(default_factory=list)

    @contextmanager
    def server(self, *models: ModelConfig, **_: Any) -> Iterator[Server]:
        """Yield the running server, and note which versions were to be served, and whether with warm-up records."""
        if len(self.started) == self.most_starts:
            raise KeyboardInterrupt
        versions = sorted(Path(models[0].base_path).iterdir())
        files = [(one.name, (one / "assets.extra/tf_serving_warmup_requests").exists()) for one in versions]
        self.started.append(files)
        yield self.at_hand


def _played(server: Server, **given: Any) -> _Played:
    return _Played(spec=server.spec, choice=server.backend, model=server.spec.models[0], at_hand=server, **given)


def test_cold_starts_with_and_without_records_alternate(server: Server) -> None:
    """Each kind is started as often as asked for, in turn, under the version's own number; each start has its times."""
    stage = _played(server)
    starting = ColdStarting(server=server, stage=stage, pool=pool_for(server, "rest", count=2), runs=2)
    with_records, without = starting.run()
    assert stage.started == [[("7", True)], [("7", False)]] * 2
    assert (with_records.warmup_records, without.warmup_records) == (3, 0)
    for row in (with_records, without):
        assert (row.runs, len(row.ready_s), len(row.first_ns), len(row.later_ns)) == (2, 2, 2, 2)
        assert all(value > 0 for value in (*row.ready_s, *row.first_ns, *row.later_ns))
        assert row.load_s == ()  # the stand-in has no such metric


def test_ctrl_c_keeps_the_starts_that_were_made(server: Server) -> None:
    """The command yields the rows of what was started before Ctrl-C, which then goes on."""
    context: Any = _Context(server, _played(server, most_starts=1))
    rows = cold_start_mode.run(context)
    row = next(rows)
    assert (row.runs, row.warmup_records) == (1, 3)
    with pytest.raises(KeyboardInterrupt):
        next(rows)


class _Context:
    def __init__(self, server: Server, stage: Stage) -> None:
        from argparse import Namespace

        from rich.console import Console

        self.server, self.stage = server, stage
        self.options = Namespace(cold_start=2, tags=None)
        self.console = Console(file=None, quiet=True)
        self.every_pool = (pool_for(server, "grpc", count=1),)


def test_a_server_of_somebody_else_has_no_cold_start(server: Server) -> None:
    """Without a stage nothing can be started, and the error says what to give."""
    starting = ColdStarting(server=server, stage=None, pool=pool_for(server, "grpc", count=1), runs=1)
    with pytest.raises(UsageError, match="give the PATH of the model"):
        starting.run()
