"""What the machine's processors did meanwhile: how much of their time was stolen by others on the same host."""

from __future__ import annotations

from typing import Any

import psutil

__all__ = ["MachineTime"]


class MachineTime:
    """Processor time of the whole machine since it was made, or since `begin`."""

    def __init__(self) -> None:
        """Begin now."""
        self._before = psutil.cpu_times()

    def begin(self) -> None:
        """Begin again now."""
        self._before = psutil.cpu_times()

    def steal_share(self) -> float:
        """Return the share of the time that a hypervisor gave to others; 0 where the system does not tell."""
        return steal_between(self._before, psutil.cpu_times())


def steal_between(before: Any, after: Any) -> float:
    """Return that share from two readings of ``psutil.cpu_times()``."""
    fields = [name for name in before._fields if name not in ("guest", "guest_nice")]  # those are within user and nice
    total = sum(getattr(after, name) - getattr(before, name) for name in fields)
    stolen = getattr(after, "steal", 0.0) - getattr(before, "steal", 0.0)
    return stolen / total if total > 0 else 0.0
