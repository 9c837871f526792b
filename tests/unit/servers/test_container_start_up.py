"""Containers that do not start: what the engine refuses, and what ends inside, each with cause and remedy."""

from __future__ import annotations

import shutil
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import BackendUnavailableError, StartupError
from harness.model_config import ModelConfig
from harness.servers import start
from harness.servers.container_options import ContainerOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    import docker

    from fixtures.engine_relay import EngineRelay

# The head of an executable for arm64: what an image of that platform would hold.
ARM64 = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xb7\x00\x01\x00\x00\x00" + bytes(40)


@pytest.mark.parametrize(
    ("case", "instead"),
    [
        ("an illegal instruction", "bash -c 'kill -ILL $$'; exit 132"),
        ("killed from outside", "bash -c 'kill -KILL $$'; exit 137"),
        ("out of memory", "head -c 300m /dev/zero | tail -c 300m > /dev/null; exit 137"),
    ],
)
def test_an_end_inside_is_told(
    case: str, instead: str, in_container: Callable[..., Any], containers: Callable[..., list[Any]],
    documented: Callable[[str], Any],
) -> None:  # fmt: skip
    """A container that ends is noticed at once; the error has its exit code and cause, and no container stays."""
    before = {one.id for one in containers()}
    limits = ContainerOptions(memory="64m")
    with pytest.raises(StartupError, match=documented(case)):
        start(in_container(instead=instead, container=limits))
    assert {one.id for one in containers()} <= before


def test_a_container_that_somebody_removes_is_noticed(
    in_container: Callable[..., Any], containers: Callable[..., list[Any]], documented: Callable[[str], Any]
) -> None:
    """A container that vanishes while it starts ends the wait."""
    before = {one.id for one in containers()}

    def remove_the_new_one() -> None:
        while not (new := [one for one in containers() if one.id not in before and one.status == "running"]):
            pass
        new[0].remove(force=True)

    thread = threading.Thread(target=remove_the_new_one)
    thread.start()
    either = f"{documented('a container that somebody removes').pattern}|with code 137"  # as it is being removed
    with pytest.raises(StartupError, match=either):
        start(in_container(instead="sleep 600"))
    thread.join()


def test_a_container_that_restarts_is_noticed(
    in_container: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, documented: Callable[[str], Any]
) -> None:
    """A crash loop under a restart policy is an end, and not a server that takes its time."""
    monkeypatch.setattr(ContainerOptions, "engine_arguments", lambda _: {"restart_policy": {"Name": "always"}})
    between = "the container restarting with code 3"  # as it waits for its next try
    with pytest.raises(StartupError, match=f"{documented('a container that restarts').pattern}|{between}"):
        start(in_container(instead="exit 3"))


def test_a_wrong_platform_is_told(in_container: Callable[..., Any], documented: Callable[[str], Any]) -> None:
    """An image that is not of the platform asked for is refused, with the word that the image is amd64 only."""
    with pytest.raises(BackendUnavailableError, match=documented("a platform that the image is not for")):
        start(in_container(container=ContainerOptions(platform="linux/arm64")))


def test_an_image_for_another_processor_is_told(
    import_image: Callable[..., str], in_container: Callable[..., Any], documented: Callable[[str], Any]
) -> None:
    """An entry point for another kind of processor is told from any other failure."""
    image = import_image("tfserving-harness/arm64", ARM64)
    with pytest.raises(StartupError, match=documented("an executable for other processors")):
        start(in_container(image=image))


def test_a_taken_port_is_told(in_container: Callable[..., Any], documented: Callable[[str], Any]) -> None:
    """A host port asked for by number must be free."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartupError, match=documented("a port of this machine that is taken")):
            start(in_container(rest_port=port))


def test_a_port_that_only_the_engine_sees_taken_is_told(
    in_container: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, documented: Callable[[str], Any]
) -> None:
    """The engine's own refusal of a port is explained, too, and the container it had made is gone."""
    monkeypatch.setattr("harness.servers.container.refuse_taken_port", lambda *_: None)
    expected = documented("a port that only the engine sees taken")
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(StartupError, match=expected):
        start(in_container(rest_port=taken.getsockname()[1]))


@pytest.mark.parametrize(
    ("case", "options"),
    [
        ("a network that is not there", {"network": "no-such-network"}),
        ("a network without published ports", {"network": "none"}),
        ("processors that are not there", {"cpu_set": "9999"}),
        ("a memory limit that is too low", {"memory": "1m"}),
        ("an engine without GPUs", {"gpus": "all"}),
    ],
)
def test_what_the_engine_cannot_give_is_told(
    case: str, options: dict[str, str], in_container: Callable[..., Any], documented: Callable[[str], Any]
) -> None:
    """Each refusal of the engine comes with its remedy."""
    with pytest.raises(StartupError, match=documented(case)):
        start(in_container(instead="sleep 600", container=ContainerOptions(**options)))


def test_an_image_without_an_entry_point_is_told(
    engine: docker.DockerClient, import_image: Callable[..., str], in_container: Callable[..., Any],
    documented: Callable[[str], Any],
) -> None:  # fmt: skip
    """An image that would take the server's flags for a program is told as such."""
    image = import_image("tfserving-harness/devel", changes=())
    assert engine.images.get(image).attrs["Config"]["Entrypoint"] is None
    with pytest.raises(StartupError, match=documented("an image without an entry point")):
        start(in_container(image=image))


def test_a_base_path_that_is_not_there_is_told(
    in_container: Callable[..., Any], documented: Callable[[str], Any]
) -> None:
    """It is not the engine that is said not to see it."""
    model = ModelConfig(name="m", base_path="/nowhere/m")
    with pytest.raises(StartupError, match=documented("a base path that is not there")):
        start(in_container(models=(model,)))


@pytest.fixture
def linked(half_plus_two: ModelConfig, tmp_path: Path) -> ModelConfig:
    """A model whose version 1 is a link that leads out of the base path."""
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "1").symlink_to(Path(half_plus_two.base_path) / "1")
    return ModelConfig(name="linked", base_path=str(tmp_path / "linked"))


def test_a_link_out_of_a_mount_is_told(
    linked: ModelConfig, in_container: Callable[..., Any], documented: Callable[[str], Any]
) -> None:
    """A mount that would lack what a link leads to is refused before anything starts."""
    options = ContainerOptions(model_transfer="mount")
    with pytest.raises(StartupError, match=documented("a link out of a mounted base path")):
        start(in_container(models=(linked,), container=options))


def test_links_are_followed_by_copies(
    linked: ModelConfig, in_container: Callable[..., Any], quick: str, engine: docker.DockerClient
) -> None:
    """Where a base path holds links that lead out of it, the models are copied without being asked for."""
    with start(in_container(models=(linked,), instead=quick)) as server:
        container = engine.containers.get(server.engine.name)  # type: ignore[attr-defined]
        assert container.exec_run(["test", "-s", "/models/linked/1/saved_model.pb"]).exit_code == 0


def test_an_engine_that_ends_meanwhile_is_told(
    remote_engine: EngineRelay, engine: docker.DockerClient, in_container: Callable[..., Any],
    containers: Callable[..., list[Any]], documented: Callable[[str], Any], caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """An engine that is cut off while a server starts ends the wait; what could not be removed is named."""
    before = {one.id for one in containers()}

    def cut_off() -> None:
        while not [one for one in containers() if one.id not in before and one.status == "running"]:
            pass
        remote_engine.close()

    thread = threading.Thread(target=cut_off)
    thread.start()
    with pytest.raises(StartupError, match=documented("an engine that ends meanwhile")):
        start(in_container(instead="sleep 600"))
    thread.join()
    (left,) = [one for one in containers() if one.id not in before]
    assert f"{left.name} could not be removed, the next run will do it" in caplog.text
    engine.containers.get(left.id).remove(force=True)


MODEL_FAULTS = [
    ("an empty base path", ()),
    ("an unknown flag", ("--no_such_flag=1",)),
]


@pytest.mark.parametrize(("case", "flags"), MODEL_FAULTS)
def test_in_a_container_models_and_flags_are_judged_as_elsewhere(
    case: str, flags: tuple[str, ...], half_plus_two: ModelConfig, tmp_path: Path, in_container: Callable[..., Any],
    documented: Callable[[str], Any],
) -> None:  # fmt: skip
    """What a server in a container goes on without, or waits for, ends the start with the same text."""
    (tmp_path / "m").mkdir()
    if flags:
        shutil.copytree(Path(half_plus_two.base_path) / "1", tmp_path / "m" / "1")
    model = ModelConfig(name="m", base_path=str(tmp_path / "m"))
    with pytest.raises(StartupError, match=documented(case)):
        start(in_container(models=(model,), args=flags))
