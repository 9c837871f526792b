"""What an engine says of a container: whether it still runs, and how it ended."""

from __future__ import annotations

import signal
from typing import Any

__all__ = ["end_of"]

_ALIVE = {"created", "running", "paused"}


def end_of(container: Any) -> str | None:
    """Return how a container ended, None while it runs. A restart that nobody asked for is an end, too."""
    from docker.errors import NotFound

    try:
        container.reload()
    except NotFound:
        return "the container was removed"
    state, restarts = container.attrs["State"], container.attrs.get("RestartCount", 0)
    if state["Status"] in _ALIVE and not restarts:
        return None
    code = state["ExitCode"]
    status = f"was restarted {restarts} times, the last time" if restarts else state["Status"]
    text = f"the container {status} with code {code}{_signal_text(code)}"
    return text + (", out of memory" if state.get("OOMKilled") else "")


def _signal_text(code: int) -> str:
    """Return the signal that an exit code of a shell stands for; -1 ends as 255, which is none."""
    try:
        return f" ({signal.Signals(code - 128).name})" if 128 < code < 128 + 64 else ""
    except ValueError:
        return ""
