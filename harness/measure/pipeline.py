"""Pipeline: client code around a call, from an input file to what its user sees."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.stages import StageClock

__all__ = ["Pipeline"]


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """A user's function, called the same way whatever it takes.

    Attributes:
        name: for people, e.g. ``models.commodity:make_prediction``.
        function: takes the bytes of a file, a client, and, if it names its stages, ``clock``.
    """

    name: str
    function: Callable[..., Any]

    def run(self, file: bytes, client: Any, *, clock: StageClock) -> Any:
        """Return what the function makes of a file."""
        if self._takes_clock:
            return self.function(file, client, clock=clock)
        return self.function(file, client)

    @cached_property
    def _takes_clock(self) -> bool:
        try:
            return "clock" in inspect.signature(self.function).parameters
        except ValueError:  # some functions written in C do not tell
            return False
