"""Which image to run, whether a Docker engine answers, and whether the image can be had: each answer within seconds."""

from __future__ import annotations

import threading
from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.servers.spec import ServerSpec

__all__ = ["default_image", "engine_fault", "image_of", "local_digest", "why_no_image"]

_ENGINE_TIMEOUT_S = 2
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
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=_ENGINE_TIMEOUT_S)
    except DockerException as exc:
        return _engine_text(exc)
    try:
        client.ping()
    except Exception as exc:  # noqa: BLE001 - whatever the transport raises, the engine does not answer
        return _engine_text(exc)
    finally:
        client.close()
    return ""


def _engine_text(error: Exception) -> str:
    text = str(error)
    if "Permission denied" in text or "PermissionError" in text:
        return "the Docker engine refuses this user (permission denied on its socket); add the user to its group"
    if "FileNotFoundError" in text or "No such file" in text:
        return "no Docker engine answers (no socket)"
    return f"no Docker engine answers ({text.splitlines()[0][:120]})"


def why_no_image(image: str) -> str:
    """Return why an image cannot be had; empty if it is on the engine, or or its registry shows it."""
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
    if not answer:
        return (
            f"the image {image} is not on the engine, and its registry did not answer within {_REGISTRY_TIMEOUT_S:g} s"
        )
    return answer[0]


def _ask_registry(image: str, answer: list[str]) -> None:
    import docker

    client = docker.from_env(timeout=int(_REGISTRY_TIMEOUT_S))
    try:
        client.images.get_registry_data(image)
    except Exception as exc:  # noqa: BLE001 - reported, whatever it is
        reason = str(exc).splitlines()[0][:160]
        answer.append(f"the image {image} is not on the engine and cannot be pulled ({reason})")
    else:
        answer.append("")
    finally:
        client.close()


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
