"""Logs of servers as files that outlive them, e.g. to keep as artifacts of a CI run."""

from __future__ import annotations

import itertools
import os
import threading
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from harness.servers.spec import ServerSpec

__all__ = ["LogFollower", "log_path"]

_PATIENCE_S = 5.0
_numbers = itertools.count(1)


def log_path(spec: ServerSpec) -> Path | None:
    """Return the file for the log of a server about to be started, e.g. ``digits-4711-1.log``; None if none is kept.

    Raises:
        UsageError: it cannot be written.
    """
    if spec.log_directory is None:
        return None
    models = "-".join(spec.model_names)[:60].replace(os.sep, "-")
    path = spec.log_directory / f"{models}-{os.getpid()}-{next(_numbers)}.log"
    try:
        spec.log_directory.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as exc:
        raise UsageError(f"the server's log cannot be kept as {path}: {exc.strerror}; name another folder") from exc
    return path


class LogFollower:
    """Writes what a container writes into a file, from the container's start to its end."""

    def __init__(self, container: Any, path: Path) -> None:
        """Follow from now on, with what was written before."""
        self._thread = threading.Thread(target=_follow, args=(container, path), daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Wait until the last line is written; the container has ended, so it comes soon."""
        self._thread.join(_PATIENCE_S)


def _follow(container: Any, path: Path) -> None:
    from docker.errors import DockerException
    from urllib3.exceptions import HTTPError

    try:
        with path.open("wb", buffering=0) as file:
            for chunk in container.logs(stream=True, follow=True):
                file.write(chunk)
    except (DockerException, HTTPError, OSError):
        return  # the container was removed, or the engine ended: there is nothing more to follow
