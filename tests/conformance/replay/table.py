"""The score: how many exchanges of each area were answered as recorded."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from replay.player import Result

__all__ = ["markdown", "plain", "record"]


def _rows(results: Iterable[Result]) -> list[tuple[str, int, int]]:
    """Area, exchanges as recorded, exchanges; the sum last."""
    good: Counter[str] = Counter()
    all_of: Counter[str] = Counter()
    for result in results:
        for area in (result.area, "all"):
            good[area] += result.difference is None
            all_of[area] += 1
    areas = [*sorted(area for area in all_of if area != "all"), "all"]
    return [(area, good[area], all_of[area]) for area in areas if all_of[area]]


def _percent(good: int, count: int) -> str:
    return f"{100 * good / count:.1f} %" if good < count else "100 %"


def record(results: Iterable[Result]) -> list[dict[str, str | int]]:
    """The score as the package carries it (harness/standin/conformance.json), without the sum."""
    rows = [row for row in _rows(results) if row[0] != "all"]
    return [{"area": area, "as_recorded": good, "exchanges": count} for area, good, count in rows]


def plain(results: Iterable[Result]) -> str:
    """The table as lines for a terminal."""
    rows = _rows(results)
    return "\n".join(f"{area:<20} {good:>5} of {count:>5}  {_percent(good, count):>8}" for area, good, count in rows)


def markdown(results: Iterable[Result]) -> str:
    """The table in Markdown."""
    lines = ["| area | as recorded | exchanges | share |", "| --- | ---: | ---: | ---: |"]
    lines += [f"| {area} | {good} | {count} | {_percent(good, count)} |" for area, good, count in _rows(results)]
    return "\n".join(lines) + "\n"
