"""Whose a container is: labels that name the process that started it, and the removal of those whose owner is gone.

Guards (``harness.servers.guard``) remove a container as soon as its owner dies. Should a guard be killed as well, the
next run finds the container by its labels and removes it.
"""

from __future__ import annotations

import contextlib
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.processes import start_of, surroundings_of_processes

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LABEL", "Owner", "remove_orphans"]

LABEL = "tfserving-harness"


@dataclass(frozen=True, kw_only=True)
class Owner:
    """A process that started a container, told apart from any other of the same number.

    Attributes:
        pid: its number.
        start: when it started, as the system counts that.
        host: the machine's name.
        boot: which run of the machine: process numbers begin anew with each.
        namespace: in which process numbers are counted: containers have their own.
    """

    pid: str
    start: str
    host: str
    boot: str
    namespace: str

    @classmethod
    def me(cls) -> Owner:
        """Return this process."""
        return cls(
            pid=str(os.getpid()), start=start_of(os.getpid()), host=socket.gethostname(), **surroundings_of_processes()
        )

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> Owner:
        """Return the owner that labels name; what they lack is empty."""
        return cls(**{name: labels.get(f"{LABEL}.owner-{name}", "") for name in cls.__dataclass_fields__})

    def labels(self) -> dict[str, str]:
        """Return the labels that name this owner, and mark the container as one of ours."""
        fields = {f"{LABEL}.owner-{name}": getattr(self, name) for name in self.__dataclass_fields__}
        return {LABEL: "server", **fields}

    def is_surely_gone(self, *, engine_is_here: bool) -> bool:
        """Whether this process ended. What was started elsewhere, or cannot be judged from here, counts as alive.

        Args:
            engine_is_here: whether only this machine uses the engine. Then another boot is an earlier one of it; on an
                engine of several machines it may be one of another that has the same name.
        """
        here = surroundings_of_processes()
        if not self.pid.isdigit() or self.host != socket.gethostname():
            return False
        if self.boot != here["boot"]:
            return engine_is_here
        return self.namespace == here["namespace"] and start_of(int(self.pid)) != self.start


def remove_orphans(client: Any, *, engine_is_here: bool) -> list[str]:
    """Remove the containers whose owner is gone; return their names."""
    from docker.errors import APIError, NotFound

    removed = []
    for container in client.containers.list(all=True, filters={"label": f"{LABEL}=server"}, ignore_removed=True):
        if Owner.of(container.labels).is_surely_gone(engine_is_here=engine_is_here):
            with contextlib.suppress(NotFound, APIError):  # another run does the same at this moment
                container.remove(force=True, v=True)
                removed.append(str(container.name))
    return removed
