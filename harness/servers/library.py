"""Which TensorFlow a server runs on."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.servers.server import Server

__all__ = ["tensorflow_version"]

_TIMEOUT_S = 20.0
_LINE = re.compile(r"^TensorFlow Library: (\S+)", re.MULTILINE)


def tensorflow_version(server: Server) -> str | None:
    """Return the version of TensorFlow that a server runs on; None where it does not tell.

    The stand-in runs on the installed one, a binary says it (``--version``, behaviour item 9). A container's is told by
    its image, which provenance holds with its digest.
    """
    if server.backend.name == "standin":
        return metadata.version("tensorflow")
    return _told_by(server.engine.command[0]) if server.backend.name == "binary" else None


@cache
def _told_by(executable: str) -> str | None:
    try:
        answer = subprocess.run(
            [executable, "--version"], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _LINE.search(answer.stdout)
    return found.group(1) if found else None
