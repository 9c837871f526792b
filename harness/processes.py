"""Which process is which: a number is used again, number and start together are not."""

from __future__ import annotations

from pathlib import Path

import psutil

__all__ = ["start_of", "surroundings_of_processes"]


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
