"""Which launcher to use for a server."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

from replay.processes import CommandLauncher, ZygoteLauncher

if TYPE_CHECKING:
    from replay.processes import Launcher

__all__ = ["launcher_for"]


def launcher_for(command: str | None) -> Launcher:
    """A launcher for that command line; without one, for the stand-in (forked where forking is sound)."""
    if command:
        return CommandLauncher(shlex.split(command))
    if sys.platform == "linux":
        return ZygoteLauncher()
    return CommandLauncher([sys.executable, "-m", "harness.standin"])
