"""TensorFlowServingContainer by itself: as a module of testcontainers, without pytest's plugin and without a spec."""

from __future__ import annotations

import re
import shutil
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

import harness
from harness.clients import GrpcClient, RestClient
from harness.errors import UsageError
from harness.servers.serving_container import TensorFlowServingContainer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import docker

    from harness.model_config import ModelConfig

ROOT = Path(harness.__file__).parents[1]


@pytest.fixture
def serving(image: str, host_folders: tuple[str, ...]) -> Iterator[Callable[..., TensorFlowServingContainer]]:
    """A function that returns a container of the test's image, not yet started; all are stopped at the end."""
    made: list[TensorFlowServingContainer] = []

    def make(name: str | None = None, **options: Any) -> TensorFlowServingContainer:
        container = TensorFlowServingContainer(name or image, **options).with_env("PYTHONPATH", str(ROOT))
        for folder in host_folders:
            container.with_volume_mapping(folder, folder)
        made.append(container)
        return container

    yield make
    for container in made:
        container.stop()


@pytest.fixture
def growing(half_plus_two: ModelConfig, tmp_path: Path) -> Path:
    """A base path with version 1 only, which may get more."""
    shutil.copytree(Path(half_plus_two.base_path) / "1", tmp_path / "growing" / "1")
    return tmp_path / "growing"


def test_the_documented_example_runs(
    serving: Callable[..., TensorFlowServingContainer], half_plus_two: ModelConfig, tmp_path: Path,
    quick: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """What docs/backends.md shows for use without pytest does what it says, with the test's image as the default."""
    example = re.findall(r"```python\n(from .*?)```", (ROOT / "docs" / "backends.md").read_text(), re.DOTALL)
    (code,) = [one for one in example if "TensorFlowServingContainer()" in one]
    kind = "harness.servers.serving_container.TensorFlowServingContainer"
    monkeypatch.setattr(kind, lambda: serving().with_env("INSTEAD", quick))
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "digits").symlink_to(half_plus_two.base_path)
    monkeypatch.chdir(tmp_path)
    exec(code, {})  # noqa: S102 - the documentation's own
    printed = capsys.readouterr().out
    assert re.search(r"^127\.0\.0\.1:\d+ http://127\.0\.0\.1:\d+$", printed, re.MULTILINE)
    assert "version=3" in printed
    assert "AVAILABLE" in printed


def _noting_strategy() -> Any:
    """Return a wait strategy that notes whether the server was ready when its turn came."""
    from testcontainers.core.waiting_utils import WaitStrategy

    class Noting(WaitStrategy):  # type: ignore[misc] # untyped in some versions
        seen: bytes = b""

        def wait_until_ready(self, container: Any) -> None:
            with urllib.request.urlopen(f"{container.get_rest_url()}/v1/models/half", timeout=5) as answer:  # noqa: S310
                self.seen = answer.read()

    return Noting()


def test_what_testcontainers_offers_holds(
    serving: Callable[..., TensorFlowServingContainer], engine: docker.DockerClient, half_plus_two: ModelConfig,
    quick: str,
) -> None:  # fmt: skip
    """Network, alias, temporary file system, copied files, command, name, labels, wait strategy: all as given."""
    strategy = _noting_strategy()
    with Network() as network:
        container = serving().with_model("half", half_plus_two.base_path).with_env("INSTEAD", quick)
        container.with_network(network).with_network_aliases("tf").with_tmpfs_mount("/scratch")
        container.with_copy_into_container(b"text", "/tmp/given")  # noqa: S108 - in the container
        container.with_command("--one --two").with_name(f"named-{network.name}").waiting_for(strategy)
        container.with_kwargs(labels={"mine": "yes"}, hostname="other")
        with container:
            found = engine.containers.get(f"named-{network.name}")
            settings, surroundings = found.attrs["Config"], found.attrs["NetworkSettings"]["Networks"]
            assert settings["Cmd"] == ["--max_num_load_retries=0", "--one", "--two"]
            assert (settings["Labels"]["mine"], settings["Hostname"]) == ("yes", "other")
            assert "tf" in surroundings[network.name]["Aliases"]
            assert "/scratch" in found.attrs["HostConfig"]["Tmpfs"]
            assert found.exec_run(["cat", "/tmp/given"]).output == b"text"  # noqa: S108 - in the container
            assert b"AVAILABLE" in strategy.seen
    assert isinstance(container, DockerContainer)


def test_names_that_a_shell_would_split_are_served(
    serving: Callable[..., TensorFlowServingContainer], half_plus_two: ModelConfig
) -> None:
    """The entry point's bash does not quote the model's name; a config file names such models, here one of two."""
    container = serving().with_model("my model *", half_plus_two.base_path).with_model("half", half_plus_two.base_path)
    container.with_flags("--grpc_max_threads=4")
    with (
        container,
        GrpcClient(container.get_endpoint()) as grpc,
        RestClient(container.get_endpoint("half")) as rest,
    ):
        assert rest.predict({"x": [2.0]})["y"].tolist() == grpc.predict({"x": [2.0]})["y"].tolist() == [5.0]
    assert container.exit_text() == "stopped"


def test_it_can_be_restarted_and_stopped_while_paused_and_started_again(
    serving: Callable[..., TensorFlowServingContainer], growing: Path, quick: str, half_plus_two: ModelConfig
) -> None:
    """Neither needs it to be resumed first; copied models are copied anew; all from another MODEL_BASE_PATH."""
    container = serving().with_model("m", growing).with_env("INSTEAD", quick).with_env("MODEL_BASE_PATH", "/srv/m/")
    with container.with_model_transfer("copy"), GrpcClient(container.get_endpoint()) as client:
        assert [status.version for status in client.model_status()] == [1]
        shutil.copytree(Path(half_plus_two.base_path) / "2", growing / "2")
        container.get_wrapped_container().pause()
        container.relaunch()
        container.wait_until_ready()
        assert [status.version for status in client.model_status()] == [2]
        container.get_wrapped_container().pause()
    assert container.exit_text() == "stopped"
    with container:
        assert container.get_wrapped_container().exec_run(["ls", "/srv/m/m"]).output.split() == [b"1", b"2"]


@pytest.mark.usefixtures("engine")
def test_what_cannot_be_served_is_refused(half_plus_two: ModelConfig) -> None:
    """Nothing to serve, and two models of one name, are refused before the engine is troubled."""
    with pytest.raises(UsageError, match="with_model"):
        TensorFlowServingContainer().start()
    twice = TensorFlowServingContainer().with_models(half_plus_two, half_plus_two)
    with pytest.raises(UsageError, match="is configured twice"):
        twice.start()
