"""A SavedModel that the stand-in can load, small server programs, a Docker engine, and an image made from nothing.

The image keeps the contract of tensorflow/serving (entry point, environment, ports). Its ``tensorflow_model_server`` is
the stand-in, run by this machine's Python, which is mounted into the container read-only together with the system's
libraries. With the environment variable INSTEAD its entry point runs another bash program.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import psutil
import pytest

import harness
from fixtures.engine import promised_engine
from fixtures.engine_relay import EngineRelay
from fixtures.example_models import exported
from harness.model_config import ModelConfig
from harness.servers import ServerSpec
from harness.servers.owners import LABEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

QUICK = Path(__file__).with_name("quick_server.py")
IMAGE = "tfserving-harness/standin"
ENTRY_POINT = "/tf_serving_entrypoint.sh"
STANDIN = f"""#!/bin/bash
if [ -n "$INSTEAD" ]; then eval "$INSTEAD"; exit; fi
{sys.executable} -m harness.standin --standin_bind_address=0.0.0.0 --port=8500 --rest_api_port=8501 \
--model_name=${{MODEL_NAME}} --model_base_path=${{MODEL_BASE_PATH}}/${{MODEL_NAME}} "$@"
""".encode()
SETTINGS = ("MODEL_BASE_PATH=/models", "MODEL_NAME=model", "TF_CPP_MIN_LOG_LEVEL=3")
CHANGES = (
    f'ENTRYPOINT ["{ENTRY_POINT}"]',
    *(f"ENV {setting}" for setting in SETTINGS),
    "EXPOSE 8500",
    "EXPOSE 8501",
)


def root_file_system(entry_point: bytes, folders: Iterable[str]) -> bytes:
    """Return a tar archive with an entry point and empty folders."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        info = tarfile.TarInfo(ENTRY_POINT.lstrip("/"))
        info.size, info.mode = len(entry_point), 0o755
        tar.addfile(info, io.BytesIO(entry_point))
        for folder in ("tmp", "models", *(path.lstrip("/") for path in folders)):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o777
            tar.addfile(info)
    return archive.getvalue()


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_reaches_children() -> Iterator[None]:
    """A shell lets what it starts in the background ignore Ctrl-C; what the tests start must not."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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


@pytest.fixture(scope="session")
def quick() -> str:
    """The bash line that runs the quick server in a container, instead of the stand-in."""
    return f'{sys.executable} {QUICK} --port=8500 --rest_api_port=8501 --model_base_path=$MODEL_BASE_PATH "$@"'


@pytest.fixture(scope="session")
def quick_binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quick server as an executable, for the backend ``binary``."""
    path = tmp_path_factory.mktemp("binary") / "quick"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} {QUICK} "$@"\n')
    path.chmod(0o755)
    return path


@pytest.fixture
def spec_of(half_plus_two: ModelConfig) -> Callable[..., ServerSpec]:
    """A function that returns a spec of half_plus_two."""

    def make(**fields: object) -> ServerSpec:
        return ServerSpec(**{"models": (half_plus_two,), "ready_timeout_s": 30.0, **fields})  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """A Docker engine; without one the tests are skipped with the reason, unless one was promised."""
    client = promised_engine()
    yield client
    client.close()


@pytest.fixture
def remote_engine(engine: docker.DockerClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineRelay]:
    """The engine of this machine as if it were a remote one: reached over TCP."""
    address = str(engine.api.base_url)
    if not address.startswith(("http+docker", "unix")):
        pytest.skip("the engine is reached over TCP already; the other tests cover that")
    relay = EngineRelay(engine.api.get_adapter(engine.api.base_url).socket_path)
    monkeypatch.setenv("DOCKER_HOST", relay.address)
    yield relay
    relay.close()


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

    def make(name: str = IMAGE, entry_point: bytes = STANDIN, changes: tuple[str, ...] = CHANGES) -> str:
        name = f"{name}-{os.getpid()}:latest"  # each test process has its own; podman gives no other tag
        repository, _, tag = name.partition(":")
        names.append(name)
        files = root_file_system(entry_point, host_folders)
        engine.api.import_image_from_data(files, repository=repository, tag=tag, changes=list(changes))
        return name

    yield make
    for name in names:
        engine.images.remove(name, force=True)


@pytest.fixture(scope="session")
def image(import_image: Callable[..., str]) -> str:
    """The image with the stand-in."""
    return import_image()


@pytest.fixture(scope="session")
def quick_image(host_folders: tuple[str, ...]) -> tuple[bytes, dict[str, Any]]:
    """The layer and the settings of that image, to be put into a registry."""
    return root_file_system(STANDIN, host_folders), {"Entrypoint": [ENTRY_POINT], "Env": list(SETTINGS)}


@pytest.fixture
def spec_in_image(spec_of: Callable[..., Any], host_folders: tuple[str, ...]) -> Callable[..., Any]:
    """A function that returns a spec of half_plus_two in such an image; ``instead`` is a bash program to run for it."""
    mounts = tuple((folder, folder) for folder in host_folders)

    def make(image: str, *, instead: str = "", **fields: Any) -> Any:
        environment = {"PYTHONPATH": str(Path(harness.__file__).parents[1])}
        environment |= {"INSTEAD": instead} if instead else {}
        return spec_of(
            **{"backend": "container", "image": image, "mounts": mounts, "environment": environment, **fields}
        )

    return make


@pytest.fixture
def in_container(image: str, spec_in_image: Callable[..., Any]) -> Callable[..., Any]:
    """The same in the image with the stand-in, unless another is named."""

    def make(**fields: Any) -> Any:
        return spec_in_image(**{"image": image, **fields})

    return make


@pytest.fixture(scope="session")
def cases() -> dict[str, str]:
    """The text that docs/diagnosis.md gives for each of its cases."""
    page = Path(__file__).parents[3] / "docs" / "diagnosis.md"
    return dict(re.findall(r"^\| (.+?) \| `(.+)` \|$", page.read_text(), re.MULTILINE))


@pytest.fixture(scope="session")
def documented(cases: dict[str, str]) -> Callable[[str], re.Pattern[str]]:
    """A function that returns the pattern of what docs/diagnosis.md says is printed in a case."""

    def pattern(case: str) -> re.Pattern[str]:
        parts = re.split(r"(<\w+>)", cases[case])
        return re.compile("".join(".+?" if part.startswith("<") else re.escape(part) for part in parts))

    return pattern


@pytest.fixture
def containers(engine: docker.DockerClient) -> Callable[..., list[Any]]:
    """A function that returns the harness's containers that a process owns: by default this one."""

    def mine(owner: int | None = None) -> list[Any]:
        wanted = f"{LABEL}.owner-pid={os.getpid() if owner is None else owner}"
        filters = {"label": [f"{LABEL}=server", wanted]}
        return list(engine.containers.list(all=True, filters=filters, ignore_removed=True))

    return mine
