"""StageClock: how long each stage of a client's work took, from an input file to what its user sees."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Span", "StageClock", "sum_by_name"]


@dataclass(frozen=True, kw_only=True)
class Span:
    """A stage that was gone through once, by the clock of ``time.perf_counter_ns``."""

    name: str
    began_ns: int
    ended_ns: int


class StageClock:
    """Keeps when each stage was.

    Client code takes one and names its stages with it; whoever calls that code reads how long they took::

        def make_prediction(image: bytes, client: Client, *, clock: StageClock | None = None) -> io.BytesIO:
            clock = clock or StageClock()
            with clock("decode"):
                ...

    A stage within a stage is an error: times that overlap do not add up. Not for several threads.

    Attributes:
        spans: the stages in the order in which they were gone through; may be cleared to begin anew.
    """

    def __init__(self) -> None:
        """Begin with no stages."""
        self.spans: list[Span] = []
        self._inside = ""

    @property
    def stages_ns(self) -> Mapping[str, int]:
        """Time in each stage, in nanoseconds, by name, in the order in which they were first entered."""
        return sum_by_name(self.spans)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Keep the time of a ``with`` block, also if an exception ends it.

        Raises:
            RuntimeError: this is within another stage.
        """
        if self._inside:
            raise RuntimeError(f"stage {name!r} begins within stage {self._inside!r}; end that one first")
        self._inside = name
        began_ns = time.perf_counter_ns()
        try:
            yield
        finally:
            self.spans.append(Span(name=name, began_ns=began_ns, ended_ns=time.perf_counter_ns()))
            self._inside = ""


def sum_by_name(spans: Iterable[Span]) -> dict[str, int]:
    """Return the time in each stage, in nanoseconds, in the order of their first spans."""
    sums: dict[str, int] = {}
    for span in spans:
        sums[span.name] = sums.get(span.name, 0) + span.ended_ns - span.began_ns
    return sums
