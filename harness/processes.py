"""Processes: which is which (a number is used again, number and start together are not), and what time they took."""

from __future__ import annotations

import ctypes
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import psutil

__all__ = ["cpu_clock_s", "start_of", "surroundings_of_processes"]


def start_of(pid: int) -> str:
    """Return when a process started; empty if there is none. Linux counts from the boot, so clocks do not matter."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        pass
    else:
        return "" if fields[0] == "Z" else fields[19]
    try:
        return str(round(psutil.Process(pid).create_time()))
    except psutil.Error:
        return ""


def surroundings_of_processes() -> dict[str, str]:
    """Return within what process numbers are counted: the run of the machine (``boot``) and the ``namespace``."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:  # no Linux: number and start of the process must do
        return {"boot": "", "namespace": ""}
    return {"boot": boot, "namespace": namespace}


def cpu_clock_s(pid: int) -> float | None:
    """Return the processor time of a process in seconds, by its clock, which counts nanoseconds; None without one.

    Accounts of times, psutil's among them, count in ticks of 10 ms: too coarse for a server that is measured for a
    fifth of a second.
    """
    clock_of = _clock_of()
    clock = ctypes.c_int()
    if clock_of is None or clock_of(pid, ctypes.byref(clock)) != 0:
        return None
    with suppress(OSError):  # it has just ended
        return time.clock_gettime(clock.value)
    return None


@cache
def _clock_of() -> Any:
    """Return ``clock_getcpuclockid(3)``, None where the system's library has none."""
    try:
        return ctypes.CDLL(None).clock_getcpuclockid
    except (AttributeError, OSError, TypeError):
        return None
