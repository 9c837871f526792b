"""End this process when its parent ends, even if the parent was killed."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading

__all__ = ["die_with_parent"]

_PR_SET_PDEATHSIG = 1
_CHECK_INTERVAL_S = 1.0


def die_with_parent() -> None:
    """Ask the kernel for a SIGKILL at the parent's end (Linux), and look for that end ourselves (everywhere)."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    threading.Thread(target=_watch, args=(parent,), name="parent", daemon=True).start()


def _watch(parent: int) -> None:
    """The kernel's signal is tied to the parent's thread and is Linux's own; the parent's number is not."""
    sleep = threading.Event()
    while os.getppid() == parent:
        sleep.wait(_CHECK_INTERVAL_S)
    os._exit(1)
