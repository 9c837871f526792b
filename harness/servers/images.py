"""Which image to run, whether a Docker engine answers, and whether the image can be had: each answer within seconds."""

from __future__ import annotations

import socket
import threading
from importlib import metadata
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from harness.servers.spec import ServerSpec

__all__ = ["default_image", "engine_fault", "image_of", "local_digest", "pull_if_missing", "why_no_image"]

_ENGINE_TIMEOUT_S = 2
_DEFAULT_ENGINE = "unix:///var/run/docker.sock"
_REGISTRY_TIMEOUT_S = 3.0


def default_image() -> str:
    """Return ``tensorflow/serving`` with the version of the installed tensorflow-serving-api."""
    return f"tensorflow/serving:{metadata.version('tensorflow-serving-api')}"


def image_of(spec: ServerSpec) -> str:
    """Return the image a spec asks for, by tag or digest."""
    return spec.image if spec.image is not None else default_image()


def engine_fault() -> str:
    """Return why no Docker engine can be used; empty if one answers."""
    import docker

    try:
        _knock(docker.utils.kwargs_from_env().get("base_url") or _DEFAULT_ENGINE)
        client = docker.from_env(timeout=_ENGINE_TIMEOUT_S)
    except (docker.errors.DockerException, OSError, ValueError) as exc:
        return _engine_text(exc)
    try:
        client.ping()
    except Exception as exc:  # noqa: BLE001 - whatever the transport raises, the engine does not answer
        return _engine_text(exc)
    finally:
        client.close()
    return ""


def _knock(base_url: str) -> None:
    """Connect to the engine's address and hang up: the library leaks its sockets when nobody answers there.

    Raises:
        OSError: nobody answers.
    """
    parts = urlsplit(base_url)
    if parts.scheme in {"unix", "http+unix"}:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knocking:
            knocking.settimeout(_ENGINE_TIMEOUT_S)
            knocking.connect(parts.path or f"/{parts.netloc}")
    elif parts.hostname and parts.port and parts.scheme != "ssh":
        with socket.create_connection((parts.hostname, parts.port), timeout=_ENGINE_TIMEOUT_S):
            pass


def _engine_text(error: Exception) -> str:
    text = str(error)
    if isinstance(error, PermissionError) or "Permission denied" in text or "PermissionError" in text:
        return (
            "the Docker engine refuses this user (permission denied on its socket); add the user to its group"
            " (usermod -aG docker USER, then log in again)"
        )
    if "ProxyError" in text or "Unable to connect to proxy" in text:
        return "a proxy variable diverts the calls to the Docker engine; put the engine's host into NO_PROXY"
    if isinstance(error, FileNotFoundError) or "FileNotFoundError" in text:
        return "no Docker engine answers (no socket); start one, or set DOCKER_HOST to where it listens"
    return f"no Docker engine answers ({text.splitlines()[0][:120]})"


def why_no_image(image: str) -> str:
    """Return why an image cannot be had; empty if it is on the engine, or its registry shows it."""
    import docker
    from docker.errors import ImageNotFound

    client = docker.from_env(timeout=_ENGINE_TIMEOUT_S)
    try:
        client.images.get(image)
    except ImageNotFound:
        return _registry_fault(image)
    finally:
        client.close()
    return ""


def _registry_fault(image: str) -> str:
    """Ask the engine for the manifest, in a thread of its own: offline, an engine may try for minutes."""
    answer: list[str] = []
    thread = threading.Thread(target=_ask_registry, args=(image, answer), daemon=True)
    thread.start()
    thread.join(_REGISTRY_TIMEOUT_S)
    silence = f"its registry did not answer within {_REGISTRY_TIMEOUT_S:g} s"
    reason = answer[0] if answer else silence
    return f"the image {image} is not on the engine, and {reason}; {_what_to_try(image)}" if reason else ""


def _what_to_try(image: str) -> str:
    """Return which images to try instead: those of that repository on the engine, else releases near that version."""
    import docker

    repository, _, tag = image.partition("@")[0].rpartition(":")
    client = docker.from_env(timeout=_ENGINE_TIMEOUT_S)
    try:
        tags = [tag for one in client.images.list(name=repository or tag) for tag in one.tags]
    finally:
        client.close()
    if tags:
        return f"the engine has {', '.join(sorted(tags)[:6])}: name one with --serving-image"
    if image != default_image():
        return f"docker pull {image} first, or name another with --serving-image"
    major, minor, *_ = tag.split(".")
    nearest = dict.fromkeys(f"{repository}:{name}" for name in (f"{major}.{minor}.0", f"{major}.{minor}.1", "latest"))
    others = ", ".join(name for name in nearest if name != image)
    return f"not every release of the API has an image: try --serving-image with {others}"


def _ask_registry(image: str, answer: list[str]) -> None:
    import docker

    client = docker.from_env(timeout=int(_REGISTRY_TIMEOUT_S))
    try:
        client.images.get_registry_data(image)
    except Exception as exc:  # noqa: BLE001 - reported, whatever it is
        reason = str(exc).splitlines()[0][:160]
        answer.append(f"cannot be pulled ({reason})")
    else:
        answer.append("")
    finally:
        client.close()


def pull_if_missing(client: Any, image: str, platform: str | None) -> None:
    """Pull an image that the engine does not have.

    Raises:
        docker.errors.ImageNotFound: no registry has it.
        docker.errors.APIError: the registry cannot be reached, or refuses.
    """
    from docker.errors import ImageNotFound

    try:
        client.images.get(image)
    except ImageNotFound:
        client.images.pull(image, platform=platform)


def local_digest(image: str) -> str:
    """Return the digest of an image on the engine, or its id where it was never in a registry."""
    import docker

    client = docker.from_env()
    try:
        found: Any = client.images.get(image)
        digests = found.attrs.get("RepoDigests") or [found.id]
        return str(digests[0].rpartition("@")[2])
    finally:
        client.close()
