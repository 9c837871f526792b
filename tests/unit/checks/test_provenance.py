"""What answers: the conditions that are recorded with an answer, and how a change of them is told."""

from __future__ import annotations

import sys
from importlib import metadata
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from harness.checks.provenance import change_of_conditions, provenance_of
from harness.prediction import VersionStatus
from harness.servers.library import tensorflow_version
from harness.surroundings import cpu_features, machine

if TYPE_CHECKING:
    from pathlib import Path

_STATUSES = (
    VersionStatus(version=9, state="END"),
    VersionStatus(version=3, state="AVAILABLE"),
    VersionStatus(version=2, state="AVAILABLE"),
)


def _server(backend: str, *, image: str | None = None, executable: str = "", **environment: str) -> Any:
    engine = SimpleNamespace(image=image, command=(executable, "--port=1"))
    return SimpleNamespace(
        backend=SimpleNamespace(name=backend), engine=engine, spec=SimpleNamespace(environment=environment)
    )


@pytest.fixture(autouse=True)
def _no_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)


def test_the_stand_in_tells_all() -> None:
    """The stand-in runs here on the installed TensorFlow, so everything but an image is known."""
    assert provenance_of(_server("standin"), _STATUSES) == {
        "backend": "standin",
        "harness": metadata.version("tfserving-harness"),
        "model_version": "3",
        "tensorflow": metadata.version("tensorflow"),
        "cpu": machine().cpu_model,
        **({"cpu_features": " ".join(cpu_features())} if cpu_features() else {}),
        "onednn": "TF_ENABLE_ONEDNN_OPTS=1",
    }


@pytest.mark.parametrize(
    ("backend", "given", "here", "flag"),
    [
        ("binary", {}, None, "TF_ENABLE_ONEDNN_OPTS is not set"),
        ("binary", {}, "0", "TF_ENABLE_ONEDNN_OPTS=0"),
        ("standin", {}, "0", "TF_ENABLE_ONEDNN_OPTS=0"),
        ("standin", {"TF_ENABLE_ONEDNN_OPTS": "0"}, "1", "TF_ENABLE_ONEDNN_OPTS=0"),
    ],
)
def test_the_flag_is_the_servers_own(
    monkeypatch: pytest.MonkeyPatch, backend: str, given: dict[str, str], here: str | None, flag: str
) -> None:
    """What the server is given goes before what it inherits from this process."""
    if here is not None:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", here)
    assert provenance_of(_server(backend, **given), _STATUSES)["onednn"] == flag


@pytest.mark.parametrize("is_here", [True, False])
def test_a_container_has_its_image(monkeypatch: pytest.MonkeyPatch, *, is_here: bool) -> None:
    """Image and digest stand for the version; the processor is known where the engine runs on this machine."""
    monkeypatch.setattr("harness.checks.provenance.engine_address", lambda: "a")
    monkeypatch.setattr("harness.checks.provenance.engine_sees_our_files", lambda _: is_here)
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")  # does not reach into a container
    found = provenance_of(_server("container", image="tensorflow/serving:2.20.0 (sha256:ab)"), _STATUSES)
    assert found["image"] == "tensorflow/serving:2.20.0 (sha256:ab)"
    assert "tensorflow" not in found
    assert ("cpu" in found) == is_here
    assert found.get("onednn") == ("TF_ENABLE_ONEDNN_OPTS is not set" if is_here else None)


def test_a_running_server_tells_little() -> None:
    """Of a server that somebody else runs, neither TensorFlow nor the processor is known."""
    found = provenance_of(_server("external"), ())
    assert found == {"backend": "external", "harness": metadata.version("tfserving-harness")}


@pytest.mark.parametrize(
    ("script", "version"),
    [
        ("print('TensorFlow ModelServer: 2.19.1\\nTensorFlow Library: 2.19.0')", "2.19.0"),
        ("print('no version here')", None),
        (None, None),
    ],
)
def test_a_binary_says_its_version(tmp_path: Path, script: str | None, version: str | None) -> None:
    """``--version`` of the binary is asked; one that does not tell, or cannot be run, tells nothing."""
    executable = tmp_path / "tensorflow_model_server"
    if script is not None:
        executable.write_text(f"#!{sys.executable}\nimport sys\nassert sys.argv[1:] == ['--version']\n{script}\n")
        executable.chmod(0o755)
    assert tensorflow_version(_server("binary", executable=str(executable))) == version


def test_a_change_is_told_in_order_of_weight() -> None:
    """What both know and what differs is named; what one of them does not know is not."""
    then = {"cpu": "old", "tensorflow": "2.20.0", "model_version": "1", "onednn": "0", "recorded_over": "rest"}
    now = {"cpu": "new", "tensorflow": "2.21.0", "model_version": "2", "image": "i", "recorded_over": "grpc"}
    assert change_of_conditions(then, now) == (
        "recorded under other conditions (model_version 1, now 2; tensorflow 2.20.0, now 2.21.0; cpu old, now new): "
    )
    assert change_of_conditions(then, then) == change_of_conditions({}, now) == change_of_conditions(then, {}) == ""
