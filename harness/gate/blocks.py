"""Blocks and pairs: what is measured of two servers in turn, and in which order. Pure.

Both servers run all the time; while one is measured the other is paused. Blocks come as A B, B A, A B, B A and so on,
so that what drifts meets both alike. Two blocks of different sides make a *pair*; where two pairs meet, the same side
is measured twice in a row, which tells how far two measurements of the same server differ.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Block", "Pair", "Side", "make_pairs", "order_of_pairs", "same_side_neighbours"]

Side = Literal["baseline", "candidate"]


@dataclass(frozen=True, kw_only=True)
class Block:
    """Some seconds of load on one side.

    Attributes:
        side: whose.
        start: which start of the servers, from 0.
        values: by metric; one that could not be measured is left out.
        void: why it says nothing, e.g. since the machine's time was taken away; empty if it counts.
        samples_ns: latencies, for budgets over the whole run; may be empty.
        turn: the how manieth block it was, those that were thrown away counted; None if all blocks are there.
    """

    side: Side
    start: int
    values: Mapping[str, float]
    void: str = ""
    samples_ns: tuple[float, ...] = field(default=(), repr=False)
    turn: int | None = None


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two blocks measured next to each other, one of each side."""

    baseline: Block
    candidate: Block

    @property
    def void(self) -> str:
        """Why the pair says nothing; empty if it counts."""
        return self.baseline.void or self.candidate.void


def order_of_pairs(first: int, count: int) -> Iterator[tuple[Side, Side]]:
    """Yield the order of the sides in pairs number `first` and on: A B, B A, A B, B A, and so on."""
    for number in range(first, first + count):
        yield ("candidate", "baseline") if number % 2 else ("baseline", "candidate")


def make_pairs(blocks: Sequence[Block]) -> list[Pair]:
    """Return the pairs of blocks as they were measured, two by two."""
    pairs = []
    for one, other in zip(blocks[::2], blocks[1::2], strict=True):
        by_side = {one.side: one, other.side: other}
        pairs.append(Pair(baseline=by_side["baseline"], candidate=by_side["candidate"]))
    return pairs


def same_side_neighbours(blocks: Sequence[Block]) -> list[tuple[Block, Block]]:
    """Return the neighbours of one side within one start that both count: measured twice with nothing changed.

    Blocks between which others were thrown away are no neighbours: the machine had time to change.
    """
    return [
        (one, other)
        for one, other in pairwise(blocks)
        if one.side == other.side and one.start == other.start and not one.void and not other.void
        if one.turn is None or other.turn == one.turn + 1
    ]
