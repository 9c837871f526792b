"""CPU time and memory of a container from its control group, version 1 or 2, where its files can be read here.

The kernel's own peak counts every moment; the engine's statistics of a version 2 group hold the memory of now only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["ControlGroup", "group_of"]


@dataclass(frozen=True, kw_only=True)
class ControlGroup:
    """The two directories that hold a group's figures: one and the same in version 2.

    Attributes:
        version: 1 or 2.
        cpu: directory of the CPU figures.
        memory: directory of the memory figures.
    """

    version: int
    cpu: Path
    memory: Path

    def cpu_time_us(self) -> int | None:
        """Return the CPU time used so far, in microseconds; None if the kernel does not tell."""
        if self.version == 1:
            used_ns = _number(self.cpu / "cpuacct.usage")
            return None if used_ns is None else used_ns // 1000
        return next((int(line.split()[1]) for line in _lines(self.cpu / "cpu.stat") if line.startswith("usage_")), None)

    def memory_bytes(self) -> int | None:
        """Return the memory used now, without file pages that the kernel could drop; None if it does not tell."""
        if self.version == 1:
            used, idle_files = _number(self.memory / "memory.usage_in_bytes"), "total_inactive_file"
        else:
            used, idle_files = _number(self.memory / "memory.current"), "inactive_file"
        rows = [line.split() for line in _lines(self.memory / "memory.stat")]
        dropped = next((int(row[1]) for row in rows if row[0] == idle_files), 0)
        return None if used is None else used - dropped

    def peak_memory_bytes(self) -> int | None:
        """Return the highest memory so far, in bytes; None if unknown (version 2 before Linux 5.19)."""
        return _number(self.memory / ("memory.max_usage_in_bytes" if self.version == 1 else "memory.peak"))


def group_of(pid: int, container_id: str, *, root: Path = Path("/")) -> ControlGroup | None:
    """Return the control group of a container's first process; None if it cannot be seen from here.

    Args:
        pid: the process as the engine numbers it.
        container_id: must be part of the group's path, else that number is another process here.
        root: where ``proc`` and ``sys`` are.
    """
    paths: dict[str, str] = {}
    for line in _lines(root / f"proc/{pid}/cgroup"):
        _, controllers, path = line.split(":", 2)
        if container_id in path:
            paths.update(dict.fromkeys(controllers.split(","), path.lstrip("/")))
    mounted = root / "sys/fs/cgroup"
    if "cpuacct" in paths and "memory" in paths:
        cpu, memory = mounted / "cpuacct" / paths["cpuacct"], mounted / "memory" / paths["memory"]
        return ControlGroup(version=1, cpu=cpu, memory=memory)
    if "" in paths:
        return ControlGroup(version=2, cpu=mounted / paths[""], memory=mounted / paths[""])
    return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _number(path: Path) -> int | None:
    lines = _lines(path)
    return int(lines[0]) if lines and lines[0].isdigit() else None
