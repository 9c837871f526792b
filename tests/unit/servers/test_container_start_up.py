"""Containers that do not start: what the engine refuses, and what ends inside, each with cause and remedy."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import BackendUnavailableError, StartupError
from harness.servers import choose_backend, start
from harness.servers.container_options import ContainerOptions
from harness.servers.images import default_image

if TYPE_CHECKING:
    from collections.abc import Callable

    import docker

# The head of an executable for arm64: what an image of that platform would hold.
ARM64 = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xb7\x00\x01\x00\x00\x00" + bytes(40)


@pytest.mark.parametrize(
    ("instead", "text"),
    [
        ("exit 255", "the container exited with code 255"),
        ("bash -c 'kill -ILL $$'; exit 132", "the CPU lacks instructions"),
        ("echo 'unknown argument: --x'; exit 1", "does not know --x"),
        ("head -c 300m /dev/zero | tail -c 300m > /dev/null", "ran out of memory|want of memory"),
    ],
)
def test_an_end_inside_is_told(
    instead: str, text: str, in_container: Callable[..., Any], containers: Callable[..., list[Any]]
) -> None:
    """A container that ends is noticed at once; the error has its exit code and cause, and no container stays."""
    before = {one.id for one in containers()}
    limits = ContainerOptions(memory="64m")
    with pytest.raises(StartupError, match=text):
        start(in_container(instead=instead, container=limits))
    assert {one.id for one in containers()} <= before


def test_a_container_that_somebody_removes_is_noticed(
    in_container: Callable[..., Any], containers: Callable[..., list[Any]]
) -> None:
    """A container that vanishes while it starts ends the wait."""
    before = {one.id for one in containers()}

    def remove_the_new_one() -> None:
        while not (new := [one for one in containers() if one.id not in before and one.status == "running"]):
            pass
        new[0].remove(force=True)

    thread = threading.Thread(target=remove_the_new_one)
    thread.start()
    with pytest.raises(StartupError, match=r"somebody removed the container|with code 137"):
        start(in_container(instead="sleep 600"))
    thread.join()


def test_a_container_that_restarts_is_noticed(
    in_container: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash loop under a restart policy is an end, and not a server that takes its time."""
    monkeypatch.setattr(ContainerOptions, "engine_arguments", lambda _: {"restart_policy": {"Name": "always"}})
    with pytest.raises(StartupError, match=r"restart(ing|ed)"):
        start(in_container(instead="exit 3"))


def test_a_wrong_platform_is_told(in_container: Callable[..., Any]) -> None:
    """An image that is not of the platform asked for is refused, with the word that the image is amd64 only."""
    with pytest.raises((StartupError, BackendUnavailableError), match="linux/amd64 only"):
        start(in_container(container=ContainerOptions(platform="linux/arm64")))


def test_an_image_for_another_processor_is_told(
    import_image: Callable[..., str], in_container: Callable[..., Any]
) -> None:
    """An entry point for another kind of processor is told from any other failure."""
    image = import_image("tfserving-harness/arm64", ARM64)
    with pytest.raises(StartupError, match="amd64 only"):
        start(in_container(image=image))


def test_a_taken_port_is_told(in_container: Callable[..., Any]) -> None:
    """A host port asked for by number must be free."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartupError, match=f"REST port {port} cannot be used.*leave the option out"):
            start(in_container(rest_port=port))


def test_a_port_that_only_the_engine_sees_taken_is_told(
    in_container: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine's own refusal of a port is explained, too, and the container it had made is gone."""
    monkeypatch.setattr("harness.servers.container.refuse_taken_port", lambda *_: None)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(StartupError, match="a host port is taken"):
        start(in_container(rest_port=taken.getsockname()[1]))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"network": "no-such-network"}, "docker network create"),
        ({"cpu_set": "9999"}, "does not have"),
        ({"memory": "1m"}, "below what the engine can enforce"),
        ({"gpus": "all"}, "the engine has no GPUs"),
    ],
)
def test_what_the_engine_refuses_is_told(options: dict[str, str], text: str, in_container: Callable[..., Any]) -> None:
    """Each refusal of the engine comes with its remedy."""
    with pytest.raises(StartupError, match=text):
        start(in_container(container=ContainerOptions(**options)))


@pytest.mark.usefixtures("engine")
def test_an_image_that_is_not_there_is_refused(spec_of: Callable[..., Any]) -> None:
    """An image that cannot be had is an error that names it, within seconds, and no fallback."""
    with pytest.raises(BackendUnavailableError, match=r"no-such-image-anywhere:1 is not on the engine.*docker pull"):
        choose_backend(spec_of(backend="container", image="no-such-image-anywhere:1"))


def test_the_default_image_comes_with_what_to_try(engine: docker.DockerClient, spec_of: Callable[..., Any]) -> None:
    """Where the default image cannot be pulled the error says which to try."""
    from harness.servers.images import why_no_image

    if not why_no_image(default_image()):
        pytest.skip("the default image can be had here")
    with pytest.raises(BackendUnavailableError, match=r"tensorflow/serving:(latest|\d+\.\d+\.\d+)"):
        choose_backend(spec_of(backend="container"))
    assert engine.ping()


def test_an_image_of_the_same_repository_is_proposed(image: str, spec_of: Callable[..., Any]) -> None:
    """Images of that repository that are on the engine are named."""
    repository = image.partition(":")[0]
    with pytest.raises(BackendUnavailableError, match=f"the engine has .*{image}"):
        choose_backend(spec_of(backend="container", image=f"{repository}:absent"))
