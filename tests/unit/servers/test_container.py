"""The container backend on a real Docker engine.

The image is made here, from nothing: it keeps the contract of tensorflow/serving (entry point, environment, ports),
and its ``tensorflow_model_server`` is the stand-in, run by this machine's Python, which is mounted into the container
read-only together with the system's libraries.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import pytest

import harness
from harness.clients import GrpcClient, RestClient
from harness.errors import BackendUnavailableError, StartupError
from harness.model_config import ModelConfig
from harness.servers import choose_backend, start
from harness.servers.container import LABEL
from harness.servers.images import default_image, engine_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IMAGE = "tfserving-harness/standin:test"
ENTRY_POINT = """#!/bin/bash
{python} -m harness.standin --standin_bind_address=0.0.0.0 --port=8500 --rest_api_port=8501 \
--model_name=${{MODEL_NAME}} --model_base_path=${{MODEL_BASE_PATH}}/${{MODEL_NAME}} "$@"
"""


def _host_folders() -> tuple[str, ...]:
    """The folders the stand-in's interpreter needs: the system's, Python's own, the environment's and the harness's."""
    system = [path for path in ("/usr", "/lib", "/lib64", "/bin", "/etc") if Path(path).exists()]
    python = {sys.prefix, sys.base_prefix, str(Path(harness.__file__).parents[1])}
    return (*system, *sorted(path for path in python if not path.startswith(tuple(f"{one}/" for one in system))))


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    """A Docker engine; without one the tests are skipped with the reason, unless one was promised."""
    fault = engine_fault()
    if fault:
        if os.environ.get("HARNESS_REQUIRE_DOCKER"):
            pytest.fail(f"HARNESS_REQUIRE_DOCKER is set, but {fault}")
        pytest.skip(fault)
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="module")
def image(engine: docker.DockerClient) -> Iterator[str]:
    """The image, imported from an archive with nothing but an entry point and mount points."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        script = ENTRY_POINT.format(python=sys.executable).encode()
        info = tarfile.TarInfo("tf_serving_entrypoint.sh")
        info.size, info.mode = len(script), 0o755
        tar.addfile(info, io.BytesIO(script))
        for folder in ("tmp", "models", *(path.lstrip("/") for path in _host_folders())):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o777
            tar.addfile(info)
    repository, _, tag = IMAGE.partition(":")
    changes = [
        'ENTRYPOINT ["/tf_serving_entrypoint.sh"]',
        "ENV MODEL_BASE_PATH=/models MODEL_NAME=model TF_CPP_MIN_LOG_LEVEL=3",
        "EXPOSE 8500 8501",
    ]
    engine.api.import_image_from_data(archive.getvalue(), repository=repository, tag=tag, changes=changes)
    yield IMAGE
    engine.images.remove(IMAGE, force=True)


@pytest.fixture
def in_container(image: str, spec_of: Callable[..., Any]) -> Callable[..., Any]:
    """A function that returns a spec of half_plus_two in that image."""
    mounts = tuple((folder, folder) for folder in _host_folders())
    environment = {"PYTHONPATH": str(Path(harness.__file__).parents[1])}

    def make(**fields: Any) -> Any:
        return spec_of(
            **{"backend": "container", "image": image, "mounts": mounts, "environment": environment, **fields}
        )

    return make


def _containers(engine: docker.DockerClient) -> list[Any]:
    return list(engine.containers.list(all=True, filters={"label": f"{LABEL}=server"}))


def test_the_container_serves_both_apis(engine: docker.DockerClient, in_container: Callable[..., Any]) -> None:
    """A container answers over gRPC and REST on free ports, its image is named with its digest, and it goes."""
    with start(in_container()) as server:
        with GrpcClient(server.endpoint) as grpc, RestClient(server.endpoint) as rest:
            assert grpc.predict({"x": [2.0]})["y"].tolist() == rest.predict({"x": [2.0]})["y"].tolist() == [5.0]
        assert "sha256:" in str(server.engine.image)
        assert (server.cpu_time_us() or 0) > 0
        assert (server.peak_memory_bytes() or 0) > 0
        assert len(_containers(engine)) == 1
        server.pause()
        server.resume()
    assert _containers(engine) == []
    assert "Successfully loaded servable version" in server.log()


def test_several_models_through_a_generated_config(
    half_plus_two: ModelConfig, in_container: Callable[..., Any]
) -> None:
    """Several models are mounted below /models and named in a model config file."""
    first = ModelConfig(name="first", base_path=half_plus_two.base_path, policy="all")
    second = ModelConfig(name="second", base_path=half_plus_two.base_path)
    with (
        start(in_container(models=(first, second))) as server,
        GrpcClient(server.endpoint_of("first")) as one,
        GrpcClient(server.endpoint_of("second")) as two,
    ):
        assert [status.version for status in one.model_status()] == [3, 2, 1]
        assert two.predict({"x": [0.0]}).model_version == 3


def test_a_container_that_exits_is_noticed(engine: docker.DockerClient, in_container: Callable[..., Any]) -> None:
    """A start-up failure brings the exit code, the cause and the log, and leaves no container."""
    with pytest.raises(StartupError, match="container exited with code 255") as caught:
        start(in_container(args=("--port=not_a_number",)))
    assert "--port" in str(caught.value)
    assert _containers(engine) == []


def test_auto_takes_the_container(image: str, spec_of: Callable[..., Any]) -> None:
    """With an engine and the image at hand, auto takes the container."""
    assert choose_backend(spec_of(image=image)).name == "container"


@pytest.mark.usefixtures("engine")
def test_an_image_that_is_not_there_is_refused(spec_of: Callable[..., Any]) -> None:
    """An image that cannot be had is an error that names it, within seconds, and no fallback."""
    with pytest.raises(BackendUnavailableError, match="no-such-image-anywhere:1"):
        choose_backend(spec_of(backend="container", image="no-such-image-anywhere:1"))


def test_the_default_image_is_that_of_the_installed_api() -> None:
    """Server and client messages are of one version unless an image is named."""
    from importlib.metadata import version

    assert default_image() == f"tensorflow/serving:{version('tensorflow-serving-api')}"


OWNER = """
import sys, time
import harness
from harness.model_config import ModelConfig
from harness.servers import ServerSpec, start
mounts = tuple((folder, folder) for folder in sys.argv[3:])
environment = {"PYTHONPATH": harness.__path__[0].rpartition("/")[0]}
model = ModelConfig(name="half_plus_two", base_path=sys.argv[1])
server = start(ServerSpec(models=(model,), backend="container", image=sys.argv[2], mounts=mounts,
                          environment=environment))
print("ready", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("number", ["SIGTERM", "SIGKILL"])
def test_no_container_outlives_its_owner(
    engine: docker.DockerClient, image: str, half_plus_two: ModelConfig, number: str
) -> None:
    """Also after SIGKILL the container is removed: its guard sees the owner's end."""
    import signal

    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, half_plus_two.base_path, image, *_host_folders()],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert owner.stdout is not None
    with owner, owner.stdout:
        assert owner.stdout.readline().strip() == "ready"
        (container,) = _containers(engine)
        owner.send_signal(getattr(signal, number))
        owner.wait(30)
    with contextlib.suppress(docker.errors.NotFound):  # it may have been removed before we ask
        container.wait(timeout=30, condition="removed")
    assert _containers(engine) == []
