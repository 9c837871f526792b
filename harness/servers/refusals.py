"""From an engine's refusal to create or start a container to an error with its cause and remedy."""

from __future__ import annotations

import re
from typing import Any

from harness.errors import ServerError, StartupError
from harness.servers.engine import engine_platform
from harness.servers.images import platform_fault, said
from harness.servers.remedies import AMD64_ONLY

__all__ = ["lost_port", "refusal", "refuse_ignored_gpus", "refuse_other_platform"]

_NO_GPUS = "the engine has no GPUs: install the NVIDIA container toolkit on its machine, or leave --serving-gpus out"
_NOT_SEEN = "the engine does not see this machine's files (is it remote?); use --serving-model-transfer=copy"
_NO_SERVER = (
    "the image starts no server by itself (a -devel image does not); name one whose entry point is tensorflow/serving's"
)
_PORT = r"port is already allocated|address already in use|ports are not available"
# (pattern in the engine's text, cause and remedy)
_CAUSES = (
    (r"does not match the specified platform|no matching manifest|image operating system", AMD64_ONLY),
    (r"exec format error", f"the image is for another kind of processor; {AMD64_ONLY}"),
    (_PORT, "a host port is taken; leave the port out for a free one, or stop what listens there"),
    (
        r"bind source path does not exist|no such file or directory.*mount|statfs .*no such file|[Mm]ounts denied",
        _NOT_SEEN,
    ),
    (r"could not select device driver|capabilities: \[\[gpu\]\]", _NO_GPUS),
    (r"network \S+ not found|unable to find network", "create the network first: docker network create NAME"),
    (
        r"[Rr]equested CPUs are not available|[Ii]nvalid value .*cpuset|cpuset\.cpus",
        "--serving-cpus names processors that the engine's machine does not have",
    ),
    (
        r"[Mm]inimum memory limit|unable to set memory limit|init was OOM-killed",
        "--serving-memory is below what the engine can enforce",
    ),
    (
        r"setting rlimit",
        "the engine may not raise limits here; set default_ulimits in podman's containers.conf to what ulimit -a shows",
    ),
    (r"executable file not found|[Nn]o command specified", _NO_SERVER),
    (r"no space left on device", "the engine's disk is full; docker system df shows by what"),
)


def lost_port(error: Exception) -> bool:
    """Whether the engine refused because a host port is taken."""
    return re.search(_PORT, said(error)) is not None


def refusal(image: str, error: Exception) -> ServerError:
    """Return the error to raise for an engine's refusal."""
    text = said(error)
    cause = next((cause for pattern, cause in _CAUSES if re.search(pattern, text)), "")
    remedy = f"\n  likely cause: {cause}" if cause else ""
    return StartupError(f"the Docker engine refused to start {image}: {text}{remedy}")


def refuse_other_platform(client: Any, image: str, platform: str | None) -> None:
    """Raise if an image on the engine is not of the platform wanted.

    Raises:
        StartupError: names both platforms.
    """
    found = client.images.get(image).attrs
    fault = platform_fault(image, [f"{found['Os']}/{found['Architecture']}"], asked=platform, own=engine_platform())
    if fault:
        raise StartupError(fault)


def refuse_ignored_gpus(container: Any) -> None:
    """Raise if an engine dropped the wish for GPUs, as podman's API does.

    Raises:
        StartupError: with the remedy.
    """
    container.reload()
    if not container.attrs["HostConfig"].get("DeviceRequests"):
        raise StartupError(f"the Docker engine took the container without its GPUs\n  likely cause: {_NO_GPUS}")
