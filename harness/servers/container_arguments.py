"""What the engine is asked to create: a TensorFlowServingContainer as arguments of the ``docker`` package."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Any

from docker.types import EndpointConfig, Mount
from testcontainers.core.labels import create_labels

from harness.servers.owners import Owner

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.model_config import ModelConfig

__all__ = ["create_arguments", "new_name"]


def new_name(models: Sequence[ModelConfig]) -> str:
    """Return a name for a container, e.g. ``tfserving-digits-4711-1f3a9c``."""
    readable = "".join(char if char.isascii() and char.isalnum() else "-" for char in models[0].name)
    return f"tfserving-{readable}-{os.getpid()}-{uuid.uuid4().hex[:6]}"


def create_arguments(container: Any, mounts: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the arguments of ``docker.DockerClient.containers.create`` that say what a container is to be.

    Args:
        container: with everything that testcontainers' ``with_...`` methods keep; what its ``with_kwargs`` was given
            comes last, and wins.
        mounts: further folders to mount read-only, as (path on the engine's machine, path in the container).
    """
    given = dict(container._kwargs)  # noqa: SLF001 - a part of the class in a module of its own
    labels = {**given.pop("labels", {}), **Owner.me().labels()}
    # Not as volumes: those are kept by their path here, and one folder may hold two models.
    bound = [Mount(target=inside, source=here, type="bind", read_only=True) for here, inside in mounts]
    return {
        "command": list(container.command[3:]),
        "name": container._name,  # noqa: SLF001 - as above
        "environment": container.env,
        "ports": container.ports,
        "labels": create_labels(container.image, labels),
        "volumes": container.volumes,
        "tmpfs": getattr(container, "tmpfs", None) or None,
        **_network(container),
        **given,
        "mounts": [*given.get("mounts", []), *bound],
    }


def _network(container: Any) -> dict[str, Any]:
    network, aliases = container._network, container._network_aliases  # noqa: SLF001 - as above
    if network is None:
        return {}
    return {"network": network.name, "networking_config": {network.name: EndpointConfig("1.41", aliases=aliases)}}
