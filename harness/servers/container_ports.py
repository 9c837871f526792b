"""Where a container's ports are published, and where they are reached from here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.errors import StartupError
from harness.servers.ports import LOOPBACK, free_port
from harness.servers.transfer import engine_sees_our_files, host_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["published", "reached_at", "refuse_unpublished"]


def published(asked: Mapping[str, Any], address: str) -> dict[str, Any]:
    """Return where each port is to be published. An engine elsewhere must choose, and publish where we can reach it.

    Here it is a port of our own choice on the loopback interface: one of the engine's would change with a restart.

    Args:
        asked: the port on this machine by the container's port, None for any.
        address: the engine's.
    """
    if not engine_sees_our_files(address):
        return dict(asked)
    chosen = [here for here in asked.values() if isinstance(here, int)]
    result = {}
    for port, here in asked.items():
        if here is None:
            chosen.append(free_port(*chosen))
            result[str(port)] = (LOOPBACK, chosen[-1])
        else:
            result[str(port)] = (LOOPBACK, here) if isinstance(here, int) else here
    return result


def reached_at(container: Any, port: int, address: str) -> str:
    """Return where a port of a started container is reached from here; testcontainers knows of engines elsewhere.

    Raises:
        ConnectionError: the container has no such port any more.
    """
    if engine_sees_our_files(address):
        return f"{LOOPBACK}:{container.ports[str(port)][1]}"
    client = container.get_docker_client()
    is_mapped = client.get_connection_mode().use_mapped_port
    host = host_of(address) or container.get_container_host_ip()
    return f"{host}:{client.port(container.get_container_id(), port) if is_mapped else port}"


def refuse_unpublished(container: Any, port: int) -> None:
    """Raise if a running container's port is not published, as on the networks ``host``, ``none`` and internal ones.

    Raises:
        StartupError: names the network.
    """
    container.reload()
    if container.status == "running" and not container.ports.get(f"{port}/tcp"):
        network = container.attrs["HostConfig"]["NetworkMode"]
        raise StartupError(
            f"the engine publishes no ports of a container on the network {network!r}, so it cannot be reached from"
            " here; leave the network out, or take a bridge network that is not internal"
        )
