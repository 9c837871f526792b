"""What the process asks of its operating system: to end with its parent, and to take memory back."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading

__all__ = ["die_with_parent", "return_large_blocks_at_once", "told_of_signals"]

_PR_SET_PDEATHSIG = 1
_CHECK_INTERVAL_S = 1.0
_M_MMAP_THRESHOLD = -3
_LARGE_BYTES = 1 << 20


def die_with_parent() -> None:
    """Have the kernel tell us of the parent's end (Linux), and look for that end ourselves (everywhere).

    Linux means the thread that started us, which may end long before its process. So its signal only makes us look.
    Call this from the main thread.
    """
    parent = os.getppid()

    def look(*_: object) -> None:
        if os.getppid() != parent:
            os._exit(1)

    if sys.platform == "linux":
        signal.signal(signal.SIGUSR2, look)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGUSR2)
    look()
    threading.Thread(target=_watch, args=(parent,), name="parent", daemon=True).start()


def told_of_signals() -> int:
    """Return a file descriptor from which a byte can be read for each signal; call this before setting handlers.

    Python's handlers run in the main thread only, once it executes Python again. One that sleeps on a lock is not woken
    by a signal that another thread takes, nor by one that comes just before it falls asleep; one that reads is.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return reading


def return_large_blocks_at_once() -> None:
    """Have memory of 1 MB and more mapped by itself, so that it is given back once a large request is answered.

    Glibc would otherwise raise that size by itself and keep a request's worth of memory for every thread.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def _watch(parent: int) -> None:
    """Look again and again whether the parent is still the same: where there is no signal, or it comes too early."""
    sleep = threading.Event()
    while os.getppid() == parent:
        sleep.wait(_CHECK_INTERVAL_S)
    os._exit(1)
