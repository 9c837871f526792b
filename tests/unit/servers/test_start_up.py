"""Starts that fail, one by one: each error names the cause and the remedy long before the deadline."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.clients import GrpcClient, RestClient
from harness.errors import StartupError
from harness.model_config import ModelConfig
from harness.servers import start

if TYPE_CHECKING:
    from collections.abc import Callable

Damage = Any


def _empty(base_path: Path) -> None:
    shutil.rmtree(base_path / "1")


def _is_a_version(base_path: Path) -> None:
    for child in (base_path / "1").iterdir():
        child.rename(base_path / child.name)
    (base_path / "1").rmdir()


def _without_graph(base_path: Path) -> None:
    (base_path / "1" / "saved_model.pb").unlink()


def _cut_graph(base_path: Path) -> None:
    graph = base_path / "1" / "saved_model.pb"
    graph.write_bytes(graph.read_bytes()[:-100])


def _with_an_unknown_op(base_path: Path) -> None:
    graph = base_path / "1" / "saved_model.pb"
    assert b"AddV2" in graph.read_bytes()
    graph.write_bytes(graph.read_bytes().replace(b"AddV2", b"AddVX"))


@pytest.fixture
def copied(half_plus_two: ModelConfig, tmp_path: Path) -> Path:
    """A copy of version 1 that may be damaged."""
    shutil.copytree(Path(half_plus_two.base_path) / "1", tmp_path / "m" / "1")
    return tmp_path / "m"


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        (_empty, "has no numeric version directory"),
        (_is_a_version, "is a version directory itself; its parent is the base path"),
        (_without_graph, "half copied"),
        (_cut_graph, "half copied"),
        (_with_an_unknown_op, "uses the op AddVX"),
    ],
)
def test_a_model_that_cannot_be_served_is_told_from_its_damage(
    damage: Damage, cause: str, copied: Path, spec_of: Callable[..., Any]
) -> None:
    """What is wrong with the model's files ends the start with its cause."""
    damage(copied)
    model = ModelConfig(name="m", base_path=str(copied))
    with pytest.raises(StartupError, match=cause):
        start(spec_of(models=(model,), backend="standin"))


LABELLED = (
    'model_config_list { config { name: "m" base_path: "BASE" model_platform: "tensorflow"'
    ' version_labels { key: "a" value: 1 } } }'
)


@pytest.mark.parametrize(
    ("flags", "text", "cause"),
    [
        (("--saved_model_tags=other",), "", "exported with other tags"),
        (("--model_config_file={file}",), LABELLED, "--allow_version_labels_for_unavailable_models"),
        (("--model_config_file={file}",), "models: {", "is not the text proto its flag wants"),
        (("--model_config_file=/nowhere.config",), "", "/nowhere.config is missing or empty"),
        (("--enable_batching", "--batching_parameters_file={file}"), "size: {", "is not the text proto"),
        (("--batching_parameters_file={file}",), "", "needs --enable_batching"),
        (("--no_such_flag=1",), "", "does not know --no_such_flag"),
        (("--model_name=another",), "", "has no model m; it serves another"),
    ],
)  # fmt: skip
def test_flags_that_do_not_work_are_told(
    flags: tuple[str, ...], text: str, cause: str, copied: Path, tmp_path: Path, spec_of: Callable[..., Any]
) -> None:
    """What is wrong with flags and the files they name ends the start with its cause."""
    file = tmp_path / "file.txt"
    file.write_text(text.replace("BASE", str(copied)))
    args = tuple(flag.format(file=file) for flag in flags)
    model = ModelConfig(name="m", base_path=str(copied))
    with pytest.raises(StartupError, match=cause):
        start(spec_of(models=(model,), backend="standin", args=args))


def test_a_taken_rest_port_is_told(spec_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The genuine server goes on without REST if that port is taken; the harness does not."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = iter([_free(), taken.getsockname()[1]])
        monkeypatch.setattr("harness.servers.local.free_port", lambda: next(ports))
        with pytest.raises(StartupError, match="REST port could not be opened"):
            start(spec_of(backend="standin"))


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_proxy_variables_divert_nothing(spec_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """With proxy variables that lead nowhere the server is found ready, and both clients reach it."""
    for name in ("http_proxy", "https_proxy", "grpc_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with (
        start(spec_of(backend="standin")) as server,
        GrpcClient(server.endpoint) as grpc,
        RestClient(server.endpoint) as rest,
    ):
        assert grpc.predict({"x": [2.0]})["y"].tolist() == rest.predict({"x": [2.0]})["y"].tolist()


def test_a_proxy_before_the_engine_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy variable that diverts the calls to an engine over TCP is named, with NO_PROXY as remedy."""
    from harness.servers.engine import engine_fault

    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        assert "NO_PROXY" in engine_fault()


def test_no_engine_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a socket the remedy is to start an engine, or to say where it is."""
    from harness.servers.engine import engine_fault

    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert engine_fault() == (
        f"no Docker engine answers (there is no socket {tmp_path}/none.sock); start one, or set DOCKER_HOST to where it"
        " listens"
    )


ASK = """
import os
from harness.servers.engine import engine_fault
import docker
if os.geteuid() == 0:
    os.seteuid(65534)
print(engine_fault())
"""


def test_an_engine_that_refuses_the_user_is_told(tmp_path: Path) -> None:
    """A socket that this user may not open is told apart from a missing one."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        path.chmod(0)
        asked = subprocess.run(
            [sys.executable, "-c", ASK],
            env={**os.environ, "DOCKER_HOST": f"unix://{path}"},
            capture_output=True,
            text=True,
            check=True,
        )
    assert "refuses this user (permission denied on its socket); add the user to its group" in asked.stdout
