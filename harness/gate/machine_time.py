"""What the machine's processors did meanwhile: how much of their time was stolen by others on the same host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MachineTime", "share_of"]


class MachineTime:
    """Processor time of the whole machine since it was made, or since `begin`."""

    def __init__(self) -> None:
        """Begin now."""
        self._before = psutil.cpu_times()

    def begin(self) -> None:
        """Begin again now."""
        self._before = psutil.cpu_times()

    def used(self) -> tuple[float, float]:
        """Return the seconds since then of all processors together, and how many of them a hypervisor gave to others.

        The latter is 0 where the system does not tell.
        """
        return used_between(self._before, psutil.cpu_times())


def used_between(before: Any, after: Any) -> tuple[float, float]:
    """Return that from two readings of ``psutil.cpu_times()``."""
    fields = [name for name in before._fields if name not in ("guest", "guest_nice")]  # those are within user and nice
    total_s = sum(getattr(after, name) - getattr(before, name) for name in fields)
    return total_s, getattr(after, "steal", 0.0) - getattr(before, "steal", 0.0)


def share_of(parts: Iterable[tuple[float, float]]) -> float:
    """Return the stolen share of several such times together; 0 of no time at all."""
    total_s = stolen_s = 0.0
    for total, stolen in parts:
        total_s += total
        stolen_s += stolen
    return stolen_s / total_s if total_s > 0 else 0.0
