"""Starts that fail, one by one: each error names the cause and the remedy long before the deadline."""

from __future__ import annotations

import shutil
import socket
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


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _cut_graph(base_path: Path) -> None:
    _cut(base_path / "1" / "saved_model.pb")


def _cut_variables(base_path: Path) -> None:
    _cut(next((base_path / "1" / "variables").glob("variables.data-*")))


def _file_as_version(base_path: Path) -> None:
    (base_path / "2").write_text("")


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
    ("case", "damage"),
    [
        ("an empty base path", _empty),
        ("a version directory as base path", _is_a_version),
        ("a version without its graph", _without_graph),
        ("a version with a cut graph", _cut_graph),
        ("a version with cut variables", _cut_variables),
        ("a file named as a version", _file_as_version),
        ("an unknown op", _with_an_unknown_op),
    ],
)
def test_a_model_that_cannot_be_served_is_told_from_its_damage(
    case: str, damage: Damage, copied: Path, spec_of: Callable[..., Any], documented: Callable[[str], Any]
) -> None:
    """What is wrong with the model's files ends the start with its cause."""
    damage(copied)
    model = ModelConfig(name="m", base_path=str(copied))
    with pytest.raises(StartupError, match=documented(case)):
        start(spec_of(models=(model,), backend="standin"))


def test_a_version_asked_for_that_is_not_there_is_told(
    copied: Path, spec_of: Callable[..., Any], documented: Callable[[str], Any]
) -> None:
    """The server would only warn of it and wait for ever."""
    model = ModelConfig(name="m", base_path=str(copied), policy="specific", versions=(1, 7))
    with pytest.raises(StartupError, match=documented("a version asked for that is not there")):
        start(spec_of(models=(model,), backend="standin"))


LABELLED = (
    'model_config_list { config { name: "m" base_path: "BASE" model_platform: "tensorflow"'
    ' version_labels { key: "a" value: 1 } } }'
)


@pytest.mark.parametrize(
    ("case", "flags", "text"),
    [
        ("other tags", ("--saved_model_tags=other",), ""),
        ("labels for versions that are not loaded", ("--model_config_file={file}",), LABELLED),
        ("a model config file that cannot be read", ("--model_config_file={file}",), "models: {"),
        ("a file that a flag names is not there", ("--model_config_file=/nowhere.config",), ""),
        ("a batching file that cannot be read", ("--enable_batching", "--batching_parameters_file={file}"), "size: {"),
        ("a batching file without batching", ("--batching_parameters_file={file}",), ""),
        ("an unknown flag", ("--no_such_flag=1",), ""),
        ("a value that a flag cannot have", ("--enable_batching=maybe",), ""),
        ("another model name", ("--model_name=another",), ""),
    ],
)
def test_flags_that_do_not_work_are_told(
    case: str, flags: tuple[str, ...], text: str, copied: Path, tmp_path: Path, spec_of: Callable[..., Any],
    documented: Callable[[str], Any],
) -> None:  # fmt: skip
    """What is wrong with flags and the files they name ends the start with its cause."""
    file = tmp_path / "file.txt"
    file.write_text(text.replace("BASE", str(copied)))
    args = tuple(flag.format(file=file) for flag in flags)
    model = ModelConfig(name="m", base_path=str(copied))
    with pytest.raises(StartupError, match=documented(case)):
        start(spec_of(models=(model,), backend="standin", args=args))


def test_a_taken_rest_port_is_told(
    spec_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, documented: Callable[[str], Any]
) -> None:
    """The genuine server goes on without REST if that port is taken; the harness does not."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        ports = iter([_free(), taken.getsockname()[1]])
        monkeypatch.setattr("harness.servers.local.free_port", lambda *_: next(ports))
        with pytest.raises(StartupError, match=documented("a REST port taken inside")):
            start(spec_of(backend="standin"))


def test_rest_that_never_opens_is_told(
    spec_of: Callable[..., Any], quick_binary: Path, monkeypatch: pytest.MonkeyPatch, documented: Callable[[str], Any]
) -> None:
    """Once gRPC serves, REST is not waited for until the deadline."""
    monkeypatch.setattr("harness.servers.readiness._REST_PATIENCE_S", 0.2)
    with pytest.raises(StartupError, match=documented("REST that never opens")):
        start(spec_of(backend="binary", binary=str(quick_binary), args=("--no_rest",)))


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_proxy_variables_divert_nothing(spec_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """With proxy variables that lead nowhere the server is found ready, and both clients reach it."""
    for name in ("http_proxy", "https_proxy", "grpc_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with (
        start(spec_of(backend="standin")) as server,
        GrpcClient(server.endpoint) as grpc,
        RestClient(server.endpoint) as rest,
    ):
        assert grpc.predict({"x": [2.0]})["y"].tolist() == rest.predict({"x": [2.0]})["y"].tolist()
