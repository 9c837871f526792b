"""Images: which one, whether it can be had, and what is said if not; against a registry on the loopback interface."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import docker
import pytest

from fixtures.fake_registry import FakeRegistry
from harness.errors import BackendUnavailableError, StartupError
from harness.servers import TensorFlowServingContainer, choose_backend, start
from harness.servers.container_options import ContainerOptions
from harness.servers.engine import engine_address
from harness.servers.images import default_image, platform_fault, unavailable_text, why_no_image
from harness.servers.pulling import progress
from harness.servers.transfer import engine_sees_our_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def registry(engine: docker.DockerClient) -> Iterator[FakeRegistry]:
    """A registry that the engine can reach; what was pulled from it is removed."""
    if not engine_sees_our_files(engine_address()):
        pytest.skip("the engine does not run here, so it cannot reach a registry of ours")
    made = FakeRegistry()
    yield made
    made.close()
    for image in engine.images.list():
        if any(made.name in name for name in (*image.tags, *(image.attrs["RepoDigests"] or ()))):
            engine.images.remove(image.id, force=True)


@pytest.fixture
def name(registry: FakeRegistry) -> str:
    """A name in that registry which no other test has used."""
    return f"{registry.name}/tensorflow/serving-{uuid.uuid4().hex[:8]}"


def test_an_image_by_digest_is_pulled_and_named(
    registry: FakeRegistry,
    name: str,
    quick_image: tuple[bytes, dict[str, Any]],
    in_container: Callable[..., Any],
    quick: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """An image that only a private registry has is pulled, with a word on it, and the report names its digest."""
    digest = registry.put(*quick_image)
    spec = in_container(image=f"{name}@{digest}", instead=quick)
    with start(spec) as server:
        assert server.engine.image == f"{name}@{digest} ({digest})"
    assert f"pulling {name}@{digest} ..." in capfd.readouterr().err


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    ("case", "fault"),
    [
        ("a tag that the registry does not have", ""),
        ("a registry that wants a login", "wants_login"),
        ("a registry that does not answer", "is_mute"),
    ],
)
def test_a_registrys_fault_is_told(
    case: str, fault: str, registry: FakeRegistry, name: str, documented: Callable[[str], Any],
    spec_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """What keeps an image from being pulled is told apart, each with its remedy."""
    monkeypatch.setattr("harness.servers.images._REGISTRY_TIMEOUT_S", 1.0)
    vars(registry)[fault] = True
    with pytest.raises(BackendUnavailableError, match=documented(case)):
        choose_backend(spec_of(backend="container", image=f"{name}:2.99.0"))


@pytest.mark.usefixtures("engine")
def test_a_registry_that_is_not_there_is_told(spec_of: Callable[..., Any], documented: Callable[[str], Any]) -> None:
    """Without a network nobody is sent looking for another tag, and auto goes on to the next backend."""
    image, expected = "127.0.0.1:9/tensorflow/serving:2.99.0", documented("a registry that cannot be reached")
    with pytest.raises(BackendUnavailableError, match=expected) as caught:
        choose_backend(spec_of(backend="container", image=image))
    assert "try --serving-image" not in str(caught.value)
    assert expected.fullmatch(dict(choose_backend(spec_of(image=image)).rejected)["container"])


@pytest.mark.usefixtures("engine")
def test_a_name_that_no_image_can_have_is_told(spec_of: Callable[..., Any], documented: Callable[[str], Any]) -> None:
    """A misspelt name comes with an example of one."""
    with pytest.raises(BackendUnavailableError, match=documented("a name that no image can have")):
        choose_backend(spec_of(backend="container", image="TensorFlow/Serving"))


def test_a_pull_that_breaks_off_is_told(
    registry: FakeRegistry, name: str, quick_image: tuple[bytes, dict[str, Any]], half_plus_two: Any
) -> None:
    """What the engine says in the midst of a pull is not lost, and nothing of the container is left."""
    layer, settings = quick_image
    registry.put(layer + uuid.uuid4().bytes, settings)  # so that the engine cannot have it from another test
    registry.is_broken = True
    serving = TensorFlowServingContainer(f"{name}:1").with_models(half_plus_two)
    with pytest.raises(BackendUnavailableError, match=r"cannot be pulled \(.*(filesystem layer|unexpected|checksum)"):
        serving.start()


def test_an_image_for_another_platform_is_told(
    registry: FakeRegistry, name: str, quick_image: tuple[bytes, dict[str, Any]], documented: Callable[[str], Any],
    engine: docker.DockerClient, spec_of: Callable[..., Any],
) -> None:  # fmt: skip
    """An image that is not for the engine's processors is refused before it is pulled, and as well once it is there."""
    registry.put(*quick_image, architecture="arm64")
    expected = documented("an image for another platform")
    with pytest.raises(BackendUnavailableError, match=expected):
        choose_backend(spec_of(backend="container", image=f"{name}:1"))
    engine.images.pull(f"{name}:1")
    with pytest.raises(BackendUnavailableError, match=expected):
        choose_backend(spec_of(backend="container", image=f"{name}:1"))
    with pytest.raises(StartupError, match=expected):
        TensorFlowServingContainer(f"{name}:1").with_models(*spec_of().models).start()
    asked = spec_of(backend="container", image=f"{name}:1", container=ContainerOptions(platform="linux/arm64"))
    assert choose_backend(asked).name == "container"  # whoever asks for it may have an emulator


def test_on_arm64_the_image_is_said_to_be_amd64_only() -> None:
    """An arm64 machine is told so, with both ways out; one that says it emulates amd64 is believed."""
    fault = platform_fault("tensorflow/serving:2.21.0", ["linux/amd64"], asked=None, own="linux/arm64")
    assert "is for linux/amd64, but the engine runs linux/arm64; tensorflow/serving is built for linux/amd64" in fault
    assert "--serving-platform=linux/amd64" in fault
    assert "--serving-backend=standin" in fault
    assert platform_fault("x", ["linux/amd64"], asked="linux/amd64", own="linux/arm64") == ""
    assert platform_fault("x", ["linux/arm64"], asked="linux/arm64/v8", own="linux/amd64") == ""


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ("manifest unknown: manifest unknown", "its registry has no such tag"),
        ("toomanyrequests: You have reached your pull rate limit", "pull no more for now"),
        ("x509: certificate signed by unknown authority", "the engine does not trust Docker Hub"),
        ("Get https://registry/v2/: dial tcp: lookup registry: no such host", "docker save"),
        ("something new", "docker pull tensorflow/serving:2.21.0 says more"),
    ],
)
def test_an_engines_words_on_a_registry_are_explained(seen: str, told: str) -> None:
    """Each of the engine's texts leads to its remedy, and is shown."""
    text = unavailable_text("tensorflow/serving:2.21.0", seen)
    assert told in text
    assert seen in text


@pytest.mark.usefixtures("engine")
def test_releases_near_a_missing_tag_are_proposed() -> None:
    """Not every release of the API has an image, so those next to it are named, and never the one that failed."""
    text = unavailable_text("registry.local:5000/tf/serving:2.21.1", "manifest unknown")
    proposed = "registry.local:5000/tf/serving:2.21.0, registry.local:5000/tf/serving:latest"
    assert f"try --serving-image with {proposed}" in text
    text = unavailable_text("tensorflow/serving:2.21.1-gpu", "manifest unknown")
    assert "with tensorflow/serving:2.21.0-gpu, tensorflow/serving:latest-gpu" in text


def test_an_image_of_the_same_repository_is_proposed(image: str, spec_of: Callable[..., Any]) -> None:
    """Images of that repository that are on the engine are named."""
    repository = image.partition(":")[0]
    with pytest.raises(BackendUnavailableError, match=f"the engine has {image}: name one with --serving-image"):
        choose_backend(spec_of(backend="container", image=f"{repository}:absent"))


def test_the_settings_of_testcontainers_name_a_mirror(
    registry: FakeRegistry, name: str, quick_image: tuple[bytes, dict[str, Any]], in_container: Callable[..., Any],
    quick: str, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """With its prefix for image names set, that mirror is asked, pulled from and named; no tag means the latest."""
    from testcontainers.core.config import testcontainers_config

    digest = registry.put(*quick_image)
    registry.contents["latest"] = registry.contents["1"]
    mirror, _, repository = name.rpartition("/")
    monkeypatch.setattr(testcontainers_config, "hub_image_name_prefix", f"{mirror}/")
    with start(in_container(image=repository, instead=quick)) as server:
        assert server.engine.image == f"{name} ({digest})"


def test_the_default_image_is_that_of_the_installed_api() -> None:
    """Server and client messages are of one version unless an image is named."""
    from importlib.metadata import version

    assert default_image() == f"tensorflow/serving:{version('tensorflow-serving-api')}"


def test_auto_takes_the_container(image: str, spec_of: Callable[..., Any]) -> None:
    """With an engine and the image at hand, auto takes the container."""
    assert choose_backend(spec_of(image=image)).name == "container"


def test_an_engine_that_cannot_be_asked_is_tried_if_asked_for(
    engine: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of podman nobody hears what a registry has: auto passes it over with the remedy, who asks for it gets a try."""
    gone = docker.errors.NotFound("404 Client Error: Not Found", response=_Answer())

    def refuse(*_: object) -> None:
        raise gone

    monkeypatch.setattr(type(engine.images), "get_registry_data", refuse)
    image = "127.0.0.1:9/tensorflow/serving:2.99.0"
    assert f"podman pull {image} first" in why_no_image(image)
    assert why_no_image(image, is_asked_for=True) == ""


class _Answer:
    status_code = 404
    reason = "Not Found"
    url = "http+docker://localhost/distribution"


def test_how_far_a_pull_is_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all layers announced so far the bytes that have come are told; an error in their midst is raised."""
    monkeypatch.setattr("harness.servers.pulling._EVERY_S", -1.0)

    def layer(name: str, come: int, size: int) -> dict[str, Any]:
        return {"status": "Downloading", "id": name, "progressDetail": {"current": come, "total": size}}

    events = [{"status": "Pulling"}, layer("a", 2**20, 4 * 2**20), layer("b", 2**20, 2**20), layer("a", 2**22, 2**22)]
    assert list(progress(events)) == ["1 of 4 MiB", "2 of 5 MiB", "5 of 5 MiB"]
    with pytest.raises(docker.errors.APIError, match="no space left on device"):
        list(progress([{"error": "no space left on device"}]))
