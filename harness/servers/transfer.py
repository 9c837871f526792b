"""How the models get into a container: mounted, where the engine sees the same files, else copied in as an archive.

An engine sees our files for sure only if it listens at a Unix socket and is a process among ours: a TCP address may
lead to another machine (or to a "Docker in Docker" of a CI), and a socket that was handed into our own container
belongs to an engine outside, which knows nothing of our paths. Marks such as ``/.dockerenv`` do not tell: machines that
were made from an image of a container carry them, too.
"""

from __future__ import annotations

import socket
import struct
import tarfile
import tempfile
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["archive_of", "engine_address", "engine_sees_our_files", "host_of", "is_among_ours", "transfer_mode"]

DEFAULT_ENGINE = "unix:///var/run/docker.sock"
_IN_MEMORY_BYTES = 16 * 2**20


def engine_address() -> str:
    """Return the engine's address, as testcontainers finds it: its own settings, then DOCKER_HOST, then the default."""
    import docker
    from testcontainers.core.docker_client import get_docker_host

    return str(get_docker_host() or docker.utils.kwargs_from_env().get("base_url") or DEFAULT_ENGINE)


@cache
def engine_sees_our_files(address: str) -> bool:
    """Whether a path of ours is surely the same path for the engine at that address."""
    parts = urlsplit(address)
    if parts.scheme not in {"unix", "http+unix"}:
        return False
    if not hasattr(socket, "SO_PEERCRED"):
        return True  # no Linux: the engines there share the users' folders, and nobody works inside a container
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knocking:
        try:
            knocking.connect(parts.path or f"/{parts.netloc}")
        except OSError:
            return True  # whoever calls the engine will say what is wrong with it
        credentials = knocking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return is_among_ours(int(struct.unpack("3i", credentials)[0]))


def host_of(address: str) -> str | None:
    """Return the host on which an engine publishes ports, None if its address does not tell.

    ``TC_HOST`` and ``TESTCONTAINERS_HOST_OVERRIDE`` decide, as for everything that testcontainers starts.
    """
    from testcontainers.core.config import testcontainers_config

    parts = urlsplit(address)
    named = parts.hostname if parts.scheme in {"tcp", "http", "https", "ssh"} else None
    return testcontainers_config.tc_host_override or named


def is_among_ours(pid: int, *, root: Path = Path("/")) -> bool:
    """Whether a socket's peer counts processes as we do: 0 stands for one outside of our container (see unix(7))."""
    try:
        status = (root / f"proc/{pid}/status").read_text()
    except OSError:
        return False
    numbers = next((line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")), [str(pid)])
    return len(numbers) == 1  # more: it lives in a container of this machine, with files of its own


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
