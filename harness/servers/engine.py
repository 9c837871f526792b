"""The Docker engine: where it listens, how to reach it, and why it cannot be used; each answer within seconds."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "DEFAULT_ENGINE",
    "api_version",
    "engine_address",
    "engine_client",
    "engine_fault",
    "engine_platform",
    "socket_path",
]

DEFAULT_ENGINE = "unix:///var/run/docker.sock"
_TIMEOUT_S = 4
# Where engines listen that are not found by themselves; the first is podman's for root.
_OTHER_SOCKETS = (
    "/run/podman/podman.sock",
    "{XDG_RUNTIME_DIR}/podman/podman.sock",
    "{XDG_RUNTIME_DIR}/docker.sock",
    "{HOME}/.docker/run/docker.sock",
    "{HOME}/.docker/desktop/docker.sock",
    "{HOME}/.colima/default/docker.sock",
)
_REFUSED = (
    "the Docker engine refuses this user (permission denied on its socket); add the user to its group"
    " (usermod -aG docker USER, then log in again)"
)
_DIVERTED = "a proxy variable diverts the calls to the Docker engine; put the engine's host into NO_PROXY"


def engine_address() -> str:
    """Return the engine's address, as testcontainers finds it: its own settings, DOCKER_HOST, Docker's context."""
    import docker
    from testcontainers.core.docker_client import get_docker_host

    return str(get_docker_host() or docker.utils.kwargs_from_env().get("base_url") or DEFAULT_ENGINE)


def socket_path(address: str) -> str | None:
    """Return the path of an engine's Unix socket, None if it listens elsewhere."""
    parts = urlsplit(address)
    return (parts.path or f"/{parts.netloc}") if parts.scheme in {"unix", "http+unix"} else None


@contextmanager
def _client(address: str, version: str, timeout_s: int) -> Iterator[Any]:
    import docker

    client = docker.from_env(
        version=version,
        timeout=timeout_s,
        environment={**os.environ, "DOCKER_HOST": address},
        use_ssh_client=address.startswith("ssh://"),
    )
    try:
        yield client
    finally:
        client.close()


def _version(address: str) -> dict[str, str]:
    """Return what an engine says of itself. It is asked once: podman takes most of a second for that."""
    from docker.constants import DEFAULT_DOCKER_API_VERSION

    if address not in _versions:
        with _client(address, DEFAULT_DOCKER_API_VERSION, _TIMEOUT_S) as client:
            _versions[address] = client.api.version(api_version=False)
    return _versions[address]


_versions: dict[str, dict[str, str]] = {}


def api_version() -> str:
    """Return the version of the engine's API, e.g. ``1.41``."""
    return _version(engine_address())["ApiVersion"]


def engine_platform() -> str:
    """Return what the engine runs on, e.g. ``linux/amd64``."""
    version = _version(engine_address())
    return f"{version['Os']}/{version['Arch']}"


@contextmanager
def engine_client(*, timeout_s: int | None = None) -> Iterator[Any]:
    """Yield a ``docker.DockerClient`` of the engine that the containers will run on.

    Raises:
        docker.errors.DockerException: nobody answers.
        requests.exceptions.RequestException: likewise.
    """
    address = engine_address()
    with _client(address, _version(address)["ApiVersion"], timeout_s or _TIMEOUT_S) as client:
        yield client


def engine_fault() -> str:
    """Return why no Docker engine can be used; empty if one answers."""
    address = engine_address()
    try:
        _knock(address)
        with engine_client() as client:
            client.ping()
    except Exception as exc:  # noqa: BLE001 - whatever the transport raises, the engine does not answer
        return _fault_text(exc, address)
    return ""


def _knock(address: str) -> None:
    """Connect to the engine's address and hang up: the library leaks its sockets when nobody answers there.

    Raises:
        OSError: nobody answers.
    """
    path, parts = socket_path(address), urlsplit(address)
    if path is not None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knocking:
            knocking.settimeout(_TIMEOUT_S)
            knocking.connect(path)
    elif parts.hostname and parts.port and parts.scheme != "ssh":
        with socket.create_connection((parts.hostname, parts.port), timeout=_TIMEOUT_S):
            pass


def _fault_text(error: Exception, address: str) -> str:
    text = str(error)
    if isinstance(error, PermissionError) or "Permission denied" in text or "PermissionError" in text:
        return _REFUSED
    if "ProxyError" in text or "Unable to connect to proxy" in text:
        return _DIVERTED
    if isinstance(error, FileNotFoundError) or "FileNotFoundError" in text:
        return f"no Docker engine answers (there is no socket {socket_path(address)}); {_where_to_look(address)}"
    seen = text.splitlines()[0][:120] if text else type(error).__name__
    return f"no Docker engine answers at {address} ({seen}); {_where_to_look(address)}"


def _where_to_look(address: str) -> str:
    if address == DEFAULT_ENGINE:
        variables = {name: os.environ.get(name, "/nowhere") for name in ("HOME", "XDG_RUNTIME_DIR")}
        there = next((path for path in (one.format(**variables) for one in _OTHER_SOCKETS) if Path(path).exists()), "")
        if there:
            return f"start it, or use the one at {there} (DOCKER_HOST=unix://{there})"
    return "start one, or set DOCKER_HOST to where it listens"
