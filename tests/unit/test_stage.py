"""Further servers of a served model: as the first one, but for what a check asks for."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

from harness.model_config import ModelConfig
from harness.servers import BackendChoice, ContainerOptions, ServerSpec
from harness.stage import Stage

MODELS = (ModelConfig(name="a", base_path="/a"), ModelConfig(name="b", base_path="/b"))
SPEC = ServerSpec(
    models=MODELS,
    args=("--x=1",),
    environment={"A": "1", "B": "1"},
    container=ContainerOptions(memory="1g", network="n", network_alias="tf"),
    grpc_port=1,
    rest_port=2,
)


class _Server:
    """A server as far as a stage looks at it."""

    def __init__(self, backend: str) -> None:
        self.backend = BackendChoice(name=backend, reason="")
        self.spec = SPEC


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What servers were started from, by which backend."""
    seen: list[Any] = []

    def start(spec: ServerSpec, choice: BackendChoice) -> Any:
        seen.append((spec, choice.name))
        return nullcontext("server")

    monkeypatch.setattr("harness.stage.start", start)
    return seen


def _stage() -> Stage:
    server: Any = _Server("standin")
    stage = Stage.of(server, "b")
    assert stage is not None
    return stage


def test_an_external_server_has_no_stage() -> None:
    """Nothing is started beside a server of the user's."""
    server: Any = _Server("external")
    assert Stage.of(server, "a") is None


def test_a_server_is_started_as_the_first_one(started: list[Any]) -> None:
    """The model under check alone, the same flags, variables and limits, by the same backend, at other addresses."""
    with _stage().server() as server:
        assert server == "server"  # type: ignore[comparison-overlap] # the fake one's
    ((spec, backend),) = started
    assert (spec.models, spec.args, backend) == ((MODELS[1],), ("--x=1",), "standin")
    assert (spec.grpc_port, spec.rest_port) == (None, None)
    assert spec.environment == {"A": "1", "B": "1"}
    assert spec.container == ContainerOptions(memory="1g", network="n")


def test_a_check_adds_models_flags_and_variables(started: list[Any]) -> None:
    """What a check gives comes last, where it counts."""
    with _stage().server(*MODELS, args=("--x=2",), environment={"B": "2"}):
        pass
    ((spec, _),) = started
    assert (spec.models, spec.args) == (MODELS, ("--x=1", "--x=2"))
    assert spec.environment == {"A": "1", "B": "2"}


def test_folders_are_readable_and_do_not_stay() -> None:
    """A base path is empty, can be read by a server of another user, and is gone with the block."""
    with _stage().base_path() as base_path:
        assert (base_path.name, list(base_path.iterdir())) == ("b", [])
        assert base_path.parent.stat().st_mode & 0o005 == 0o005
    assert not base_path.parent.exists()


def test_files_here_are_seen_by_servers_here() -> None:
    """A child process sees new files."""
    assert _stage().sees_new_files
