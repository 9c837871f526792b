"""How the models get into a container: mounted, where the engine sees the same files, else copied in as an archive.

An engine sees our files for sure only if it listens at a Unix socket and is a process among ours: a TCP address may
lead to another machine (or to a "Docker in Docker" of a CI), and a socket that was handed into our own container
belongs to an engine outside, which knows nothing of our paths. Marks such as ``/.dockerenv`` do not tell: machines that
were made from an image of a container carry them, too.
"""

from __future__ import annotations

import os
import socket
import struct
import tarfile
import tempfile
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

from harness.errors import StartupError
from harness.servers.engine import socket_path

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "archive_of",
    "engine_sees_our_files",
    "host_of",
    "is_among_ours",
    "link_out_of",
    "transfer_mode",
]

_IN_MEMORY_BYTES = 16 * 2**20


@cache
def engine_sees_our_files(address: str) -> bool:
    """Whether a path of ours is surely the same path for the engine at that address."""
    path = socket_path(address)
    if path is None:
        return False
    if not hasattr(socket, "SO_PEERCRED"):
        return True  # no Linux: the engines there share the users' folders, and nobody works inside a container
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knocking:
        try:
            knocking.connect(path)
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


def transfer_mode(asked: str, address: str, base_paths: Iterable[str] = ()) -> str:
    """Return ``mount`` or ``copy``: a mount of a base path holds nothing of what links in it lead to elsewhere.

    Raises:
        StartupError: a mount was asked for, and would lack something.
    """
    if asked == "copy" or (asked == "auto" and not engine_sees_our_files(address)):
        return "copy"
    link = next(filter(None, map(link_out_of, base_paths)), None)
    if link is not None and asked == "mount":
        raise StartupError(
            f"{link} is a link to {Path(link).resolve()}, which is not there in a container that mounts the base path;"
            " use --serving-model-transfer=copy, which follows links"
        )
    return "mount" if link is None else "copy"


def link_out_of(base_path: str) -> str | None:
    """Return a link under a base path that leads out of it, None if there is none."""
    root = os.path.realpath(base_path)
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = os.path.join(folder, name)  # noqa: PTH118 - models may have very many files, and Path is slow
            if os.path.islink(path) and os.path.commonpath((root, os.path.realpath(path))) != root:  # noqa: PTH114
                return path
    return None


def archive_of(folders: Iterable[tuple[str, str]]) -> IO[bytes]:
    """Return a tar archive, at its beginning, of folders given as (path here, absolute path in the container).

    Links are followed, for what they lead to is not there in the container; everything can be read by everyone, for
    the server may run as any user.

    Raises:
        StartupError: something cannot be read, e.g. a link that leads nowhere.
    """
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - the caller closes it
    try:
        with tarfile.open(fileobj=file, mode="w", dereference=True) as tar:
            for here, inside in folders:
                tar.add(Path(here).resolve(), arcname=inside.lstrip("/"), filter=_readable_by_all)
    except OSError as exc:
        file.close()
        raise StartupError(f"{exc.filename} cannot be copied into the container: {exc.strerror}") from exc
    file.seek(0)
    return file


def _readable_by_all(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode |= 0o555 if info.isdir() else 0o444
    return info
