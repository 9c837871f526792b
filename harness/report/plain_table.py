"""A table of text, and which of its columns are numbers to compare."""

from __future__ import annotations

from dataclasses import dataclass

from harness.report.text import NOTHING

__all__ = ["PlainTable"]

_BEGINS_A_NUMBER = frozenset("+-0123456789")


@dataclass(frozen=True, kw_only=True)
class PlainTable:
    """A table of text; the first column says what a row is about, the second over which API, the rest are values.

    Attributes:
        title: its heading.
        slug: its name in links.
        head: the columns' names.
        rows: the cells, foreign text among them as it came.
        note: a sentence below it.
    """

    title: str
    slug: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def has_numbers(self, column: int) -> bool:
        """Whether a column holds numbers to compare with each other, and not words to read."""
        begins = {cells[column][:1] for cells in self.rows} - {NOTHING}
        return column > 1 and (not begins or not begins.isdisjoint(_BEGINS_A_NUMBER))
