"""StageClock: how long each stage of a client's work took, from an input file to what its user sees."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["StageClock"]


class StageClock:
    """Adds up the time spent in each stage.

    Client code takes one and names its stages with it; whoever calls that code reads how long they took::

        def make_prediction(image: bytes, client: Client, *, clock: StageClock | None = None) -> io.BytesIO:
            clock = clock or StageClock()
            with clock("decode"):
                ...

    A stage within a stage is an error: times that overlap do not add up. Not for several threads.
    """

    def __init__(self) -> None:
        """Begin with no stages."""
        self._stages_ns: dict[str, int] = {}
        self._inside = ""

    @property
    def stages_ns(self) -> Mapping[str, int]:
        """Time in each stage, in nanoseconds, by name, in the order in which they were first entered."""
        return dict(self._stages_ns)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Count the time of a ``with`` block to a stage, also if an exception ends it.

        Raises:
            RuntimeError: this is within another stage.
        """
        if self._inside:
            raise RuntimeError(f"stage {name!r} begins within stage {self._inside!r}; end that one first")
        self._inside = name
        self._stages_ns.setdefault(name, 0)
        began_ns = time.perf_counter_ns()
        try:
            yield
        finally:
            self._stages_ns[name] += time.perf_counter_ns() - began_ns
            self._inside = ""
