"""The fixtures a test asks for: a server, clients, and places to put what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import HarnessError
from harness.findings import Finding
from harness.pytest_plugin.hooks import SERVER_USED
from harness.pytest_plugin.marks import mark_of
from harness.pytest_plugin.state import STATE
from harness.pytest_plugin.xdist import shared_servers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np

    from harness.checks.subject import Subject
    from harness.clients import GrpcClient, RestClient
    from harness.endpoint import Endpoint
    from harness.load import LoadResult, ServerUsage
    from harness.prediction import Prediction
    from harness.pytest_plugin.options import ServingConfig
    from harness.pytest_plugin.recorder import Measured
    from harness.pytest_plugin.servers import Servers
    from harness.results import Breakdown, Picture, Throughput
    from harness.servers import Server

__all__ = [
    "client",
    "endpoint",
    "grpc_client",
    "record_finding",
    "record_measurement",
    "record_picture",
    "record_throughput",
    "rest_client",
    "server",
    "server_usage",
    "serving_benchmark",
    "serving_config",
    "serving_inputs",
    "serving_load",
    "serving_model",
    "serving_pipeline",
    "serving_servers",
    "serving_subject",
]


@pytest.fixture(scope="session")
def serving_config(pytestconfig: pytest.Config) -> ServingConfig:
    """The options of the command line."""
    return pytestconfig.stash[STATE].config


@pytest.fixture(scope="session")
def serving_servers(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """The servers of this run, for fixtures that outlive one test; all are stopped at the end."""
    from harness.pytest_plugin.servers import Servers

    shared = shared_servers(pytestconfig)
    servers = Servers(pytestconfig.stash[STATE], tmp_path_factory.mktemp("served-models"), shared=shared)
    yield servers
    servers.close()


@pytest.fixture(scope="session")
def serving_model(request: pytest.FixtureRequest) -> str:
    """The name of the model under test: each of ``--model``, or of the repository's own, in turn."""
    state = request.config.stash[STATE]
    if not state.models:
        pytest.fail(
            "there is no model to serve: run pytest with --model NAME=PATH (--model NAME for a model of the server at"
            " --serving-endpoint), or define pytest_serving_models in conftest.py",
            pytrace=False,
        )
    name = str(request.param)
    if name not in state.models:  # only if something put it back after it was deselected
        pytest.skip(f"made for the model {name!r}; this run serves {', '.join(state.models)}")
    return name


@pytest.fixture
def server(request: pytest.FixtureRequest, serving_model: str, serving_servers: Servers) -> Server:
    """A ready server with the model under test; the same one for all tests that want the same flags."""
    state = request.config.stash[STATE]
    mark = mark_of(request.node)
    if mark.args and state.config.external is not None:
        pytest.skip(f"wants a server with {' '.join(mark.args)}; the one at --serving-endpoint runs already")
    models = (serving_model,) if mark.args else tuple(state.models)
    try:
        found = serving_servers.get(models, mark.args)
    except HarnessError as exc:  # its text says all; the way through the harness would bury it
        raise pytest.fail.Exception(f"{type(exc).__name__}: {exc}", pytrace=False) from None
    request.node.stash[SERVER_USED] = found
    return found


@pytest.fixture
def endpoint(server: Server, serving_model: str) -> Endpoint:
    """Where the model under test answers."""
    return server.endpoint_of(serving_model)


@pytest.fixture
def grpc_client(server: Server, serving_model: str, serving_servers: Servers) -> GrpcClient:
    """A gRPC client of the model under test."""
    found, _ = serving_servers.clients(server, serving_model)
    if found is None:
        pytest.skip("the endpoint has no gRPC address")
    return found


@pytest.fixture
def rest_client(server: Server, serving_model: str, serving_servers: Servers) -> RestClient:
    """A REST client of the model under test."""
    _, found = serving_servers.clients(server, serving_model)
    if found is None:
        pytest.skip("the endpoint has no REST address")
    return found


@pytest.fixture(params=["grpc", "rest"])
def client(request: pytest.FixtureRequest, server: Server, serving_model: str, serving_servers: Servers) -> Any:
    """Either client of the model under test: a test that asks for it runs once over each API."""
    grpc, rest = serving_servers.clients(server, serving_model)
    found = grpc if request.param == "grpc" else rest
    if found is None:
        pytest.skip(f"the endpoint has no {request.param} address")
    return found


@pytest.fixture
def serving_subject(
    request: pytest.FixtureRequest, server: Server, serving_model: str, serving_servers: Servers
) -> Subject:
    """The model under test as the built-in checks take it, with the requests to ask it."""
    from harness.checks.subject import CheckOptions

    settings = request.config.stash[STATE].config.checks
    contract, goldens = settings.contracts / f"{serving_model}.json", settings.goldens / serving_model
    options = CheckOptions(
        goldens=goldens if settings.update_goldens or goldens.is_dir() else None,
        contract=contract if settings.update_contracts or contract.is_file() else None,
        examples=settings.examples.get(serving_model),
        requests=tuple(request.config.hook.pytest_serving_requests(config=request.config, model=serving_model) or ()),
        update_contract=settings.update_contracts,
        update_goldens=settings.update_goldens,
        seed=settings.seed,
        fuzz_examples=settings.fuzz_examples,
    )
    try:
        return serving_servers.subject(server, serving_model, options)
    except HarnessError as exc:
        raise pytest.fail.Exception(f"{type(exc).__name__}: {exc}", pytrace=False) from None


@pytest.fixture
def server_usage(server: Server) -> Callable[[], ServerUsage | None]:
    """A function that returns what the server has used so far: processor time and peak memory; None if nobody knows."""
    from harness.measure.runner import usage_of

    return usage_of(server)


@pytest.fixture
def serving_inputs(serving_subject: Subject) -> Callable[..., dict[str, np.ndarray]]:
    """A function that returns inputs of the default signature: ``serving_inputs(batch_size)``, from what is known."""
    from functools import partial

    from harness.pytest_plugin.loading import inputs_of

    return partial(inputs_of, serving_subject)


@pytest.fixture
def serving_load(
    request: pytest.FixtureRequest, server: Server, serving_model: str, serving_servers: Servers
) -> Callable[..., LoadResult]:
    """A function that sends load to the model under test, puts its row into the report, and returns all of the result.

    ``serving_load(inputs, concurrency=8, duration_s=5)``; see `harness.pytest_plugin.loading.ServingLoad`.
    """
    from harness.pytest_plugin.loading import ServingLoad

    return ServingLoad(
        server=server,
        endpoint=server.endpoint_of(serving_model),
        clients=serving_servers.clients(server, serving_model),
        record=request.config.stash[STATE].recorder.measured,
    )


@pytest.fixture
def serving_pipeline(
    request: pytest.FixtureRequest, server: Server, serving_model: str
) -> Callable[..., tuple[Breakdown, ...]]:
    """A function that runs a client's own code on files, over each API, and puts into the report where its time goes.

    ``serving_pipeline(make_prediction, files, runs=50)``; see `harness.pytest_plugin.pipelines.ServingPipeline`.
    """
    from harness.pytest_plugin.pipelines import ServingPipeline

    recorder = request.config.stash[STATE].recorder
    return ServingPipeline(
        server=server,
        endpoint=server.endpoint_of(serving_model),
        record=recorder.measured,
        warn=recorder.warnings.append,
    )


@pytest.fixture
def serving_benchmark(benchmark: Any, server_usage: Callable[[], ServerUsage | None]) -> Callable[..., Prediction]:
    """A function that times ``client.predict(inputs)`` with pytest-benchmark: ``serving_benchmark(client, inputs)``.

    Batch size, size of the request and the server's processor time for a call are put into the benchmark's extra_info.
    """
    from functools import partial

    from harness.pytest_plugin.benchmarks import time_predict

    return partial(time_predict, benchmark, server_usage)


@pytest.fixture
def record_finding(request: pytest.FixtureRequest) -> Callable[[Finding | Iterable[Finding]], None]:
    """A function that puts findings into the report and fails the test if one of them is an error."""
    recorder = request.config.stash[STATE].recorder

    def record(findings: Finding | Iterable[Finding]) -> None:
        several = [findings] if isinstance(findings, Finding) else list(findings)
        recorder.findings.extend(several)
        failed = [one for one in several if one.fails]
        if failed:
            pytest.fail("\n\n".join(_text(one) for one in failed), pytrace=False)

    return record


def _text(finding: Finding) -> str:
    lines = [
        f"{finding.check} of {finding.model}: {finding.subject}",
        f"  tried:    {finding.tried}",
        f"  expected: {finding.expected}",
        f"  seen:     {finding.seen}",
    ]
    lines += [f"  picture:  {picture.caption} (--serving-report FILE shows it)" for picture in finding.pictures]
    return "\n".join([*lines, *(f"  again:    {line}" for line in finding.reproduce)])


@pytest.fixture
def record_throughput(request: pytest.FixtureRequest) -> Callable[[Throughput], None]:
    """A function that puts a throughput row into the report."""
    return request.config.stash[STATE].recorder.measured


@pytest.fixture
def record_measurement(request: pytest.FixtureRequest) -> Callable[[Measured], None]:
    """A function that puts a row of measurements of any kind into the report, see `harness.results`."""
    return request.config.stash[STATE].recorder.measured


@pytest.fixture
def record_picture(request: pytest.FixtureRequest) -> Callable[[Picture], None]:
    """A function that puts a picture into the report."""
    return request.config.stash[STATE].recorder.pictures.append
