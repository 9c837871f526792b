"""How the models get into a container: mounted, where the engine sees the same files, else copied in as an archive.

An engine sees our files for sure only if it is reached over a Unix socket and we are not in a container ourselves: a
TCP address may lead to another machine (or to a "Docker in Docker" of a CI), and a socket that was handed into our own
container belongs to an engine that knows nothing of our paths.
"""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["archive_of", "engine_address", "engine_sees_our_files", "transfer_mode"]

DEFAULT_ENGINE = "unix:///var/run/docker.sock"
_CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")
_IN_MEMORY_BYTES = 16 * 2**20


def engine_address() -> str:
    """Return the engine's address, as testcontainers finds it: its own settings, then DOCKER_HOST, then the default."""
    import docker
    from testcontainers.core.docker_client import get_docker_host

    return str(get_docker_host() or docker.utils.kwargs_from_env().get("base_url") or DEFAULT_ENGINE)


def engine_sees_our_files(address: str, *, root: Path = Path("/")) -> bool:
    """Whether a path of ours is surely the same path for the engine at that address."""
    in_container = any((root / mark.lstrip("/")).exists() for mark in _CONTAINER_MARKS)
    return address.startswith(("unix://", "http+unix://")) and not in_container


def transfer_mode(asked: str, address: str) -> str:
    """Return ``mount`` or ``copy``."""
    if asked != "auto":
        return asked
    return "mount" if engine_sees_our_files(address) else "copy"


def archive_of(folders: Iterable[tuple[str, str]]) -> IO[bytes]:
    """Return a tar archive, at its beginning, of folders given as (path here, absolute path in the container).

    Links are followed, for what they lead to is not there in the container; everything can be read by everyone, for
    the server may run as any user.
    """
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - the caller closes it
    with tarfile.open(fileobj=file, mode="w", dereference=True) as tar:
        for here, inside in folders:
            tar.add(Path(here).resolve(), arcname=inside.lstrip("/"), filter=_readable_by_all)
    file.seek(0)
    return file


def _readable_by_all(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode |= 0o555 if info.isdir() else 0o444
    return info
