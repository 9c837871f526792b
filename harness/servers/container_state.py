"""What an engine says of a container, whether it still runs and how it ended; and its removal."""

from __future__ import annotations

import signal
from typing import Any

from docker.errors import APIError, DockerException, NotFound
from requests.exceptions import RequestException

__all__ = ["end_of", "remove"]

_ALIVE = {"created", "running", "paused"}


def end_of(container: Any) -> str | None:
    """Return how a container ended, None while it runs. A restart that nobody asked for is an end, too."""
    try:
        container.reload()
    except NotFound:
        return "the container was removed"
    except (DockerException, RequestException) as exc:
        return f"the Docker engine does not answer any more: {str(exc)[:120]}"
    state, restarts = container.attrs["State"], container.attrs.get("RestartCount", 0)
    if state["Status"] in _ALIVE and not restarts:
        return None
    if state["Status"] in _ALIVE:  # it has no code of its last end any more
        return f"the container ended and was restarted {restarts} times"
    code = state["ExitCode"]
    text = f"the container {state['Status']} with code {code}{_signal_text(code)}"
    return text + (", out of memory" if state.get("OOMKilled") else "")


def _signal_text(code: int) -> str:
    """Return the signal that an exit code of a shell stands for; -1 ends as 255, which is none."""
    try:
        return f" ({signal.Signals(code - 128).name})" if 128 < code < 128 + 64 else ""
    except ValueError:
        return ""


def remove(container: Any, **how: Any) -> None:
    """Remove a container; somebody else may have removed it, or be removing it at this moment.

    Raises:
        docker.errors.APIError: the engine cannot.
    """
    try:
        container.remove(**how)
    except NotFound:
        return
    except APIError as exc:
        if "is already in progress" not in str(exc):
            raise
        container.wait(condition="removed")
