"""From an engine's refusal to create or start a container to an error with its cause and remedy."""

from __future__ import annotations

import re
from typing import Any

from harness.errors import BackendUnavailableError, ServerError, StartupError

__all__ = ["lost_port", "refusal", "refuse_ignored_gpus", "refuse_other_platform"]

_NO_GPUS = "the engine has no GPUs: install the NVIDIA container toolkit on its machine, or leave --serving-gpus out"
_PORT = r"port is already allocated|address already in use|ports are not available"
AMD64_ONLY = (
    "tensorflow/serving is built for linux/amd64 only; on an arm64 machine use --serving-platform=linux/amd64 where the"
    " engine emulates it, or --serving-backend=standin"
)
# (pattern in the engine's text, cause and remedy)
_CAUSES = (
    (r"does not match the specified platform|no matching manifest|image operating system", AMD64_ONLY),
    (r"exec format error", f"the image is for another kind of processor; {AMD64_ONLY}"),
    (
        _PORT,
        "a host port is taken; leave the port out for a free one, or stop what listens there",
    ),
    (
        r"bind source path does not exist|no such file or directory.*mount|statfs",
        "the engine does not see this machine's files (is it remote?); use --serving-model-transfer=copy",
    ),
    (
        r"could not select device driver|capabilities: \[\[gpu\]\]",
        _NO_GPUS,
    ),
    (r"network \S+ not found|unable to find network", "create the network first: docker network create NAME"),
    (
        r"[Rr]equested CPUs are not available|[Ii]nvalid value .*cpuset",
        "--serving-cpus names processors that the engine's machine does not have",
    ),
    (r"[Mm]inimum memory limit|unable to set memory limit", "--serving-memory is below what the engine can enforce"),
    (r"permission denied", "the engine refuses this user, or may not read the model's directory"),
)


def lost_port(error: Exception) -> bool:
    """Whether the engine refused because a host port is taken."""
    return re.search(_PORT, _text(error)) is not None


def _text(error: Exception) -> str:
    return " ".join(str(getattr(error, "explanation", None) or error).split())


def refusal(image: str, error: Exception) -> ServerError:
    """Return the error to raise for an engine's refusal."""
    from docker.errors import ImageNotFound

    text = _text(error)
    cause = next((cause for pattern, cause in _CAUSES if re.search(pattern, text)), "")
    remedy = f"\n  likely cause: {cause}" if cause else ""
    if isinstance(error, ImageNotFound) and not cause:
        return BackendUnavailableError(
            f"the image {image} is not on the engine and cannot be pulled: {text}"
            "\n  remedy: pull or build it first, or name another with --serving-image"
        )
    return StartupError(f"the Docker engine refused to start {image}: {text}{remedy}")


def refuse_other_platform(client: Any, image: str, platform: str | None) -> None:
    """Raise if an image on the engine is not of the platform asked for; podman would run it without a word.

    Raises:
        StartupError: names both platforms.
    """
    if platform is None:
        return
    attributes = client.images.get(image).attrs
    found = f"{attributes['Os']}/{attributes['Architecture']}"
    if not f"{platform}/".startswith(f"{found}/"):
        raise StartupError(
            f"the image {image} on the engine is for {found}, not for {platform}\n  likely cause: {AMD64_ONLY}"
        )


def refuse_ignored_gpus(container: Any) -> None:
    """Raise if an engine dropped the wish for GPUs, as podman's API does.

    Raises:
        StartupError: with the remedy.
    """
    container.reload()
    if not container.attrs["HostConfig"].get("DeviceRequests"):
        raise StartupError(f"the Docker engine took the container without its GPUs\n  likely cause: {_NO_GPUS}")
