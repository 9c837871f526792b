"""podman's Docker-compatible socket as the engine: a service of its own, with storage of its own, for these tests."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import psutil
import pytest

from harness.clients import GrpcClient, RestClient
from harness.model_config import ModelConfig
from harness.servers import choose_backend, start
from harness.servers.container_options import ContainerOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IMAGE = "tfserving-harness/standin"


class Podman:
    """A podman with storage, settings and socket in a folder of its own."""

    def __init__(self, program: str, folder: Path) -> None:
        """Start its service."""
        self._folder = folder
        self._command = [program, *(f"--{name}={folder}/{name}" for name in ("root", "runroot", "tmpdir"))]
        self.address = f"unix://{folder}/s"
        (folder / "containers.conf").write_text(f"[containers]\ndefault_ulimits = [{', '.join(_limits())}]\n")
        with (folder / "log").open("wb") as log:
            self._service = subprocess.Popen(
                [*self._command, "system", "service", "--time=0", self.address],
                cwd=folder,
                env={**os.environ, "CONTAINERS_CONF": str(folder / "containers.conf")},
                stdout=log,
                stderr=log,
            )

    def wait_until_it_listens(self) -> None:
        """Return when its socket is there; skip the test, with its own words, if it ends instead."""
        while not (self._folder / "s").exists():
            if self._service.poll() is not None:
                pytest.skip(f"podman's service cannot run here: {(self._folder / 'log').read_text()[-300:]}")

    def close(self) -> None:
        """End the service, and remove what it had."""
        self._service.send_signal(signal.SIGTERM)
        self._service.wait(20)
        subprocess.run([*self._command, "rm", "--all", "--force"], cwd=self._folder, check=False, capture_output=True)
        for mounted in (one.mountpoint for one in psutil.disk_partitions(all=True)):
            if mounted.startswith(f"{self._folder}/"):
                subprocess.run(["umount", mounted], check=False, capture_output=True)  # noqa: S607 - wherever it is
        shutil.rmtree(self._folder)


def _limits() -> list[str]:
    """Return what a container may open and start: podman asks for more than a sandbox may give."""
    wanted = (("nofile", resource.RLIMIT_NOFILE, 4096), ("nproc", resource.RLIMIT_NPROC, 16384))
    limits = []
    for name, kind, number in wanted:
        most = resource.getrlimit(kind)[1]
        limit = number if most == resource.RLIM_INFINITY else min(number, most // 4)
        limits.append(f'"{name}={limit}:{limit}"')
    return limits


@pytest.fixture(scope="module")
def service(quick_image: tuple[bytes, dict[str, Any]]) -> Iterator[str]:
    """The address of a podman service that has the test's image."""
    program = shutil.which("podman")
    if program is None:
        pytest.skip("there is no podman on PATH")
    podman = Podman(program, Path(tempfile.mkdtemp(prefix="podman-")))  # the path of a socket must be short
    try:
        podman.wait_until_it_listens()
        layer, settings = quick_image
        client = docker.DockerClient(base_url=podman.address)
        changes = [f"ENTRYPOINT {settings['Entrypoint']}".replace("'", '"'), *(f"ENV {one}" for one in settings["Env"])]
        client.api.import_image_from_data(layer, repository=IMAGE, tag="latest", changes=changes)
        client.close()
        yield podman.address
    finally:
        podman.close()


@pytest.fixture
def podman(service: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[docker.DockerClient]:
    """Podman as the engine that is found."""
    monkeypatch.setenv("DOCKER_HOST", service)
    client = docker.DockerClient(base_url=service)
    yield client
    client.close()


def test_a_container_of_podman_lives_as_one_of_docker(
    podman: docker.DockerClient, spec_in_image: Callable[..., Any], tmp_path: Path
) -> None:
    """Chosen, started, called over both APIs, measured, paused, killed, restarted, logged and removed."""
    spec = spec_in_image(f"{IMAGE}:latest", log_directory=tmp_path)
    assert choose_backend(spec).name == "container"
    with start(spec) as server:
        with GrpcClient(server.endpoint) as grpc, RestClient(server.endpoint) as rest:
            assert grpc.predict({"x": [2.0]})["y"].tolist() == rest.predict({"x": [2.0]})["y"].tolist() == [5.0]
        assert (server.cpu_time_us() or 0) > 1000
        assert (server.peak_memory_bytes() or 0) > 2**20
        server.pause()
        assert server.is_running
        server.resume()
        server.kill()
        assert "with code 137 (SIGKILL)" in str(server.engine.exit_text())
        server.restart()
        with GrpcClient(server.endpoint) as grpc:
            assert grpc.predict({"x": [2.0]})["y"].tolist() == [5.0]
        assert server.log().count("Running gRPC ModelServer") == 2
    assert podman.containers.list(all=True, filters={"label": "tfserving-harness"}) == []
    (log,) = tmp_path.iterdir()
    assert "Running gRPC ModelServer" in log.read_text()


def test_copies_and_configs_get_in(
    podman: docker.DockerClient, spec_in_image: Callable[..., Any], half_plus_two: ModelConfig, quick: str
) -> None:
    """Several models and their generated config file are copied into one of podman's containers."""
    models = tuple(ModelConfig(name=name, base_path=half_plus_two.base_path) for name in ("one", "two"))
    copied = ContainerOptions(model_transfer="copy")
    with start(spec_in_image(f"{IMAGE}:latest", models=models, container=copied, instead=quick)) as server:
        (container,) = podman.containers.list(filters={"label": "tfserving-harness"})
        assert b'base_path: "/models/two"' in container.exec_run(["cat", "/tfserving-harness/models.config"]).output
        server.restart()
        assert server.log().count("quick server runs") == 2
    assert podman.containers.list(all=True, filters={"label": "tfserving-harness"}) == []
