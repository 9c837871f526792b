"""A SavedModel that the stand-in can load, small server programs, a Docker engine, and an image made from nothing.

The image keeps the contract of tensorflow/serving (entry point, environment, ports). Its ``tensorflow_model_server`` is
the stand-in, run by this machine's Python, which is mounted into the container read-only together with the system's
libraries. With the environment variable INSTEAD its entry point runs another bash program.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import psutil
import pytest

import harness
from fixtures.example_models import exported
from harness.model_config import ModelConfig
from harness.servers import ServerSpec
from harness.servers.engine import engine_fault
from harness.servers.owners import LABEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IMAGE = "tfserving-harness/standin"
ENTRY_POINT = """#!/bin/bash
if [ -n "$INSTEAD" ]; then eval "$INSTEAD"; exit; fi
{python} -m harness.standin --standin_bind_address=0.0.0.0 --port=8500 --rest_api_port=8501 \
--model_name=${{MODEL_NAME}} --model_base_path=${{MODEL_BASE_PATH}}/${{MODEL_NAME}} "$@"
"""
CHANGES = (
    'ENTRYPOINT ["/tf_serving_entrypoint.sh"]',
    *(f"ENV {setting}" for setting in ("MODEL_BASE_PATH=/models", "MODEL_NAME=model", "TF_CPP_MIN_LOG_LEVEL=3")),
    "EXPOSE 8500",
    "EXPOSE 8501",
)


@pytest.fixture(scope="session")
def half_plus_two() -> ModelConfig:
    """The exported half_plus_two, with versions 1, 2 and 3."""
    return ModelConfig(name="half_plus_two", base_path=str(exported("half_plus_two")))


@pytest.fixture
def quick_server(tmp_path: Path) -> Callable[[str], Path]:
    """A function that writes an executable Python program, to stand for a server binary."""

    def write(body: str) -> Path:
        path = tmp_path / "quick_server"
        path.write_text(f"#!{sys.executable} -S\nimport sys, time, os, signal\n{body}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def spec_of(half_plus_two: ModelConfig) -> Callable[..., ServerSpec]:
    """A function that returns a spec of half_plus_two."""

    def make(**fields: object) -> ServerSpec:
        return ServerSpec(**{"models": (half_plus_two,), "ready_timeout_s": 30.0, **fields})  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def host_folders() -> tuple[str, ...]:
    """The folders the stand-in's interpreter needs: the system's, Python's own, the environment's and the harness's."""
    system = [path for path in ("/usr", "/lib", "/lib64", "/bin", "/etc") if Path(path).exists()]
    python = {sys.prefix, sys.base_prefix, str(Path(harness.__file__).parents[1])}
    return (*system, *sorted(path for path in python if not path.startswith(tuple(f"{one}/" for one in system))))


@pytest.fixture(scope="session")
def import_image(engine: docker.DockerClient, host_folders: tuple[str, ...]) -> Iterator[Callable[..., str]]:
    """A function that imports an image with nothing but an entry point and mount points; all are removed at the end."""
    names: list[str] = []
    for tag in (tag for one in engine.images.list(filters={"reference": "tfserving-harness/*"}) for tag in one.tags):
        owner = tag.rpartition("-")[2].partition(":")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):  # its test run was killed
            with contextlib.suppress(docker.errors.APIError):
                engine.images.remove(tag, force=True)

    def make(name: str = IMAGE, entry_point: bytes = ENTRY_POINT.format(python=sys.executable).encode()) -> str:
        name = f"{name}-{os.getpid()}:latest"  # each test process has its own; podman gives no other tag
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            info = tarfile.TarInfo("tf_serving_entrypoint.sh")
            info.size, info.mode = len(entry_point), 0o755
            tar.addfile(info, io.BytesIO(entry_point))
            for folder in ("tmp", "models", *(path.lstrip("/") for path in host_folders)):
                info = tarfile.TarInfo(folder)
                info.type, info.mode = tarfile.DIRTYPE, 0o777
                tar.addfile(info)
        repository, _, tag = name.partition(":")
        names.append(name)
        engine.api.import_image_from_data(archive.getvalue(), repository=repository, tag=tag, changes=list(CHANGES))
        return name

    yield make
    for name in names:
        engine.images.remove(name, force=True)


@pytest.fixture(scope="session")
def image(import_image: Callable[..., str]) -> str:
    """The image with the stand-in."""
    return import_image()


@pytest.fixture
def in_container(image: str, spec_of: Callable[..., Any], host_folders: tuple[str, ...]) -> Callable[..., Any]:
    """A function that returns a spec of half_plus_two in that image; ``instead`` is a bash program to run for it."""
    mounts = tuple((folder, folder) for folder in host_folders)

    def make(*, instead: str = "", **fields: Any) -> Any:
        environment = {"PYTHONPATH": str(Path(harness.__file__).parents[1])}
        environment |= {"INSTEAD": instead} if instead else {}
        return spec_of(
            **{"backend": "container", "image": image, "mounts": mounts, "environment": environment, **fields}
        )

    return make


@pytest.fixture
def containers(engine: docker.DockerClient) -> Callable[..., list[Any]]:
    """A function that returns the harness's containers that a process owns: by default this one."""

    def mine(owner: int | None = None) -> list[Any]:
        wanted = f"{LABEL}.owner-pid={os.getpid() if owner is None else owner}"
        filters = {"label": [f"{LABEL}=server", wanted]}
        return list(engine.containers.list(all=True, filters=filters, ignore_removed=True))

    return mine
