"""The highest rate that keeps a limit: bracketed by doubling, then narrowed by bisection. Pure: a probe measures.

What comes out is a bracket, not a point: the highest rate that was seen to keep the limit, and the lowest that was not.
Between them nothing is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Bracket", "Verdict", "search_rate"]

Verdict = Literal["kept", "missed", "void"]

_LEAST_FRACTION = 1 / 1024


@dataclass(frozen=True, kw_only=True)
class Bracket:
    """What a search found.

    Attributes:
        kept_per_s: the highest rate that kept the limit, None if none did.
        missed_per_s: the lowest rate above it that did not, None if none was found.
        why_open: why one side is missing, or the bracket is wider than asked; empty if it is as asked.
        steps: each rate that was tried, with its verdict, in order.
    """

    kept_per_s: float | None
    missed_per_s: float | None
    why_open: str
    steps: tuple[tuple[float, Verdict], ...]

    def __str__(self) -> str:
        """Return one line for people."""
        if self.kept_per_s is None:
            return f"no rate kept the limit: {self.why_open}"
        upper = "nothing above was tried" if self.missed_per_s is None else f"missed at {self.missed_per_s:,.1f}/s"
        text = f"kept at {self.kept_per_s:,.1f}/s, {upper}"
        return f"{text} ({self.why_open})" if self.why_open else text


def search_rate(
    probe: Callable[[float], Verdict], *, start_per_s: float, tolerance: float = 0.05, most_steps: int = 24
) -> Bracket:
    """Find the highest rate that keeps a limit.

    Args:
        probe: measures at a rate; ``void`` if the generator was at its end, and not the server.
        start_per_s: the first rate.
        tolerance: how far the two sides of the bracket may lie apart, as a share of the lower one.
        most_steps: how many measurements at most.

    Raises:
        UsageError: a start, tolerance or number of steps that leads nowhere.
    """
    if not 0 < start_per_s <= 1e7 or not 0 < tolerance < 1 or most_steps < 1:
        raise UsageError(
            f"a search needs a rate above 0, a tolerance between 0 and 1 and a step at least, got"
            f" start_per_s={start_per_s!r}, tolerance={tolerance!r}, most_steps={most_steps!r}"
        )
    steps: list[tuple[float, Verdict]] = []
    kept: float | None = None
    missed: float | None = None
    rate: float | None = start_per_s
    while rate is not None and len(steps) < most_steps:
        verdict = probe(rate)
        steps.append((rate, verdict))
        if verdict == "kept":
            kept = rate
        else:
            missed = rate
        rate = _next(kept, missed, start_per_s, tolerance)
    return Bracket(kept_per_s=kept, missed_per_s=missed, why_open=_why_open(rate, kept, steps), steps=tuple(steps))


def _next(kept: float | None, missed: float | None, start: float, tolerance: float) -> float | None:
    """Return the next rate to try, None if there is nothing more to learn."""
    if missed is None:
        return None if kept is None or kept * 2 > 1e7 else kept * 2
    if kept is None:
        return missed / 2 if missed / 2 >= start * _LEAST_FRACTION else None
    return (kept + missed) / 2 if missed - kept > tolerance * kept else None


def _why_open(rate: float | None, kept: float | None, steps: list[tuple[float, Verdict]]) -> str:
    verdicts = dict(steps)
    lowest = min(verdicts)
    if kept is None:
        return f"not even {lowest:,.3g}/s did"
    beyond = [tried for tried, verdict in steps if verdict == "void" and tried > kept]
    if beyond and min((tried for tried, verdict in steps if verdict == "missed"), default=1e9) > min(beyond):
        return f"at {min(beyond):,.1f}/s the load generator was at its end, not the server"
    return f"{len(steps)} steps did not narrow it further" if rate is not None else ""
