"""The Docker engine: found where testcontainers finds it, and told apart when it cannot be used."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.engine import promised_engine
from harness.errors import BackendUnavailableError
from harness.servers import TensorFlowServingContainer, choose_backend
from harness.servers.engine import engine_address, engine_fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _listening(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    return listener


def test_no_engine_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, spec_of: Callable[..., Any], documented: Callable[[str], Any]
) -> None:
    """Without a socket the remedy is to start an engine, or to say where it is; for the class as for the backend."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(BackendUnavailableError, match=documented("no Docker engine")):
        choose_backend(spec_of(backend="container"))
    with pytest.raises(BackendUnavailableError, match=documented("no Docker engine")):
        TensorFlowServingContainer()


def test_an_engine_that_has_ended_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, documented: Callable[[str], Any]
) -> None:
    """A socket that nobody listens at any more is told from a missing one."""
    _listening(tmp_path / "s").close()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/s")
    fault = engine_fault()
    assert documented("an engine that listens no more").fullmatch(fault)
    assert "Connection refused" in fault


def test_an_engine_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An engine that takes the call and says nothing is given up within seconds."""
    monkeypatch.setattr("harness.servers.engine._TIMEOUT_S", 0.3)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/s")
    with _listening(tmp_path / "s"):
        assert "timed out" in engine_fault()


def test_another_engines_socket_is_pointed_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, documented: Callable[[str], Any]
) -> None:
    """Where only podman's socket is there, the error says how to use it."""
    monkeypatch.setattr("harness.servers.engine.DEFAULT_ENGINE", f"unix://{tmp_path}/docker.sock")
    monkeypatch.setattr("harness.servers.engine._OTHER_SOCKETS", ("{XDG_RUNTIME_DIR}/podman/podman.sock",))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    (tmp_path / "podman").mkdir()
    with _listening(tmp_path / "podman" / "podman.sock"):
        fault = engine_fault()
    assert documented("another engine's socket is there").fullmatch(fault)
    assert fault.endswith(f"(DOCKER_HOST=unix://{tmp_path}/podman/podman.sock)")


ASK = """
import os, platform
import testcontainers.core.docker_client
from harness.servers.engine import engine_fault
if os.geteuid() == 0:
    os.seteuid(65534)
print(engine_fault())
"""


def test_an_engine_that_refuses_the_user_is_told(tmp_path: Path, documented: Callable[[str], Any]) -> None:
    """A socket that this user may not open is told apart from a missing one."""
    with _listening(tmp_path / "s"):
        (tmp_path / "s").chmod(0)
        asked = subprocess.run(
            [sys.executable, "-c", ASK],
            env={**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/s"},
            capture_output=True,
            text=True,
            check=True,
        )
    assert documented("an engine that refuses this user").fullmatch(asked.stdout.strip())


def test_a_proxy_before_the_engine_is_told(monkeypatch: pytest.MonkeyPatch, documented: Callable[[str], Any]) -> None:
    """A proxy variable that diverts the calls to an engine over TCP is named, with NO_PROXY as remedy."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        assert documented("a proxy before the engine").fullmatch(engine_fault())


@pytest.mark.parametrize(
    ("promised", "outcome"), [("0", pytest.skip.Exception), ("1", pytest.fail.Exception)], ids=["skip", "fail"]
)
def test_without_an_engine_tests_skip_or_fail(
    promised: str, outcome: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests on containers skip with the reason, unless the surroundings promise an engine: then they fail with it."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.setenv("HARNESS_REQUIRE_DOCKER", promised)
    with pytest.raises(outcome, match="no Docker engine answers"):
        promised_engine()


def test_the_engine_of_dockers_context_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever uses another engine through ``docker context use`` gets the same one here, as with testcontainers."""
    folder = tmp_path / "contexts" / "meta" / hashlib.sha256(b"far").hexdigest()
    folder.mkdir(parents=True)
    endpoint = {"docker": {"Host": "tcp://far.example:2375", "SkipTLSVerify": False}}
    (folder / "meta.json").write_text(json.dumps({"Name": "far", "Metadata": {}, "Endpoints": endpoint}))
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "far"}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    assert engine_address() == "tcp://far.example:2375"
