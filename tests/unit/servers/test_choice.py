"""Which backend is taken, and what is said of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import BackendUnavailableError, UsageError
from harness.model_config import ModelConfig
from harness.servers import ExternalAddress, ServerSpec, choose_backend
from harness.servers.container_options import ContainerOptions
from harness.tls import Tls

if TYPE_CHECKING:
    from pathlib import Path

FILES = Tls(ca="ca.pem")
MODELS = (ModelConfig(name="m", base_path="/m"),)


@pytest.fixture
def no_docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """There is no Docker engine, and no tensorflow_model_server on PATH."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("no_docker")
def test_auto_falls_to_the_standin_and_says_why() -> None:
    """Without an engine and a binary the stand-in is taken, with the reason against each of the two."""
    choice = choose_backend(ServerSpec(models=MODELS))
    assert choice.name == "standin"
    assert [name for name, _ in choice.rejected] == ["container", "binary"]
    assert "no Docker engine answers" in str(choice)
    assert "no tensorflow_model_server on PATH" in str(choice)


@pytest.mark.usefixtures("no_docker")
def test_auto_takes_the_binary_on_path(tmp_path: Path) -> None:
    """An executable of the server's name on PATH comes before the stand-in."""
    program = tmp_path / "tensorflow_model_server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert choose_backend(ServerSpec(models=MODELS)).name == "binary"


def test_auto_takes_a_named_endpoint_first() -> None:
    """A running server that the user names is used before anything is started."""
    spec = ServerSpec(models=MODELS, external=ExternalAddress(grpc="127.0.0.1:1"))
    assert choose_backend(spec).name == "external"


@pytest.mark.usefixtures("no_docker")
@pytest.mark.parametrize("backend", ["container", "binary", "external"])
def test_a_backend_asked_for_never_falls_back(backend: Any) -> None:
    """What was asked for by name and cannot run is an error with its remedy."""
    with pytest.raises(BackendUnavailableError, match="remedy"):
        choose_backend(ServerSpec(models=MODELS, backend=backend))


@pytest.mark.parametrize(
    ("text", "grpc", "rest"),
    [
        ("h:1", "h:1", None),
        ("grpc://h:1", "h:1", None),
        ("http://h:2", None, "http://h:2"),
        ("h:1,https://h/x", "h:1", "https://h/x"),
        ("unix:/s", "unix:/s", None),
        ("[::1]:5", "[::1]:5", None),
    ],
)
def test_endpoints_are_read(text: str, grpc: str | None, rest: str | None) -> None:
    """HOST:PORT is gRPC, a URL is REST, a comma joins them."""
    assert ExternalAddress.parse(text) == ExternalAddress(grpc=grpc, rest=rest)


@pytest.mark.parametrize(
    ("text", "tls", "speaking"),
    [
        ("h:1,http://h:2", None, {}),
        ("h:1,https://h:2", None, {}),  # the system's certificates, which are the default
        ("grpcs://h:1", None, {"grpc": Tls()}),
        ("grpcs://h:1,https://h:2", FILES, {"grpc": FILES, "rest": FILES}),
        ("grpcs://h:1,http://h:2", FILES, {"grpc": FILES}),
        ("h:1,https://h:2", FILES, {"rest": FILES}),
    ],
)
def test_schemes_say_where_tls_is_spoken(text: str, tls: Tls | None, speaking: dict[str, Tls]) -> None:
    """grpcs:// and https:// are called over TLS, with the files if there are some; the other API is not."""
    endpoint = ExternalAddress.parse(text, tls=tls, headers=(("a", "b"),)).endpoint("m")
    apis: list[Any] = ["grpc", "rest"]
    found = {api: endpoint.tls_over(api) for api in apis}
    assert {api: files for api, files in found.items() if files is not None} == speaking
    assert endpoint.headers == (("a", "b"),)


@pytest.mark.parametrize("text", ["", "h", "h:x", "a:1,b:2", "http://a,http://b", "h:1,", "h/x:1"])
def test_other_endpoints_are_refused(text: str) -> None:
    """Anything else is an error that shows the form."""
    with pytest.raises(UsageError, match="is not an endpoint: give HOST:PORT"):
        ExternalAddress.parse(text)


def test_specs_that_no_backend_could_start_are_refused() -> None:
    """No model, an unknown backend and a relative base path are refused before anything starts."""
    with pytest.raises(UsageError, match="at least one model"):
        ServerSpec(models=())
    with pytest.raises(UsageError, match="is not a backend"):
        ServerSpec(models=MODELS, backend="docker")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="the harness chooses the ports"):
        ServerSpec(models=MODELS, args=("--rest_api_port=8501",))
    with pytest.raises(UsageError, match="must be absolute"):
        ServerSpec(models=(ModelConfig(name="m", base_path="m"),))


@pytest.mark.usefixtures("no_docker")
def test_options_of_containers_ask_for_one() -> None:
    """Whoever limits a container is not served by anything else: auto takes a container or none."""
    limits = ContainerOptions(memory="1g", gpus="all")
    with pytest.raises(BackendUnavailableError, match="asked for by gpus and memory, but it cannot run here"):
        choose_backend(ServerSpec(models=MODELS, container=limits))
    with pytest.raises(UsageError, match="gpus and memory: that is for a container"):
        ServerSpec(models=MODELS, backend="standin", container=limits)
