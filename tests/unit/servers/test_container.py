"""The container backend on a real Docker engine: what it serves, how, and what it tells of itself."""

from __future__ import annotations

import gc
import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import requests
from testcontainers.core.labels import LABEL_SESSION_ID, SESSION_ID

from harness.clients import GrpcClient, RestClient
from harness.errors import CallError
from harness.model_config import ModelConfig
from harness.servers import start
from harness.servers.container_options import ContainerOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import docker

    from harness.servers import Server


@pytest.fixture(scope="module")
def versions(half_plus_two: ModelConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base path with version 1 only, which may get more."""
    base_path = tmp_path_factory.mktemp("models") / "growing"
    shutil.copytree(Path(half_plus_two.base_path) / "1", base_path / "1")
    return base_path


@pytest.fixture(scope="module")
def network(engine: docker.DockerClient) -> Iterator[str]:
    """A network of the user's."""
    made = engine.networks.create(f"tfserving-{os.getpid()}")
    yield made.name
    made.remove()


@pytest.fixture(scope="module")
def limited(
    image: str, host_folders: tuple[str, ...], versions: Path, network: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A container with limits, a name on a network and a kept log, shared by the tests that do not end it."""
    import harness
    from harness.servers import ServerSpec

    options = ContainerOptions(
        cpu_set="0", memory="2g", network=network, network_alias="tf", platform="linux/amd64", model_transfer="mount"
    )
    spec = ServerSpec(
        models=(ModelConfig(name="growing", base_path=str(versions)),),
        backend="container",
        image=image,
        mounts=tuple((folder, folder) for folder in host_folders),
        environment={"PYTHONPATH": str(Path(harness.__file__).parents[1]), "MARK": "seen"},
        container=options,
        metrics=True,
        log_directory=tmp_path_factory.mktemp("logs"),
        ready_timeout_s=30,
    )
    with start(spec) as server:
        yield server


def test_both_apis_answer(limited: Server) -> None:
    """A container answers over gRPC and REST on ports of the loopback interface."""
    with GrpcClient(limited.endpoint) as grpc, RestClient(limited.endpoint) as rest:
        assert grpc.predict({"x": [2.0]})["y"].tolist() == rest.predict({"x": [2.0]})["y"].tolist() == [3.0]
    assert str(limited.endpoint.grpc).startswith("127.0.0.1:")


def test_docker_shows_what_was_asked_for(engine: docker.DockerClient, limited: Server, network: str) -> None:
    """Name, labels, limits, environment, mounts and published addresses are those of the spec."""
    found = engine.containers.get(limited.engine.name)  # type: ignore[attr-defined]
    host = found.attrs["HostConfig"]
    assert found.name.startswith("tfserving-growing-")
    assert found.labels["tfserving-harness"] == "server"
    assert found.labels[LABEL_SESSION_ID] == SESSION_ID  # by which testcontainers' reaper finds it
    assert (host["CpusetCpus"], host["Memory"], host["MemorySwap"]) == ("0", 2 * 2**30, 2 * 2**30)
    assert "MARK=seen" in found.attrs["Config"]["Env"]
    assert all(not mount["RW"] for mount in found.attrs["Mounts"])
    assert "tf" in found.attrs["NetworkSettings"]["Networks"][network]["Aliases"]
    assert {binding[0]["HostIp"] for binding in found.ports.values()} == {"127.0.0.1"}


def test_the_image_is_named_with_its_digest(limited: Server) -> None:
    """The report can tell exactly which image served."""
    assert "@sha256:" in str(limited.engine.image) or "(sha256:" in str(limited.engine.image)


def test_usage_is_known_and_never_falls(limited: Server) -> None:
    """CPU time and peak memory come from the container's control group or the engine, and only rise."""
    first = (limited.cpu_time_us() or 0, limited.peak_memory_bytes() or 0)
    second = (limited.cpu_time_us() or 0, limited.peak_memory_bytes() or 0)
    assert first[0] > 1000
    assert first[1] > 2**20
    assert second >= first


def test_metrics_are_shown_and_memory_is_told(limited: Server) -> None:
    """A container that was to show metrics shows them; its memory now is known."""
    _, rest = limited.engine.addresses()
    page = requests.get(f"{rest}/monitoring/prometheus/metrics", timeout=10)
    assert ":tensorflow:serving:request_count" in page.text
    assert 2**20 < (limited.memory_bytes() or 0) <= (limited.peak_memory_bytes() or 0)


def test_the_engines_figures_serve_where_the_control_group_is_hidden(
    limited: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a remote engine the figures come from its statistics, and agree with the kernel's in kind."""
    monkeypatch.setattr("harness.servers.container.group_of", lambda *_: None)
    assert (limited.cpu_time_us() or 0) > 1000
    assert (limited.peak_memory_bytes() or 0) > 2**20


def test_a_new_version_on_this_machine_is_picked_up(
    limited: Server, versions: Path, half_plus_two: ModelConfig
) -> None:
    """A version written into the mounted directory is served without a restart."""
    shutil.copytree(Path(half_plus_two.base_path) / "2", versions / "incoming")
    (versions / "incoming").rename(versions / "2")
    limited.wait_until_ready()
    with GrpcClient(limited.endpoint) as client:
        assert client.predict({"x": [0.0]}).model_version == 2


def test_a_config_is_reloaded_with_paths_as_the_server_sees_them(limited: Server) -> None:
    """A model's config for the reload RPC names the directory in the container, not ours."""
    (model,) = limited.spec.models
    inside = limited.inside(replace(model, policy="all"))
    assert (inside.name, inside.base_path, inside.policy) == ("growing", "/models/growing", "all")
    with GrpcClient(limited.endpoint) as client:
        client.reload_config([inside])
        client.reload_config([limited.inside(model)])
        assert client.predict({"x": [0.0]}).model_version


def test_pause_and_resume(limited: Server) -> None:
    """A paused container answers nothing and is no ended one; a resumed one answers again."""
    with GrpcClient(limited.endpoint) as client:
        client.predict({"x": [2.0]})
        limited.pause()
        limited.pause()
        assert limited.is_running
        with pytest.raises(CallError):
            client.predict({"x": [2.0]}, timeout_s=0.3)
        limited.resume()
        assert client.predict({"x": [2.0]}, timeout_s=10)["y"].size == 1


def test_a_kill_ends_requests_in_flight(limited: Server) -> None:
    """A killed server breaks its calls at once and is seen as ended; a restart keeps its ports, its log goes on."""
    limited.wait_until_ready()
    before = limited.endpoint
    errors: list[Exception] = []

    def call_until_it_breaks() -> None:
        with GrpcClient(limited.endpoint) as client:
            try:
                while True:
                    client.predict({"x": [2.0]}, timeout_s=30)
            except CallError as exc:
                errors.append(exc)

    thread = threading.Thread(target=call_until_it_breaks)
    thread.start()
    limited.kill()
    limited.kill()
    limited.pause()
    limited.resume()
    thread.join(20)
    assert len(errors) == 1
    assert "with code 137 (SIGKILL)" in str(limited.engine.exit_text())
    limited.restart()
    assert limited.endpoint == before
    with GrpcClient(before) as client:
        client.predict({"x": [2.0]})
    assert limited.log().count("Running gRPC ModelServer") == 2
    directory = limited.spec.log_directory
    assert directory is not None
    assert any("Running gRPC ModelServer" in path.read_text() for path in directory.iterdir())


@pytest.mark.usefixtures("limited")  # so that everything is loaded that stays loaded
def test_a_start_and_a_stop_use_nothing_up(in_container: Callable[..., Any], quick: str) -> None:
    """Neither descriptors nor threads nor child processes become more with each server."""

    def in_use() -> tuple[int, int, int]:
        gc.collect()
        me = psutil.Process()
        return me.num_fds(), threading.active_count(), len(me.children())

    before = in_use()
    start(in_container(instead=quick)).stop()
    assert in_use() == before


def test_several_models_are_copied_in(
    half_plus_two: ModelConfig, in_container: Callable[..., Any], containers: Callable[..., list[Any]]
) -> None:
    """With transfer by copy several models and their generated config get in without any mount of theirs."""
    first = ModelConfig(name="first", base_path=half_plus_two.base_path, policy="all")
    second = ModelConfig(name="second", base_path=half_plus_two.base_path)
    options = ContainerOptions(model_transfer="copy")
    with (
        start(in_container(models=(first, second), container=options)) as server,
        GrpcClient(server.endpoint_of("first")) as one,
        GrpcClient(server.endpoint_of("second")) as two,
    ):
        assert [status.version for status in one.model_status()] == [3, 2, 1]
        assert two.predict({"x": [0.0]}).model_version == 3
        found = [one for one in containers() if one.name == server.engine.name]  # type: ignore[attr-defined]
        assert not [mount for mount in found[0].attrs["Mounts"] if mount["Destination"].startswith("/models")]
    assert server.log()
